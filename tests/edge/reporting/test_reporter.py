"""From groups to what is accepted: nothing is remembered of what was not accepted, and positions and refusals go on."""

from __future__ import annotations

import math
from collections import Counter as Counted
from collections.abc import Callable, Sequence

import pytest
from edge_tools.readings import refusal
from hypothesis import given
from hypothesis import strategies as st

from edge.readings import Priority, Reading, ReadingGroup
from edge.reporting.reporter import Reporter, SourceRules
from edge.reporting.rule import EveryRule, OnChangeRule, ReportedSource, ReportRule, WindowRule
from edge.spool.acceptance import NamedGroup
from edge.wire.series import Counter, Kind, Origin, Series, Statistic, Unit, WindowStatistic

SECOND_US = 1_000_000


def fridge(device: str) -> Series:
    return Series(device=device, quantity="temperature", unit=Unit.CELSIUS, kind=Kind.GAUGE, period_s=60.0)


TEMPERATURE = fridge("fridge-1")
CARBON_DIOXIDE = Series(device="hall", quantity="carbon_dioxide", unit=Unit.PPM, kind=Kind.GAUGE, period_s=60.0)
ENTRIES = Series(device="door", quantity="entries", unit=Unit.COUNT, kind=Kind.INTERVAL, period_s=60.0)
ENERGY = Series(
    device="meter", quantity="active_energy", unit=Unit.KILOWATT_HOUR, kind=Kind.CUMULATIVE, counter=Counter()
)
ALL = (TEMPERATURE, CARBON_DIOXIDE, ENTRIES, ENERGY)
BAND = OnChangeRule(quantity="temperature", device="fridge-*", dead_band=0.5, at_least_every_s=600)
WINDOW = WindowRule(quantity="carbon_dioxide", window_s=300)


class Hand:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def reporter(*rules: ReportRule, clock: Callable[[], float] = lambda: 0.0, **priority: Priority) -> Reporter:
    return Reporter({"s": SourceRules(rules=rules, **priority)}, clock)


def group(first: int, levels: Sequence[float], series: Sequence[Series] = ALL) -> ReadingGroup:
    """Return one reading a level of each series, a minute apart, from minute ``first`` on."""
    readings = [Reading(each, (first + n) * 60 * SECOND_US, level) for n, level in enumerate(levels) for each in series]
    return ReadingGroup(readings, Origin.MEASURED, str(first + len(levels)))


def means(groups: Sequence[NamedGroup]) -> list[tuple[int, float]]:
    return [
        (reading.t_us // SECOND_US, reading.value)
        for _, each in groups
        for reading in each.readings
        if isinstance(reading.series.report, WindowStatistic) and reading.series.report.statistic is Statistic.MEAN
    ]


def test_without_rules_groups_pass_as_they_are() -> None:
    groups = [("s", group(0, [1.0])), ("t", group(0, [2.0]))]
    assert Reporter({"s": SourceRules()}).report(groups) == groups
    of_another = reporter(BAND).report([groups[1]])
    assert of_another[0][1] is groups[1][1]


def test_counts_and_registers_pass_whatever_the_rules() -> None:
    general = reporter(BAND, WINDOW)
    ((_, out),) = general.report([("s", group(0, [5.0] * 20))])
    for series in (ENTRIES, ENERGY):
        assert [r.value for r in out.readings if r.series == series] == [5.0] * 20
    assert len([r for r in out.readings if r.series.quantity == "temperature"]) == 2


def test_what_is_held_back_moves_the_position_and_refusals_go_on() -> None:
    one = reporter(BAND)
    one.report([("s", group(0, [4.0], [TEMPERATURE]))])
    one.commit()
    held = ReadingGroup(group(1, [4.1], [TEMPERATURE]).readings, Origin.MEASURED, "2", [refusal("x")])
    ((source, out),) = one.report([("s", held)])
    assert (source, out.readings, out.position, out.refusals) == ("s", [], "2", [refusal("x")])


levels = st.lists(st.lists(st.sampled_from([4.0, 4.2, 5.0, 9.0]), min_size=1, max_size=4), min_size=1, max_size=12)


@given(levels, st.lists(st.booleans(), min_size=12, max_size=12))
def test_an_attempt_that_failed_leaves_no_trace(parts: list[list[float]], fails: list[bool]) -> None:
    """Oracle: a reporter that never saw the failed attempts."""
    tried, plain = reporter(BAND, WINDOW), reporter(BAND, WINDOW)
    minute = 0
    for part, failed in zip(parts, fails, strict=False):
        taken_back = [("s", group(minute + 1000, [77.0] * 3))]
        groups = [("s", group(minute, part))]
        minute += len(part)
        if failed:
            tried.report([*groups, *taken_back])  # the spool could not take it, and then one sender took back its own
            tried.is_due(frozenset("s"))
        assert tried.report(groups) == plain.report(groups)
        tried.commit()
        plain.commit()
    assert tried.open_windows == plain.open_windows == 1
    assert tried.report([], {"s"}) == plain.report([], {"s"})


def test_a_source_that_ends_reports_its_open_windows_at_its_position() -> None:
    one = reporter(WINDOW)
    one.report([("s", group(0, [400.0, 500.0], [CARBON_DIOXIDE]))])
    one.commit()
    assert one.open_windows == 1
    assert not one.is_due(frozenset())
    assert one.is_due({"s"})
    assert not one.is_due({"t"})
    ended = one.report([], {"s"})
    assert means(ended) == [(0, 450.0)]
    assert [(source, each.position, each.origin) for source, each in ended] == [("s", "2", Origin.MEASURED)]
    assert one.open_windows == 1  # not accepted yet
    one.commit()
    assert one.open_windows == 0
    one.report([("s", group(2, [700.0], [CARBON_DIOXIDE]))])
    one.commit()
    assert means(one.report([], {"s"})) == [(120, 700.0)]  # the rest of that window, with a time of its own


def test_a_device_that_falls_silent_has_its_window_reported() -> None:
    clock = Hand()
    one = reporter(WINDOW, clock=clock)
    one.report([("s", group(0, [400.0], [CARBON_DIOXIDE]))])
    one.commit()
    clock.now_s = 299.0
    assert not one.is_due(())
    clock.now_s = 300.0
    assert one.is_due(())
    assert means(one.report([])) == [(0, 400.0)]
    one.commit()
    assert not one.is_due(())


def test_a_reading_that_no_batch_can_carry_passes_to_be_refused_with_a_record() -> None:
    one = reporter(BAND, WINDOW)
    ((_, out),) = one.report([("s", group(0, [math.nan, math.inf], [TEMPERATURE, CARBON_DIOXIDE]))])
    assert [reading.series for reading in out.readings] == [TEMPERATURE, CARBON_DIOXIDE] * 2
    one.commit()
    assert one.open_windows == 0


def test_origins_are_not_mixed_in_a_window() -> None:
    one = reporter(WINDOW)
    for origin in (Origin.MEASURED, Origin.SIMULATED):
        each = group(0, [400.0 if origin is Origin.MEASURED else 800.0], [CARBON_DIOXIDE])
        one.report([("s", ReadingGroup(each.readings, origin, "1"))])
        one.commit()
    assert sorted((each.origin, *means([(source, each)])[0]) for source, each in one.report([], {"s"})) == [
        (Origin.MEASURED, 0, 400.0),
        (Origin.SIMULATED, 0, 800.0),
    ]


@pytest.mark.parametrize(
    ("source", "rule", "expected"),
    [
        ("normal", None, {Priority.NORMAL}),
        ("high", None, {Priority.HIGH}),
        ("normal", "high", {Priority.NORMAL, Priority.HIGH}),
        ("high", "normal", {Priority.NORMAL, Priority.HIGH}),
        ("high", "high", {Priority.HIGH}),
    ],
)
def test_a_rules_priority_goes_before_its_sources(source: str, rule: str | None, expected: set[Priority]) -> None:
    settings = ReportedSource.model_validate(
        {"priority": source, "report": [{"mode": "every", "quantity": "temperature", "priority": rule}]}
    )
    one = Reporter.of([("s", settings)], ())
    original = group(0, [1.0, 2.0])
    out = one.report([("s", original)])
    assert {each.priority for _, each in out if each.readings} == expected
    assert {each.position for _, each in out} == {original.position}
    assert Counted(r for _, each in out for r in each.readings) == Counted(original.readings)
    of_rule = [each.priority for _, each in out for r in each.readings if r.series == TEMPERATURE]
    assert set(of_rule) == {Priority.HIGH if (rule or source) == "high" else Priority.NORMAL}


def test_the_first_rule_that_concerns_a_series_holds_and_a_sources_own_come_first() -> None:
    settings = ReportedSource(report=(EveryRule(mode="every", quantity="temperature", device="fridge-9"),))
    general = (OnChangeRule(quantity="temperature", at_least_every_s=600),)
    one = Reporter.of([("s", settings)], general)
    ((_, out),) = one.report([("s", group(0, [4.0, 4.0], [fridge("fridge-9"), fridge("fridge-8")]))])
    assert [reading.series.device for reading in out.readings].count("fridge-9") == 2
    assert [reading.series.device for reading in out.readings].count("fridge-8") == 1
