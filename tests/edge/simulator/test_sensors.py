"""What the sensors report against the truth that they look at."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import defaultdict
from datetime import date, timedelta
from functools import cache

import pytest

from edge.readings import Reading
from edge.simulator import air, checkout, cold_chain, energy, labels, parking, screens, sensing, shelves, traffic
from edge.simulator.local_day import MINUTE_US, SLOT_US, local_day
from edge.simulator.plan import district_plan
from edge.simulator.site import StorePlan
from edge.simulator.store_day import StoreDay
from edge.simulator.truth import truth
from edge.wire.personal_data import forbidden_names
from edge.wire.quantities import QUANTITIES
from edge.wire.series import Kind, SeriesTable

DAY = date(2026, 5, 9)
STORES = {store.store_id: store for store in district_plan().stores}
A, B, C, D = STORES.values()
LANE = {"equipment_running", "equipment_fault", "transactions", "items_scanned"}
EACH_STORE = pytest.mark.parametrize("store", STORES.values(), ids=STORES)


@cache
def _readings(store: StorePlan) -> dict[tuple[str, str, str], list[Reading]]:
    found: defaultdict[tuple[str, str, str], list[Reading]] = defaultdict(list)
    day = StoreDay(store, DAY)
    for slot in range(day.day.slots):
        for reading in day.slot(slot):
            found[reading.series.device, reading.series.quantity, reading.series.channel].append(reading)
    return found


@EACH_STORE
def test_a_day_has_its_size_order_and_a_sound_series_table(store: StorePlan) -> None:
    series = [readings[0].series for readings in _readings(store).values()]
    table = SeriesTable.of(series)
    assert len(table.series) == len(series)
    assert forbidden_names(table.model_dump(mode="json")) == []
    assert all(each.unit is QUANTITIES[each.quantity].unit for each in series)
    assert all(each.kind in QUANTITIES[each.quantity].kinds for each in series)
    for readings in _readings(store).values():
        times = [reading.t_us for reading in readings]
        assert times == sorted(set(times))
    assert 10_000 <= sum(map(len, _readings(store).values())) <= 40_000


@EACH_STORE
def test_each_slot_holds_what_is_known_when_it_ends(store: StorePlan) -> None:
    day = StoreDay(store, DAY)
    for slot in (0, 1, 100, 287):
        ends_us = day.day.start_us + (slot + 1) * SLOT_US
        for reading in day.slot(slot):
            period_us = round((reading.series.period_s or 0) * 1e6)
            known_us = reading.t_us + (period_us if reading.series.kind is Kind.INTERVAL else 0)
            assert known_us <= ends_us
            assert slot == 0 or known_us >= ends_us - SLOT_US


@EACH_STORE
def test_working_series_are_complete(store: StorePlan) -> None:
    day = local_day(store, DAY)
    for device in store.devices:
        if device.outage:
            continue
        for observed in device.observed:
            series = observed.series
            if series.kind is Kind.EVENT:
                continue
            got = _readings(store)[series.device, series.quantity, series.channel]
            expected = (day.end_us - day.start_us) // round((series.period_s or 0) * 1e6)
            if series.kind is Kind.STATE:
                assert len(got) >= expected
            else:
                assert len(got) == expected + (series.kind is Kind.CUMULATIVE)


@EACH_STORE
def test_a_failed_device_is_silent_and_said_to_be_offline(store: StorePlan) -> None:
    day = local_day(store, DAY)
    for device in store.devices:
        silent = sensing.offline_slots(store, device, day)
        online = _readings(store)[device.device_id, "device_online", ""]
        assert len(online) == day.slots
        assert [slot for slot, reading in enumerate(online) if reading.value == 0] == list(silent)
        for observed in device.observed:
            series = observed.series
            for reading in _readings(store).get((series.device, series.quantity, series.channel), []):
                assert day.slot_of(reading.t_us) not in silent


def test_the_planned_failures_are_there() -> None:
    day = local_day(C, DAY)
    failing = {d.device_id: len(sensing.offline_slots(C, d, day)) for d in C.devices if d.outage}
    assert len(failing) == 4
    assert min(failing.values()) > 0.6 * day.slots
    assert ("sim-store-d-air-court-sensor", "carbon_dioxide", "") not in _readings(D)
    assert not any(device.outage for device in A.devices)
    assert {point.facility for point in B.points} == {"traffic", "shelves", "labels", "energy", "air"}
    assert not list(B.devices_of("labels"))


@EACH_STORE
def test_counters_miss_some_crossings_and_invent_none(store: StorePlan) -> None:
    day = local_day(store, DAY)
    true = traffic.crossings(store, DAY)
    for device in dict.fromkeys(device for device, _ in store.observed_at("door_line")):
        door = next(p.door_id for p in store.points if p.point_id == device.observed[0].point_id)
        for quantity, side in (("entries", true.entries), ("exits", true.exits)):
            per_slot = [0] * day.slots
            for t_us in side[door]:
                per_slot[day.slot_of(t_us)] += 1
            got = _readings(store)[device.device_id, quantity, ""]
            missed = 0
            crossed = 0
            for reading in got:
                there = per_slot[day.slot_of(reading.t_us)]
                assert 0 <= reading.value <= there
                missed += there - round(reading.value)
                crossed += there
            if not device.outage:
                expected = traffic.missed_share(store, device)
                assert abs(missed / crossed - expected) < 5 * math.sqrt(expected / crossed)


@EACH_STORE
def test_audits_show_the_same_sensor(store: StorePlan) -> None:
    for device, observed in (*store.observed_at("door_line"), *store.observed_at("pavement_line")):
        expected = traffic.missed_share(store, device)
        for quantity in (observed.series.quantity,):
            seen = traffic.audit(store, device, quantity)
            missed = 1 - seen / traffic.AUDITED_CROSSINGS
            assert abs(missed - expected) < 5 * math.sqrt(expected / traffic.AUDITED_CROSSINGS)
            assert seen == traffic.audit(store, device, quantity)


@EACH_STORE
def test_air_sensors_stay_within_their_accuracy(store: StorePlan) -> None:
    day = local_day(store, DAY)
    for zone in store.habits.air_zones:
        got = _readings(store).get((f"{zone.point_id}-sensor", "carbon_dioxide", ""), [])
        true = air.carbon_dioxide(store, day, zone)
        errors = [reading.value - true.at(reading.t_us) for reading in got]
        assert all(abs(error) <= 50 for error in errors)
        assert all(reading.value == round(reading.value) for reading in got)
        assert not errors or max(errors) - min(errors) > 5


@pytest.mark.parametrize("store", [A, C], ids=["a", "c"])
def test_probes_stay_within_their_accuracy(store: StorePlan) -> None:
    day = local_day(store, DAY)
    for cabinet in store.habits.cabinets:
        got = _readings(store)[f"{cabinet.point_id}-probe", "temperature", ""]
        true = cold_chain.cabinet_day(store, day, cabinet)
        errors = [reading.value - true.at(reading.t_us) for reading in got]
        assert got
        assert all(abs(error) <= 0.3 for error in errors)
        assert max(errors) - min(errors) > 0.05


def test_time_in_band_lies_between_the_bounds_that_accuracy_leaves() -> None:
    """Count the samples that are in band for sure, and those that may be: the truth lies between."""
    for offset in range(5):
        day_date = DAY + timedelta(days=offset)
        day = local_day(A, day_date)
        sure = possible = samples = 0
        played = StoreDay(A, day_date)
        kinds = {point.point_id: point.kind for point in A.points_of("cold_chain")}
        points = {d.device_id: d.observed[0].point_id for d in A.devices_of("cold_chain")}
        for slot in range(day.slots):
            for reading in played.slot(slot):
                if reading.series.device in points and reading.series.quantity == "temperature":
                    low, high = reading.value - 0.3, reading.value + 0.3
                    frozen = kinds[points[reading.series.device]] == "frozen_cabinet"
                    sure += high <= -18 if frozen else low > 0 and high <= 8
                    possible += low <= -18 if frozen else high > 0 and low <= 8
                    samples += 1
        true = truth(A, day.start_us, day.end_us)["cold_chain_time_in_band"]
        assert sure / samples < true < possible / samples


def test_shelves_report_the_exact_stock() -> None:
    day = local_day(A, DAY)
    for position in shelves.positions(A):
        true = shelves.stock(A, day, position)
        for reading in _readings(A)[position.series.device, "stock_units", position.series.channel]:
            assert reading.value == true.at(reading.t_us)


def test_the_label_gateway_counts_each_outcome() -> None:
    outcomes = [request.outcome for request in labels.requests(A, DAY)]
    totals = {
        outcome: sum(r.value for r in _readings(A)["sim-store-a-label-gateway", f"label_updates_{outcome}", ""])
        for outcome in ("requested", "confirmed", "failed")
    }
    assert totals == {
        "requested": len(outcomes),
        "confirmed": outcomes.count("confirmed"),
        "failed": outcomes.count("failed"),
    }


@EACH_STORE
def test_meters_show_the_register_cut_to_their_resolution(store: StorePlan) -> None:
    day = local_day(store, DAY)
    for device in store.devices_of("energy"):
        role = device.observed[0].role
        circuits = [c for c in store.habits.circuits if role in {energy.MAIN, c.name}]
        got = _readings(store)[device.device_id, "active_energy", ""]
        assert (got[0].t_us, got[-1].t_us) == (day.start_us, day.end_us)
        for reading in got:
            true = math.fsum(energy.circuit_day(store, c, DAY).register_kwh(reading.t_us) for c in circuits)
            assert 0 <= true - reading.value < 0.01 + 1e-6
            assert round(reading.value, 2) == reading.value


def test_bays_report_each_change_and_a_heartbeat() -> None:
    day = local_day(D, DAY)
    for bay in parking.bays(D):
        turns = parking.changes(D, day, bay)
        got = _readings(D)[bay.series.device, "bay_occupied", bay.series.channel]
        assert {*turns} < {reading.t_us for reading in got}
        assert len(got) == len(turns) + 24
        assert all(reading.value == sum(t <= reading.t_us for t in turns) % 2 for reading in got)


def test_players_and_checkouts_report_their_truth_every_five_minutes() -> None:
    day = local_day(A, DAY)
    dark = screens.off(A, day, "sim-store-a-screen-1")
    for reading in _readings(A)["sim-store-a-screen-1-player", "screen_online", ""]:
        assert reading.value == (not any(begin <= reading.t_us < end for begin, end in dark))
    broken, runs = checkout.faults(A, day, "sim-store-a-checkout-lane-2"), checkout.running(day)
    of_lane = {q: _readings(A)["sim-store-a-checkout-system", q, "lane-2"] for q in QUANTITIES if q in LANE}
    for fault, running in zip(of_lane["equipment_fault"], of_lane["equipment_running"], strict=True):
        assert fault.value == any(begin <= fault.t_us < end for begin, end in broken)
        assert running.value == (runs[0] <= running.t_us < runs[1])
    paid = checkout.baskets(A, day, "sim-store-a-checkout-lane-2")
    assert sum(reading.value for reading in of_lane["transactions"]) == len(paid)
    assert sum(reading.value for reading in of_lane["items_scanned"]) == sum(len(each.scanned_us) for each in paid)


def test_the_timed_gateway_tells_what_each_confirmed_update_took() -> None:
    confirmed = [request for request in labels.requests(A, DAY) if request.outcome == "confirmed"]
    told = _readings(A)["sim-store-a-label-gateway", "label_update_latency", ""]
    assert sorted(r.t_us for r in told) == sorted(r.answered_us for r in confirmed if r.answered_us is not None)
    took = {r.answered_us: r for r in confirmed}
    assert all(r.value * 1e6 == pytest.approx(r.t_us - took[r.t_us].requested_us) for r in told)
    assert not labels.is_timed(C)


def test_minutes_are_whole() -> None:
    day = local_day(A, DAY)
    for device in (*A.devices_of("air"), *A.devices_of("cold_chain"), *A.devices_of("shelves")):
        for observed in device.observed:
            series = observed.series
            got = _readings(A)[series.device, series.quantity, series.channel]
            assert [r.t_us for r in got] == list(range(day.start_us, day.end_us, MINUTE_US))


def test_the_sources_load_nothing_heavy() -> None:
    script = (
        "import sys, edge.sources.recording, edge.sources.simulated_store, edge.simulator.registry_files,"
        " edge.simulator.truth\n"
        "loaded = {module.partition('.')[0] for module in sys.modules}\n"
        "heavy = loaded & {'numpy', 'pandas', 'psycopg', 'fastapi', 'scipy', 'paho'}\n"
        "sys.exit(', '.join(sorted(heavy)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
