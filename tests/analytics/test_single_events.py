"""Single events are counted one by one; what is missing of them is told by their device's state, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from metric_inputs import claimed, inputs, observed
from store_facts import facts, point, watched

from analytics.catalogue.all_metrics import METRICS
from analytics.evaluation import Calendar, Evaluation
from analytics.facts import Facts, Watched
from analytics.gaps import account
from analytics.metrics import labels, traffic
from analytics.metrics.inputs import Audit, Observed
from analytics.metrics.spans import Spans
from analytics.results import Status
from analytics.series import observe
from analytics.windows import Window
from edge.wire.quantities import QUANTITIES
from edge.wire.series import Kind, Series
from ingest.store.readings import SeriesRows

START = datetime(2026, 5, 4, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=10), "UTC")
MINUTE_US = 60_000_000
ALL = Spans.of([(WINDOW.start_us, WINDOW.end_us)])


def events(quantity: str, minutes: Sequence[float], online: Spans | None = ALL, device: str = "door") -> Observed:
    t_us = WINDOW.start_us + np.array(minutes) * MINUTE_US
    made = observed(quantity, t_us, np.ones(len(minutes)), device=device, kind=Kind.EVENT, period_s=None)
    return replace(made, events=True, online=online)


def test_every_event_counts_in_the_window_in_which_it_happened() -> None:
    crossings = events("entries", [-1, 0, 0, 0.5, 599.99, 600, 700])
    assert traffic.measure_entries(inputs(WINDOW, [crossings])).value == 4
    cut = crossings.touching(WINDOW.start_us, WINDOW.end_us, 0)
    assert [part.t_us.size for part in cut.parts] == [4]
    assert traffic.measure_entries(inputs(WINDOW, [cut])).value == 4


def test_completeness_is_the_time_that_the_device_was_online() -> None:
    half = Spans.of([(WINDOW.start_us, WINDOW.start_us + 300 * MINUTE_US)])
    found = account([events("entries", [1, 2], half)], WINDOW.spans, 0.9, {}, WINDOW)
    assert (claimed(found).expected, claimed(found).received) == (120, 60)
    assert found.not_claimed == ()
    assert [(silence.device, silence.since_us) for silence in found.silent] == [("door", half.end[0])]
    quiet = account([events("entries", [])], WINDOW.spans, 0.9, {}, WINDOW)
    assert claimed(quiet).ratio == 1.0, "nobody came, and the device was there all the time"


def test_without_a_state_nothing_is_claimed_and_other_series_are_judged_alone() -> None:
    unknown = events("entries", [1, 2], None)
    assert account([unknown], WINDOW.spans, 0.9, {}, WINDOW).completeness is None
    grid = np.arange(WINDOW.start_us, WINDOW.end_us, 5 * MINUTE_US)
    beside = account([unknown, observed("entries", grid, grid * 0)], WINDOW.spans, 0.9, {}, WINDOW)
    assert (claimed(beside).ratio, beside.not_claimed) == (1.0, ("door",))


@pytest.mark.parametrize("online", [ALL, None])
def test_bounds_hold_what_may_be_missing(online: Spans | None) -> None:
    crossings = events("entries", [1, 2, 3, 303, 306], online)
    outcome = traffic.measure_entries(inputs(WINDOW, [crossings], audits=[Audit("door", "entries", 1000, 1000)]))
    assert outcome.value == 5
    assert outcome.bounds is not None
    # The most in a period of five minutes is three; where nobody vouches, all 120 periods may have been missed.
    assert outcome.bounds.high < 12 if online is ALL else outcome.bounds.high > 360


def test_label_updates_are_counted_by_event() -> None:
    asked = [-3, 10, 20, 30, 599]
    answered = [0, 10.5, 20.5]
    series = [
        events("label_updates_requested", asked, device="aims"),
        events("label_updates_confirmed", answered, device="aims"),
        events("label_updates_failed", [31], device="aims"),
    ]
    kept = METRICS["label_update_success"].periods_before
    cut = [each.touching(WINDOW.start_us, WINDOW.end_us, kept) for each in series]
    outcome = labels.measure(inputs(WINDOW, cut))
    assert outcome.detail == {"requested": 4, "confirmed": 3, "failed": 1, "pending": 0}
    assert outcome.value == 3 / 4
    assert outcome.bounds is not None
    # The answer at the window's start may be owed to the request before it: two of four are certain.
    assert (outcome.bounds.low, outcome.bounds.high) == (0.5, 1.0)


# --- from the registry and rows


def _definition(quantity: str, kind: Kind, device: str = "door", period_s: float | None = None) -> Series:
    return Series(device=device, quantity=quantity, unit=QUANTITIES[quantity].unit, kind=kind, period_s=period_s)


def _rows(series: Series, minutes: Sequence[float], values: Sequence[float]) -> SeriesRows:
    t_us = (WINDOW.start_us + np.array(minutes) * MINUTE_US).astype(np.int64)
    none = np.zeros(t_us.size, dtype=np.int16)
    return SeriesRows(
        series.definition, series.device, series.quantity, series.channel, series.unit.value, series.kind.value,
        series.period_s, t_us, none, np.array(values), none, np.ones(t_us.size, np.int64), np.ones(t_us.size, np.int64),
    )  # fmt: skip


def _door(*known: Series) -> tuple[Facts, list[Watched]]:
    door = point("door-1", "traffic", "door_line", perimeter=True)
    series = [watched("door", quantity, door) for quantity in ("entries", "exits")]
    told = {(each.device, each.quantity, each.channel): each.definition for each in known}
    return replace(facts([door], series), known=told, window=WINDOW), series


ENTRIES, ONLINE = _definition("entries", Kind.EVENT), _definition("device_online", Kind.STATE, period_s=300.0)


def test_a_side_that_never_reported_is_taken_for_events_as_the_other_is() -> None:
    known, (entries, exits) = _door(ENTRIES, ONLINE)
    up = _rows(ONLINE, [float(minute) for minute in range(0, 600, 5)], [1.0] * 60 + [0.0] * 60)
    found = observe(known, [entries, exits], [_rows(ENTRIES, [1, 2], [1.0, 1.0]), up])
    assert [(each.events, each.period_us) for each in found.values()] == [(True, 300_000_000)] * 2
    half = [(WINDOW.start_us, WINDOW.start_us + 300 * MINUTE_US)]
    assert [each.online.pairs() for each in found.values() if each.online is not None] == [half, half]
    assert [len(each.parts) for each in found.values()] == [1, 0]


def test_what_only_happens_is_of_events_before_it_ever_did() -> None:
    label = point("labels", "labels", "shelf_label", 10)
    of_gateway = [watched("gateway", "label_update_latency", label)]
    known = {("gateway", "device_online", ""): _definition("device_online", Kind.STATE, "gateway", 300.0).definition}
    told = replace(facts([label], of_gateway), known=known, window=WINDOW)
    up = _rows(
        _definition("device_online", Kind.STATE, "gateway", 300.0), [float(m) for m in range(0, 600, 5)], [1.0] * 120
    )
    found = list(observe(told, of_gateway, [up]).values())
    assert [(each.events, each.claims_completeness) for each in found] == [(True, True)]
    assert claimed(account(found, WINDOW.spans, 0.9, {}, WINDOW)).ratio == 1.0


def test_intervals_are_not_taken_for_events() -> None:
    known, series = _door(_definition("entries", Kind.INTERVAL, period_s=60.0), ONLINE)
    assert not any(each.events for each in observe(known, series, []).values())


@pytest.mark.parametrize(("known", "ratio"), [((ENTRIES, ONLINE), 0.0), ((ENTRIES,), None)])
def test_a_value_stands_without_a_claim_but_not_under_its_floor(known: tuple[Series, ...], ratio: float | None) -> None:
    of_store, series = _door(*known)
    rows = _rows(ENTRIES, [1, 2], [1.0, 1.0])
    found = list(observe(of_store, series, [rows]).values())
    result, _ = Evaluation(METRICS["footfall_entries"], of_store, Calendar.of(of_store), found).result({}, ())
    if ratio is None:
        assert (result.status, result.value, result.completeness) == (Status.MEASURED, 2, None)
        assert result.detail["completeness_not_claimed"] == ["door"]
    else:
        assert result.status is Status.INSUFFICIENT
        assert result.completeness is not None
        assert result.completeness.ratio == ratio


def test_events_that_nobody_claims_give_no_value_where_rows_are_removed() -> None:
    of_store, series = _door(ENTRIES)
    late = [WINDOW.end - timedelta(minutes=2), WINDOW.start]
    results = []
    for removed_before in late:
        removed = {each.key: removed_before for each in series}
        found = list(observe(of_store, series, [_rows(ENTRIES, [599], [1.0])], removed).values())
        results.append(
            Evaluation(METRICS["footfall_entries"], of_store, Calendar.of(of_store), found).result({}, ())[0]
        )
    gone, kept = results
    assert (gone.status, gone.value, gone.detail["reason"]) == (Status.INSUFFICIENT, None, "removed_by_retention")
    assert (kept.status, kept.value) == (Status.MEASURED, 1)
