"""The answer as a whole, from a database: the simulated district against its truth, and what a registry can say."""

from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from stored_readings import store_readings

from analytics.catalogue.all_metrics import METRICS
from analytics.errors import UnknownDistrict, UnknownMetric, UnknownStore
from analytics.evaluate import evaluate
from analytics.facilities import district_answer, store_answer
from analytics.results import FacilitiesAnswer, Facility, Result, Status
from analytics.windows import Window, to_us
from edge.readings import Reading
from edge.simulator.plan import district_plan
from edge.simulator.registry_files import write_csv_set
from edge.simulator.site import StorePlan
from edge.simulator.store_day import StoreDay
from edge.simulator.truth import truth
from edge.wire.quantities import QUANTITIES
from edge.wire.series import Kind, Origin, Series
from ingest.canonical import records, root_of_leaves
from ingest.registry.csv_set import read_csv_set
from ingest.store.readings import fetch_series
from ingest.store.registry_import import import_set

ZONE = ZoneInfo("Asia/Shanghai")
PLAN = district_plan(1)
STORES = {store.store_id: store for store in PLAN.stores}
Database = psycopg.Connection[Any]


@pytest.fixture
def registered(connection: Database, tmp_path: Path) -> Database:
    connection.autocommit = True
    write_csv_set(PLAN, tmp_path)
    import_set(connection, read_csv_set(tmp_path), "simulation")
    return connection


def play(c: Database, store: StorePlan, day: date, *, opening: bool = True) -> list[Reading]:
    plan = StoreDay(store, day, opening=opening)
    readings = [reading for slot in range(plan.day.slots) for reading in plan.slot(slot)]
    store_readings(c, store.agent_id, readings)
    return readings


def days(first: date, number: int = 1) -> Window:
    start = datetime.combine(first, time(), tzinfo=ZONE)
    return Window(start, start + timedelta(days=number), ZONE.key)


def results(answer: FacilitiesAnswer) -> dict[str, Result]:
    return {result.metric: result for area in answer.areas for result in area.results}


def test_the_simulated_district_agrees_with_its_truth_and_says_where_it_cannot_know(registered: Database) -> None:
    first, number = date(2026, 5, 4), 2
    for store in PLAN.stores:
        for ahead in range(number):
            play(registered, store, first + timedelta(days=ahead), opening=ahead == 0)
    window = days(first, number)
    answer = district_answer(registered, PLAN.district_id, window)
    assert not answer.evidence
    measured = 0
    for of_store in answer.stores:
        assert [area.facility for area in of_store.areas] == list(Facility)
        assert of_store.origins == (Origin.SIMULATED,)
        true = truth(STORES[of_store.store_id], window.start_us, window.end_us)
        for name, result in results(of_store).items():
            if result.status is Status.MEASURED and name in true:
                measured += 1
                assert result.interval is not None
                assert result.interval.low <= true[name] <= result.interval.high, (of_store.store_id, name)
            if result.status is not Status.MEASURED:
                assert result.value is None
                assert result.interval is None
    assert measured >= 25
    status = {(s.store_id[-1], area.facility.value): area.status for s in answer.stores for area in s.areas}
    assert {area: status["a", area] for area in Facility} == dict.fromkeys(Facility, Status.MEASURED)
    assert all(
        result.status is Status.MEASURED
        for result in results(answer.stores[1]).values()
        if result.facility is Facility.TRAFFIC
    )
    assert results(answer.stores[3])["conversion_rate"].status is Status.NOT_INSTALLED
    assert status["b", "labels"] is Status.DECLARED
    assert status["b", "parking"] is Status.NOT_INSTALLED
    assert status["c", "traffic"] is Status.INSUFFICIENT  # its counter is silent for most of each day
    assert status["c", "cold_chain"] is Status.INSUFFICIENT
    assert status["d", "air"] is Status.INSUFFICIENT  # one of two sensors is off
    of_c = results(next(s for s in answer.stores if s.store_id == "sim-store-c"))
    assert of_c["energy_per_visitor"].status is Status.INSUFFICIENT  # for want of the counter, which is no meter
    assert status["c", "energy"] is Status.MEASURED
    assert of_c["data_completeness"].value is not None
    assert of_c["data_completeness"].value < 0.9
    assert status["c", "sensing"] is Status.MEASURED
    sums = {one.metric: one for one in answer.sums}
    counted = [results(s)["footfall_entries"].value for s in answer.stores if s.store_id != "sim-store-c"]
    assert sums["footfall_entries"].value == sum(value for value in counted if value is not None)
    assert isinstance(sums["footfall_entries"].value, int)
    assert sums["footfall_entries"].stores_excluded == ("sim-store-c",)
    assert sums["footfall_entries"].note is not None
    assert sums["energy_use"].stores_excluded == ()
    steps = {(s.store_id[-1], area.facility.value): area.next_step for s in answer.stores for area in s.areas}
    off = steps["d", "air"]
    assert off is not None
    assert "sim-store-d-air-court-sensor" in off.en
    assert "sim-store-d-air-court-sensor" in off.zh
    down = steps["d", "sensing"]
    assert down is not None
    assert "sim-store-d-air-court-sensor since 2026-05-04 00:00" in down.en
    assert all((steps["a", area] is None) for area in Facility)


def test_the_change_on_the_like_period_and_one_metric_alone_equal_the_whole_answer(registered: Database) -> None:
    store = STORES["sim-store-a"]
    before, now = date(2026, 4, 27), date(2026, 5, 4)
    readings = [play(registered, store, day) for day in (before, now)]
    whole = results(store_answer(registered, store.store_id, days(now)))
    for name in METRICS:
        assert evaluate(registered, name, store.store_id, days(now)) == whole[name]
    counted = [
        sum(int(r.value) for r in day if r.series.quantity == "entries") for day in readings
    ]  # store A has perimeter doors only
    change = whole["footfall_entries"].change
    assert change is not None
    assert (change.window.start, change.window.end) == (days(before).start, days(before).end)
    assert (change.status, change.value, change.difference) == (Status.MEASURED, counted[0], counted[1] - counted[0])
    assert change.ratio == (counted[1] - counted[0]) / counted[0]
    earlier = evaluate(registered, "footfall_entries", store.store_id, days(before)).change
    assert earlier is not None
    assert (earlier.status, earlier.value, earlier.difference) == (Status.INSUFFICIENT, None, None)


def test_deliveries_are_those_of_the_ledger(registered: Database) -> None:
    store, day = STORES["sim-store-a"], date(2026, 5, 4)
    readings = play(registered, store, day)
    window = days(day)
    received = window.start_us + 86_400_000_000 + 7_000_000  # the whole day came at once, seven seconds after it
    registered.execute("update ledger set received_at = to_timestamp(%s)", [received / 1e6])
    found = results(store_answer(registered, store.store_id, window))
    # Temperature is known at its time, a count at the end of its interval: within five minutes is the last of each.
    known_us = [
        r.t_us + (round((r.series.period_s or 0) * 1e6) if r.series.kind is Kind.INTERVAL else 0) for r in readings
    ]
    watched = [t for t, r in zip(known_us, readings, strict=True) if window.start_us <= r.t_us < window.end_us]
    late_s = [(received - t) / 1e6 for t in watched]
    timely = found["data_timeliness"]
    assert timely.value == sum(s <= 300 for s in late_s) / len(late_s)
    assert timely.detail["delay_p50_s"] == pytest.approx(median(late_s), abs=1e-3)
    assert timely.detail["negative"] == 0
    assert found["data_order"].value == 1
    assert found["data_validity"].value == 1
    assert found["data_completeness"].value == 1
    offset = found["clock_offset"]
    assert offset.value is not None
    assert offset.value > 0
    store_readings(registered, store.agent_id, readings[:3], Origin.REPLAYED)
    again = evaluate(registered, "data_timeliness", store.store_id, window)
    assert again.detail["readings"] == timely.detail["readings"]


def test_the_digest_is_the_merkle_root_over_the_rows_of_the_window(registered: Database) -> None:
    store, window = STORES["sim-store-a"], days(date(2026, 5, 4))
    play(registered, store, date(2026, 5, 4))
    result = evaluate(registered, "on_shelf_availability", store.store_id, window)
    keys = [
        (device.device_id, "stock_units", seen.series.channel)
        for device in store.devices_of("shelves")
        for seen in device.observed
    ]
    leaves = []
    for rows in fetch_series(registered, keys, window.start, window.end):
        packed = records(rows.t_us, rows.ordinal, rows.value, rows.flags).tobytes()
        leaves.append(sha256(b"\x00" + sha256(rows.definition.encode()).digest() + packed).digest())
    assert len(leaves) == 10
    assert result.digest == root_of_leaves(leaves).hex()


def test_a_correction_changes_the_value_and_the_digest_and_a_mixed_origin_is_named(registered: Database) -> None:
    store, window = STORES["sim-store-c"], days(date(2026, 5, 4))
    meter = next(store.devices_of("energy")).observed[0].series
    start = window.start_us
    rows = [Reading(meter, start + i * 900_000_000, 100.0 + i) for i in range(97)]
    store_readings(registered, store.agent_id, rows)
    first = evaluate(registered, "energy_use", store.store_id, window)
    assert (first.value, first.origins) == (96.0, (Origin.SIMULATED,))
    store_readings(registered, store.agent_id, [Reading(meter, start + 96 * 900_000_000, 200.0)])
    second = evaluate(registered, "energy_use", store.store_id, window)
    assert second.value == 100.0
    assert second.digest != first.digest
    shelf = next(store.devices_of("shelves")).observed[0].series
    store_readings(registered, store.agent_id, [Reading(shelf, start + 10 * 3_600_000_000, 3.0)], Origin.ENTERED)
    assert evaluate(registered, "energy_use", store.store_id, window).origins == (Origin.SIMULATED,)
    assert evaluate(registered, "on_shelf_availability", store.store_id, window).origins == (Origin.ENTERED,)
    assert store_answer(registered, store.store_id, window).origins == (Origin.ENTERED, Origin.SIMULATED)


def test_a_window_within_a_day_counts_occupancy_from_the_days_start(registered: Database) -> None:
    store, day = STORES["sim-store-a"], date(2026, 5, 4)
    play(registered, store, day)
    whole = evaluate(registered, "occupancy_peak", store.store_id, days(day))
    start = datetime.fromisoformat(str(whole.detail["slot_start"])) - timedelta(hours=1)
    part = evaluate(registered, "occupancy_peak", store.store_id, Window(start, start + timedelta(hours=3), ZONE.key))
    assert part.value == whole.value
    assert part.detail["slot_start"] == whole.detail["slot_start"]


def test_a_silent_store_is_insufficient_and_its_next_step_says_since_when(registered: Database) -> None:
    store = STORES["sim-store-a"]
    day = StoreDay(store, date(2026, 5, 4))
    until = 12 * 12  # noon
    store_readings(registered, store.agent_id, [r for slot in range(until) for r in day.slot(slot)])
    answer = store_answer(registered, store.store_id, days(date(2026, 5, 4)))
    for area in answer.areas:
        assert area.status is Status.INSUFFICIENT
        assert area.next_step is not None
        assert "2026-05-04 1" in area.next_step.en
        told = (r for r in area.results if METRICS[r.metric].completeness_floor > 0)
        for result in (r for r in told if r.status is not Status.NOT_INSTALLED):
            assert result.value is None
            assert result.detail["reason"] == "completeness_below_floor"
            assert result.detail["silent"]
    footfall = results(answer)["footfall_entries"].completeness
    assert footfall is not None
    assert footfall.ratio == 0.5
    assert {gap.start for gap in footfall.gaps} == {datetime(2026, 5, 4, 12, tzinfo=ZONE)}


def test_devices_that_never_reported_are_expected_at_the_nominal_period(registered: Database) -> None:
    answer = store_answer(registered, "sim-store-b", days(date(2026, 5, 4)))
    found = {area.facility: area.status for area in answer.areas}
    assert found[Facility.TRAFFIC] is Status.INSUFFICIENT
    assert found[Facility.SENSING] is Status.DECLARED
    footfall = results(answer)["footfall_entries"]
    assert footfall.completeness is not None
    assert (footfall.completeness.expected, footfall.completeness.received) == (6 * 288, 0)
    assert (footfall.origins, footfall.digest, answer.evidence) == ((), None, False)


def test_a_definition_that_changes_within_the_window_counts_nothing_twice(registered: Database) -> None:
    """A counter that goes over from intervals of 300 s to 600 s at noon, and repeats the morning meanwhile."""
    store, window = STORES["sim-store-c"], days(date(2026, 5, 4))
    device = next(store.devices_of("traffic")).device_id
    unit = QUANTITIES["entries"].unit

    def series(quantity: str, period_s: float) -> Series:
        return Series(device=device, quantity=quantity, unit=unit, kind=Kind.INTERVAL, period_s=period_s)

    noon = window.start_us + 12 * 3_600_000_000
    readings = []
    for quantity in ("entries", "exits"):
        fine, coarse = series(quantity, 300.0), series(quantity, 600.0)
        readings += [Reading(fine, window.start_us + i * 300_000_000, 1.0) for i in range(288)]
        readings += [Reading(coarse, noon + i * 600_000_000, 2.0) for i in range(72)]
    store_readings(registered, store.agent_id, readings)
    result = evaluate(registered, "footfall_entries", store.store_id, window)
    assert result.value == 144 + 144
    assert result.completeness is not None
    assert result.completeness.ratio == 1.0


def test_what_is_not_there_is_named(registered: Database) -> None:
    window = days(date(2026, 5, 4))
    with pytest.raises(UnknownStore):
        store_answer(registered, "nowhere", window)
    with pytest.raises(UnknownStore):
        evaluate(registered, "energy_use", "sim-store-a", days(date(1990, 1, 1)))
    with pytest.raises(UnknownMetric):
        evaluate(registered, "happiness", "sim-store-a", window)
    with pytest.raises(UnknownDistrict):
        district_answer(registered, "nowhere", window)
    assert to_us(window.start.astimezone(UTC)) == window.start_us
