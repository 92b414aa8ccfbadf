"""The simulator's truth against brute force: other code, other steps, the same world."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from itertools import groupby, pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.simulator import air, checkout, cold_chain, energy, labels, parking, screens, sensing, shelves, traffic
from edge.simulator.local_day import MINUTE_US, SECOND_US, LocalDay, local_day
from edge.simulator.plan import district_plan
from edge.simulator.site import StorePlan
from edge.simulator.spells_off import spells_off
from edge.simulator.truth import truth

DAY = date(2026, 5, 9)
STORES = {store.store_id: store for store in district_plan().stores}
A, B, C, D = STORES.values()
COUNTS = {"footfall_entries", "footfall_exits", "energy_use"}
NO_SHARES = {"occupancy_mean", "dwell_mean", "queue_length_mean", "queue_wait_mean", "zone_heat", "zone_dwell_mean"}
UNBOUNDED = {
    "out_of_stock_spells",
    "parking_turnover",
    "parking_mean_stay",
    "screen_plays",
    "checkout_transactions",
    "checkout_items_per_transaction",
    "label_update_latency_median",
    "label_update_latency_p95",
}
ENERGY = {"energy_sub_metered_share", "energy_intensity", "energy_per_visitor", "energy_night_load"}
SENSING = {"device_failures", "count_accuracy"}
COLD_CHAIN = {"cold_chain_excursions", "cold_chain_excursion_time"}
COLD_CHAIN |= {"chilled_kinetic_temperature", "frozen_kinetic_temperature"}
AMOUNTS = COLD_CHAIN | {"device_failures", "device_time_to_repair", "energy_peak_demand"}


def _of_day(store: StorePlan) -> tuple[LocalDay, dict[str, float]]:
    day = local_day(store, DAY)
    return day, truth(store, day.start_us, day.end_us)


def test_a_local_day_is_the_days_own() -> None:
    day = local_day(A, DAY)
    zone = ZoneInfo("Asia/Shanghai")
    assert day.start_us == datetime(2026, 5, 9, tzinfo=zone).timestamp() * 1e6
    assert day.closes_us == datetime(2026, 5, 9, 22, tzinfo=zone).timestamp() * 1e6
    assert day.slots == 288


@pytest.mark.parametrize("store", STORES.values(), ids=STORES)
def test_metrics_are_those_of_the_facilities_that_the_store_has(store: StorePlan) -> None:
    _, values = _of_day(store)
    expected = {"footfall_entries", "footfall_exits", "energy_use", "device_availability", "carbon_dioxide_compliance"}
    expected |= ENERGY | SENSING | {"energy_peak_demand", "carbon_dioxide_indoor_compliance"}
    expected |= {"device_time_to_repair"} if store in {B, C} else set()
    expected |= COLD_CHAIN if store.habits.cabinets else set()
    expected |= {"on_shelf_availability"} if store.habits.shelves else set()
    expected |= {"label_update_success"} if store.habits.labels else set()
    expected |= {"cold_chain_time_in_band"} if store.habits.cabinets else set()
    expected |= {"parking_occupancy"} if store.habits.parking else set()
    expected |= {"occupancy_mean", "capacity_use", "dwell_mean"}
    expected |= {"capture_rate"} if store.habits.passers else set()
    expected |= {"queue_length_mean", "queue_wait_mean"} if store.habits.tills else set()
    expected |= {"conversion_rate"} if store.habits.tills or store.habits.checkout else set()
    expected |= {"zone_heat", "zone_dwell_mean"} if store.habits.counted_zones else set()
    expected |= {"out_of_stock_rate", "out_of_stock_spells"} if store.habits.shelves else set()
    expected |= {"parking_turnover", "parking_mean_stay"} if store.habits.parking else set()
    if store is A:
        expected |= {"screen_availability", "screen_plays"}
        expected |= {"checkout_availability", "checkout_transactions", "checkout_items_per_transaction"}
        expected |= {"label_update_latency_median", "label_update_latency_p95"}
    assert set(values) == expected
    assert all(
        0 <= value <= 1 for name, value in values.items() if name not in COUNTS | UNBOUNDED | NO_SHARES | AMOUNTS
    )


@pytest.mark.parametrize("store", STORES.values(), ids=STORES)
def test_footfall_counts_the_crossings_of_perimeter_doors(store: StorePlan) -> None:
    day, values = _of_day(store)
    found = traffic.crossings(store, DAY)
    perimeter = [door.door_id for door in store.doors if door.perimeter]
    assert values["footfall_entries"] == sum(len(found.entries[door]) for door in perimeter)
    assert values["footfall_exits"] == sum(len(found.exits[door]) for door in perimeter)
    assert values["footfall_entries"] == values["footfall_exits"] > 500
    everything = [t for door in store.doors for t in (*found.entries[door.door_id], *found.exits[door.door_id])]
    assert day.opens_us <= min(everything)
    assert max(everything) < day.end_us
    inside = [found.inside(t) for t in range(day.start_us, day.end_us, MINUTE_US)]
    assert min(inside) == inside[0] == inside[-1] == 0
    assert max(inside) > 20


def test_the_internal_door_is_no_footfall() -> None:
    found = traffic.crossings(D, DAY)
    internal = [door.door_id for door in D.doors if not door.perimeter]
    assert len(internal) == 1
    assert 500 < len(found.entries[internal[0]]) < len(found.came_us) / 4


def test_availability_equals_looking_each_second() -> None:
    day, values = _of_day(C)
    stocks = [shelves.stock(C, day, position) for position in shelves.positions(C)]
    looks = range(day.opens_us, day.closes_us, SECOND_US)
    seen = sum(stock.at(t) > 0 for stock in stocks for t in looks) / (len(stocks) * len(looks))
    assert values["on_shelf_availability"] == pytest.approx(seen, abs=1e-3)
    assert 0.5 < values["on_shelf_availability"] < 1


def test_stock_only_falls_by_sales_and_rises_to_full() -> None:
    day = local_day(A, DAY)
    for position in shelves.positions(A):
        stock = shelves.stock(A, day, position)
        assert stock.level[0] == 18
        assert all(a < b for a, b in pairwise(stock.t_us))
        assert all(b == 18 or b == a - 1 for a, b in pairwise(stock.level))


def test_label_success_counts_the_requests_that_were_confirmed() -> None:
    day, values = _of_day(A)
    made = labels.requests(A, DAY)
    outcomes = [request.outcome for request in made]
    assert set(outcomes) == {"confirmed", "failed", "unanswered"}
    assert values["label_update_success"] == outcomes.count("confirmed") / len(outcomes)
    answers = [request.answered_us for request in made if request.answered_us is not None]
    assert max(answers) < day.end_us
    half = truth(A, day.start_us, day.opens_us)["label_update_success"]
    early = [request for request in made if request.requested_us < day.opens_us]
    assert half == sum(r.outcome == "confirmed" for r in early) / len(early)


def test_energy_equals_power_summed_each_second() -> None:
    day, values = _of_day(A)
    circuits = [energy.circuit_day(A, circuit, DAY) for circuit in A.habits.circuits]
    looks = range(day.start_us, day.end_us, 20 * SECOND_US)
    summed = math.fsum(circuit.power_kw(t) for circuit in circuits for t in looks) * 20 / 3600
    assert values["energy_use"] == pytest.approx(summed, rel=1e-9)
    open_kw, closed_kw = (sum(c.power_kw(t) for c in circuits) for t in (day.opens_us, day.start_us))
    assert open_kw > 2 * closed_kw


def test_registers_never_fall_and_days_join() -> None:
    circuit = A.habits.circuits[0]
    days = [energy.circuit_day(A, circuit, DAY + timedelta(days=n)) for n in range(3)]
    edges = [edge for day in days for edge in day.at_edges_kwh]
    assert all(a <= b for a, b in pairwise(edges))
    assert all(a.at_edges_kwh[-1] == b.at_edges_kwh[0] for a, b in pairwise(days))
    assert energy.midnight_register_kwh(A, circuit, energy.FIRST_DAY) < circuit.kwh_per_day


def test_carbon_dioxide_equals_small_steps_of_its_mass_balance() -> None:
    day, values = _of_day(A)
    visits = traffic.crossings(A, DAY)
    step_s = 5
    within = hours = 0
    for zone in A.habits.air_zones:
        ppm, seen = air.OUTDOOR_PPM, []
        for t in range(day.start_us, day.end_us, MINUTE_US):
            is_open = day.opens_us <= t < day.closes_us
            people = visits.inside(t) * zone.visitor_share + (zone.staff if is_open else 0)
            air_m3_s = zone.outdoor_air_m3_per_h * (1 if is_open else 4) / 3600
            for _ in range(60 // step_s):
                ppm += step_s * (people * 0.018 / 3600 * 1e6 + air_m3_s * (air.OUTDOOR_PPM - ppm)) / zone.volume_m3
                seen.append(ppm)
        an_hour = 3600 // step_s
        means = [math.fsum(seen[i : i + an_hour]) / an_hour for i in range(9 * an_hour, 22 * an_hour, an_hour)]
        exact = air.carbon_dioxide(A, day, zone)
        for hour, mean in enumerate(means):
            assert exact.hour_mean(day.opens_us + hour * 60 * MINUTE_US) == pytest.approx(mean, abs=2)
        within += sum(mean <= 1500 for mean in means)
        hours += len(means)
    assert values["carbon_dioxide_compliance"] == within / hours
    assert within < hours


def test_carbon_dioxide_is_continuous_between_minutes() -> None:
    day = local_day(A, DAY)
    exact = air.carbon_dioxide(A, day, A.habits.air_zones[0])
    noon = day.start_us + 12 * 60 * MINUTE_US
    assert exact.at(noon + MINUTE_US - 1) == pytest.approx(exact.at(noon + MINUTE_US), abs=1e-3)


@pytest.mark.parametrize("store", [A, C], ids=["a", "c"])
def test_cold_chain_equals_looking_each_second(store: StorePlan) -> None:
    day, values = _of_day(store)
    cabinets = [cold_chain.cabinet_day(store, day, cabinet) for cabinet in store.habits.cabinets]
    looks = range(day.start_us, day.end_us, 3 * SECOND_US)
    seen = [sum(c.in_band(c.at(t)) for t in looks) / len(looks) for c in cabinets]
    assert values["cold_chain_time_in_band"] == pytest.approx(sum(seen) / len(seen), abs=1e-3)
    assert min(seen) < 1
    assert max(seen) == 1


def test_cabinets_are_continuous_over_midnight() -> None:
    for cabinet in A.habits.cabinets:
        tonight, tomorrow = (cold_chain.cabinet_day(A, local_day(A, d), cabinet) for d in (DAY, DAY + timedelta(1)))
        midnight = local_day(A, DAY).end_us
        assert tonight.at(midnight) == pytest.approx(tomorrow.at(midnight), abs=1e-9)


def test_parking_equals_looking_each_second() -> None:
    day, values = _of_day(D)
    turns = [parking.changes(D, day, bay) for bay in parking.bays(D)]
    assert len(turns) == 12
    assert all(a < b for each in turns for a, b in pairwise(each))
    looks = range(day.start_us, day.end_us, 10 * SECOND_US)
    seen = sum(sum(t_us <= t for t_us in each) % 2 for each in turns for t in looks) / (12 * len(looks))
    assert values["parking_occupancy"] == pytest.approx(seen, abs=2e-3)
    assert 0.2 < seen < 0.8


def test_vehicles_and_their_stays_equal_a_walk_through_the_changes() -> None:
    _, values = _of_day(D)
    by_bay = [parking.changes(D, local_day(D, DAY), bay) for bay in parking.bays(D)]
    stays = [leaves - arrives for turns in by_bay for arrives, leaves in zip(turns[::2], turns[1::2], strict=True)]
    assert values["parking_turnover"] == pytest.approx(len(stays) / 12)
    assert values["parking_mean_stay"] == pytest.approx(sum(stays) / len(stays) / MINUTE_US)


def test_empty_spells_equal_looking_each_second() -> None:
    day, values = _of_day(C)
    spells = 0
    for position in shelves.positions(C):
        stock, lasted = shelves.stock(C, day, position), 0
        for t_us in range(day.opens_us, day.closes_us + SECOND_US, SECOND_US):
            if t_us < day.closes_us and stock.at(t_us) == 0:
                lasted += 1
            else:
                spells += lasted >= 300
                lasted = 0
    assert values["out_of_stock_spells"] == spells > 0
    assert values["out_of_stock_rate"] == 1 - values["on_shelf_availability"]


def test_screens_and_checkouts_equal_looking_each_second() -> None:
    day, values = _of_day(A)
    looks = range(day.opens_us, day.closes_us, SECOND_US)
    dark = [screens.off(A, day, f"sim-store-a-screen-{n}") for n in (1, 2)]
    broken = [checkout.faults(A, day, f"sim-store-a-checkout-lane-{n}") for n in (1, 2)]
    for name, spells in (("screen_availability", dark), ("checkout_availability", broken)):
        off = sum(any(begin <= t < end for begin, end in each) for each in spells for t in looks)
        assert values[name] == pytest.approx(1 - off / (2 * len(looks)), abs=1e-3)
    assert values["checkout_availability"] < 1
    paid = [basket for n in (1, 2) for basket in checkout.baskets(A, day, f"sim-store-a-checkout-lane-{n}")]
    assert values["checkout_transactions"] == len(paid) > 300
    assert values["checkout_items_per_transaction"] == sum(len(b.scanned_us) for b in paid) / len(paid)
    assert values["screen_plays"] == pytest.approx(values["screen_availability"] * 2 * 13 * 240, abs=20)


def test_equipment_fails_so_that_whoever_looks_every_five_minutes_sees_each() -> None:
    spells = spells_off(0, 13 * 3600 * SECOND_US, 6.0, Random(3))
    assert len(spells) >= 3
    edges = [edge for spell in spells for edge in spell]
    assert all(later - earlier >= 300 * SECOND_US for earlier, later in pairwise(edges))


def test_one_of_twelve_devices_of_store_d_is_off() -> None:
    _, values = _of_day(D)
    assert values["device_availability"] == pytest.approx(11 / 12)


@settings(max_examples=15, deadline=None)
@given(start_min=st.integers(0, 2 * 1440 - 2), length_min=st.integers(2, 1440), cut=st.floats(0.01, 0.99))
def test_two_adjacent_windows_make_up_the_whole(start_min: int, length_min: int, cut: float) -> None:
    first = local_day(C, DAY).start_us
    start, end = first + start_min * MINUTE_US, first + (start_min + length_min) * MINUTE_US
    middle = start + max(1, round(cut * (end - start)))
    whole, left, right = truth(C, start, end), truth(C, start, middle), truth(C, middle, end)
    for name in COUNTS:
        assert whole[name] == pytest.approx(left[name] + right[name], abs=1e-6)
    for name in ("device_availability", "cold_chain_time_in_band"):
        weighed = (left[name] * (middle - start) + right[name] * (end - middle)) / (end - start)
        assert whole[name] == pytest.approx(weighed, abs=1e-4)


def test_without_opening_hours_there_is_no_availability() -> None:
    day = local_day(A, DAY)
    values = truth(A, day.start_us, day.start_us + 60 * MINUTE_US)
    assert {"on_shelf_availability", "carbon_dioxide_compliance", "label_update_success"}.isdisjoint(values)
    assert "parking_occupancy" in values


def test_an_empty_window_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        truth(A, 10, 10)


def test_what_energy_is_related_to_equals_other_sums() -> None:
    day, values = _of_day(D)
    used = values["energy_use"]
    truths = [energy.circuit_day(D, circuit, DAY) for circuit in D.habits.circuits]
    hours = range(day.opens_us, day.closes_us, 20 * SECOND_US)
    opening = math.fsum(truth.power_kw(t) for truth in truths for t in hours) * 20 / 3600
    open_h = (day.closes_us - day.opens_us) / (60 * MINUTE_US)
    assert values["energy_night_load"] == pytest.approx((used - opening) / (24 - open_h) / (opening / open_h), rel=1e-9)
    assert values["energy_intensity"] == used / 18_000
    assert values["energy_per_visitor"] == used / values["footfall_entries"]
    assert values["energy_sub_metered_share"] == pytest.approx(1.0, rel=1e-12)  # every circuit has a meter
    quarters = [
        math.fsum(truth.power_kw(start + step * MINUTE_US) for truth in truths for step in range(15)) / 15
        for start in range(day.start_us, day.end_us, 15 * MINUTE_US)
    ]
    assert values["energy_peak_demand"] == pytest.approx(max(quarters), rel=1e-9)
    partly = _of_day(A)[1]["energy_sub_metered_share"]
    assert 0.4 < partly < 0.6  # lighting and air conditioning of three circuits


def test_excursions_and_kinetic_temperature_equal_looking_each_three_seconds() -> None:
    day, values = _of_day(A)
    number, minutes = 0, 0.0
    kinetic: dict[bool, float] = {}
    for cabinet in A.habits.cabinets:
        truth_of = cold_chain.cabinet_day(A, day, cabinet)
        course = [truth_of.at(t) for t in range(day.start_us, day.end_us, 3 * SECOND_US)]
        for out, run in groupby(course, key=lambda celsius: not truth_of.in_band(celsius)):
            lasted = sum(1 for _ in run) / 20
            number, minutes = (number + 1, minutes + lasted) if out and lasted >= 30 else (number, minutes)
        rate = math.fsum(math.exp(-83_144 / 8.314472 / (celsius + 273.15)) for celsius in course) / len(course)
        found = -83_144 / 8.314472 / math.log(rate) - 273.15
        kinetic[truth_of.frozen] = max(found, kinetic.get(truth_of.frozen, -99.0))
    assert values["cold_chain_excursions"] == number > 0
    assert values["cold_chain_excursion_time"] == pytest.approx(minutes, abs=0.4 * number)
    assert values["chilled_kinetic_temperature"] == pytest.approx(kinetic[False], abs=1e-4)
    assert values["frozen_kinetic_temperature"] == pytest.approx(kinetic[True], abs=1e-4)


def test_failures_are_the_times_at_which_the_agent_notices_one() -> None:
    days = [local_day(C, DAY + timedelta(days=n)) for n in range(2)]
    values = truth(C, days[0].start_us, days[1].end_us)
    lasted = []
    for device in C.devices:
        silent = [slot in sensing.offline_slots(C, device, day) for day in days for slot in range(day.slots)]
        lasted += [5 * sum(1 for _ in run) for is_silent, run in groupby(silent) if is_silent]
    assert values["device_failures"] == len(lasted) == 8  # three probes and a counter, each day
    assert values["device_time_to_repair"] == pytest.approx(sum(lasted) / len(lasted))
    assert truth(D, days[0].start_us, days[0].end_us)["device_failures"] == 0  # what is always off does not fail
    middle = truth(C, days[0].opens_us + 60 * MINUTE_US, days[0].closes_us)
    assert "device_time_to_repair" not in middle  # all had begun before


def test_the_counters_are_as_true_as_they_do_not_miss() -> None:
    missed = [traffic.missed_share(D, device) for device in D.devices_of("traffic")]
    assert _of_day(D)[1]["count_accuracy"] == pytest.approx(1 - sum(missed) / len(missed))
