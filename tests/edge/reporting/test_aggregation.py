"""Windows against ``statistics``: every reading is in exactly one aggregate, and no two aggregates share a time."""

from __future__ import annotations

from collections import defaultdict
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.readings import Reading
from edge.reporting.aggregation import OpenWindow, WindowReport
from edge.wire.series import Kind, Series, Statistic, Unit, WindowStatistic

SECOND_US = 1_000_000
SENSOR = Series(device="hall", quantity="carbon_dioxide", unit=Unit.PPM, kind=Kind.GAUGE, period_s=60.0)
Aggregates = dict[int, dict[Statistic, Reading]]


def at(seconds: float, value: float, flags: int = 0) -> Reading:
    return Reading(SENSOR, round(seconds * SECOND_US), value, flags)


def aggregated(readings: list[Reading], window_s: float = 300.0) -> Aggregates:
    """Return the aggregates of these readings by time, the last window as far as it got."""
    report = WindowReport(SENSOR, window_s)
    window: OpenWindow | None = None
    out: list[Reading] = []
    for reading in readings:
        window, due = report.step(window, reading, 0.0)
        out += due
    out += report.aggregates(window) if window else []
    found: Aggregates = defaultdict(dict)
    for each in out:
        rule = each.series.report
        assert isinstance(rule, WindowStatistic)
        assert rule.window_s == each.series.period_s == window_s
        assert rule.statistic not in found[each.t_us]
        found[each.t_us][rule.statistic] = each
    assert all(set(each) == set(Statistic) for each in found.values())
    return dict(found)


@given(
    st.lists(st.tuples(st.integers(0, 2000), st.floats(-1e9, 1e9), st.integers(0, 3)), min_size=1, max_size=60),
    st.sampled_from([60.0, 300.0, 777.0]),
)
def test_windows_equal_an_independent_computation(steps: list[tuple[int, float, int]], window_s: float) -> None:
    readings = [at(seconds, value, flags) for seconds, value, flags in sorted({s[0]: s for s in steps}.values())]
    windows: dict[int, list[Reading]] = defaultdict(list)
    for reading in readings:
        windows[reading.t_us // round(window_s * SECOND_US)].append(reading)
    found = aggregated(readings, window_s)
    assert sorted(found) == [of[0].t_us for of in windows.values()]
    for of in windows.values():
        levels = [reading.value for reading in of]
        one = {statistic: each.value for statistic, each in found[of[0].t_us].items()}
        assert one[Statistic.MIN] == min(levels)
        assert one[Statistic.MAX] == max(levels)
        assert one[Statistic.COUNT] == len(levels)
        assert one[Statistic.MEAN] == pytest.approx(fmean(levels), rel=1e-12, abs=1e-3)
        assert min(levels) <= one[Statistic.MEAN] <= max(levels)
        flags = 0
        for reading in of:
            flags |= reading.flags
        assert {each.flags for each in found[of[0].t_us].values()} == {flags}


@given(st.lists(st.integers(0, 2000), min_size=1, max_size=60, unique=True))
def test_in_any_order_every_reading_is_counted_once_and_times_never_meet(seconds: list[int]) -> None:
    found = aggregated([at(t, float(t)) for t in seconds])
    assert sum(each[Statistic.COUNT].value for each in found.values()) == len(seconds)
    total = sum(each[Statistic.COUNT].value * each[Statistic.MEAN].value for each in found.values())
    assert total == pytest.approx(sum(seconds))


def test_a_reading_that_is_delivered_again_is_not_counted_again() -> None:
    found = aggregated([at(0, 400.0), at(60, 900.0), at(60, 900.0)])
    assert found[0][Statistic.COUNT].value == 2
    assert found[0][Statistic.MEAN].value == 650.0


def test_the_count_is_in_counts_and_the_rest_in_the_sensors_unit() -> None:
    units = {statistic: each.series.unit for statistic, each in aggregated([at(5, 1.0)])[5 * SECOND_US].items()}
    assert units.pop(Statistic.COUNT) is Unit.COUNT
    assert set(units.values()) == {Unit.PPM}
