from metric_inputs import observed
from store_facts import DAY, facts, point, watched

from analytics.catalogue.all_metrics import METRICS
from analytics.evaluation import Calendar, Evaluation
from analytics.facts import ONLINE
from analytics.results import Coverage, Facility, Status
from analytics.series import observe


def test_a_point_counts_what_its_best_observed_quantity_stands_for_and_no_more() -> None:
    shelf = point("labels", "labels", "shelf_label", 100)
    requested, confirmed = "label_updates_requested", "label_updates_confirmed"
    stand = (("a", requested, 60), ("b", requested, 30), ("a", confirmed, 60))
    series = [watched(device, quantity, shelf, count) for device, quantity, count in stand]
    metric = METRICS["label_update_success"]
    assert facts([shelf], series).coverage_of(metric) == Coverage(points_exist=100, points_instrumented=90)
    more = [*series, watched("c", requested, shelf, 50)]
    assert facts([shelf], more).coverage_of(metric) == Coverage(points_exist=100, points_instrumented=100)


def test_two_states_of_one_series_stand_for_its_points_once() -> None:
    shelf = point("labels", "labels", "shelf_label", 100)
    turned = [watched("a", "label_updates_requested", shelf, 40, valid_to) for valid_to in (DAY, None)]
    found = facts([shelf, shelf], turned).coverage_of_area(Facility.LABELS)
    assert found == Coverage(points_exist=100, points_instrumented=40)


def test_footfall_concerns_perimeter_doors_and_the_area_all_of_them() -> None:
    outer = point("outer", "traffic", "door_line", perimeter=True)
    inner = point("inner", "traffic", "door_line", perimeter=False)
    series = [watched("counter", "entries", inner), watched("counter", ONLINE, inner)]
    made = facts([outer, inner], series)
    footfall = METRICS["footfall_entries"]
    assert made.coverage_of(footfall) == Coverage(points_exist=1, points_instrumented=0)
    assert made.watched_by(footfall) == ()
    assert made.coverage_of_area(Facility.TRAFFIC) == Coverage(points_exist=2, points_instrumented=1)
    assert made.coverage_of_area(Facility.SENSING) == Coverage(points_exist=1, points_instrumented=1)
    assert [w.key for w in made.watched_by(METRICS["device_availability"])] == [("counter", ONLINE, "")]


def test_a_device_state_alone_instruments_no_point() -> None:
    bay = point("bay", "parking", "parking_bay")
    made = facts([bay], [watched("controller", ONLINE, bay)])
    assert made.coverage_of_area(Facility.PARKING) == Coverage(points_exist=1, points_instrumented=0)


def test_energy_use_concerns_main_meters_alone() -> None:
    main, sub = point("main", "energy", "main_meter"), point("sub", "energy", "sub_meter")
    made = facts([main, sub], [watched("m", "active_energy", main), watched("n", "active_energy", sub)])
    assert [w.series.device_id for w in made.watched_by(METRICS["energy_use"])] == ["m"]
    assert made.coverage_of(METRICS["energy_use"]) == Coverage(points_exist=1, points_instrumented=1)


def test_tills_stand_beside_self_checkouts_and_neither_install_nor_cover_any() -> None:
    machine, till = point("lane-1", "checkout", "self_checkout"), point("till-1", "traffic", "till")
    share = METRICS["checkout_share"]
    both = facts([machine, till], [watched("m", "transactions", machine), watched("t", "transactions", till)])
    assert [w.series.device_id for w in both.watched_by(share)] == ["m", "t"]
    assert both.coverage_of(share) == Coverage(points_exist=1, points_instrumented=1)
    assert [w.series.device_id for w in both.watched_by(METRICS["checkout_transactions"])] == ["m"]
    tills_only = facts([machine, till], [watched("t", "transactions", till)])
    assert tills_only.coverage_of(share) == Coverage(points_exist=1, points_instrumented=0)
    found, _ = Evaluation(share, tills_only, Calendar.of(tills_only), [observed("transactions", [], [])]).result({}, ())
    assert found.status is Status.DECLARED
    no_machine = facts([till], [watched("t", "transactions", till)])
    found, _ = Evaluation(share, no_machine, Calendar.of(no_machine), []).result({}, ())
    assert found.status is Status.NOT_INSTALLED


def test_conversion_stands_on_perimeter_doors_and_is_installed_where_a_till_is() -> None:
    outer = point("outer", "traffic", "door_line", perimeter=True)
    inner = point("inner", "traffic", "door_line", perimeter=False)
    till = point("till", "traffic", "till")
    conversion = METRICS["conversion_rate"]
    doors = [watched(door.point_id, "entries", door) for door in (outer, inner)]
    receipts = watched("feed", "transactions", till)
    made = facts([outer, inner, till], [*doors, receipts])
    assert [w.series.device_id for w in made.watched_by(conversion)] == ["outer", "feed"]
    assert made.coverage_of(conversion) == Coverage(points_exist=1, points_instrumented=1)
    states = {}
    for number, (points, series) in enumerate(
        [([outer], doors), ([outer, till], doors), ([outer, till], [*doors, receipts])]
    ):
        of_store = facts(points, series)
        found = observe(of_store, list(of_store.watched_by(conversion)), []).values()
        result, _ = Evaluation(conversion, of_store, Calendar.of(of_store), list(found)).result({}, ())
        states[number] = result.status
    assert list(states.values()) == [Status.NOT_INSTALLED, Status.DECLARED, Status.INSUFFICIENT]


def test_a_metric_that_relates_meters_to_doors_takes_the_perimeters_and_covers_meters() -> None:
    main = point("main", "energy", "main_meter")
    outer, inner = (
        point(f"door-{perimeter}", "traffic", "door_line", perimeter=perimeter) for perimeter in (True, False)
    )
    series = [watched("m", "active_energy", main), watched("o", "entries", outer), watched("i", "entries", inner)]
    made, metric = facts([main, outer, inner], series), METRICS["energy_per_visitor"]
    assert [w.series.device_id for w in made.watched_by(metric)] == ["m", "o"]
    assert made.coverage_of(metric) == Coverage(points_exist=1, points_instrumented=1)
    assert not metric.decides


def test_a_metric_of_every_quantity_takes_every_series() -> None:
    shelf, bay = point("shelf", "shelves", "shelf_position"), point("bay", "parking", "parking_bay")
    made = facts([shelf, bay], [watched("s", "stock_units", shelf), watched("b", ONLINE, bay)])
    assert len(made.watched_by(METRICS["data_completeness"])) == 2
