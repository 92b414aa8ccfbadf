"""Metrics of a simulated day, straight from what its sensors report, against the simulator's truth."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from metric_inputs import inputs, observed

from analytics.catalogue.all_metrics import METRICS
from analytics.catalogue.metric import Basis
from analytics.limits import shipped_limits
from analytics.metrics.inputs import Inputs, Observed, Outcome
from analytics.metrics.survival import kaplan_meier
from analytics.results import Facility
from analytics.windows import Window
from edge.readings import Reading
from edge.simulator import shelves
from edge.simulator.local_day import local_day
from edge.simulator.plan import store_plan
from edge.simulator.site import StorePlan
from edge.simulator.store_day import StoreDay
from edge.simulator.truth import truth
from edge.wire.series import Kind, Series

DAY = date(2026, 5, 9)
AREAS = {Facility.SHELVES, Facility.LABELS, Facility.PARKING, Facility.SCREENS, Facility.CHECKOUT}
BEYOND_DAY = {"label_update_success"}
"""Metrics whose bounds need readings from before the day."""


def series_of(store: StorePlan) -> list[Observed]:
    """Return the registered series of a store with a day's readings."""
    day = StoreDay(store, DAY)
    found: defaultdict[Series, list[Reading]] = defaultdict(list)
    for slot in range(day.day.slots):
        for reading in day.slot(slot):
            found[reading.series].append(reading)
    kinds = {point.point_id: point.kind for point in store.points}
    every = []
    for device in store.devices:
        for of in device.observed:
            rows, series = found[of.series], of.series
            made = observed(
                series.quantity,
                np.array([row.t_us for row in rows], dtype=np.int64),
                [row.value for row in rows],
                device=series.device,
                kind=series.kind,
                period_s=series.period_s,
                counter=series.counter,
                point_id=of.point_id,
                point_kind=kinds[of.point_id],
                point_count=of.point_count,
                events=series.kind is Kind.EVENT,
            )
            every.append(made)
    return every


def outcomes(store: StorePlan) -> dict[str, Outcome]:
    """Return every metric of these areas over the whole day."""
    day, every = local_day(store, DAY), series_of(store)
    window = window_of(store)
    limits = {key: found.value for key in shipped_limits().keys if (found := shipped_limits().on(key, DAY))}
    hours: dict[str, Inputs] = {}
    results = {}
    for metric in METRICS.values():
        if metric.facility not in AREAS or metric.name in BEYOND_DAY:
            continue
        own = [each for each in every if each.quantity in metric.quantities and each.point_kind in metric.point_kinds]
        if not own:
            continue
        made = inputs(window, own, limits=limits, opens_at=store.opens_at, closes_at=store.closes_at)
        if metric.basis is Basis.OPENING_HOURS:
            made = inputs(
                window, own, limits=limits, opens_at=store.opens_at, closes_at=store.closes_at, wanted=made.opening
            )
        hours[metric.name] = made
        results[metric.name] = metric.measure(made)
    assert all(each.opening.total_us == day.closes_us - day.opens_us for each in hours.values())
    return results


def window_of(store: StorePlan) -> Window:
    day, epoch = local_day(store, DAY), datetime(1970, 1, 1, tzinfo=UTC)
    start, end = (epoch + timedelta(microseconds=edge) for edge in (day.start_us, day.end_us))
    return Window(start, end, store.time_zone)


@pytest.mark.parametrize("seed", range(1, 5))
@pytest.mark.parametrize("store_id", ["sim-store-a", "sim-store-b", "sim-store-c", "sim-store-d"])
def test_bounds_hold_the_truth_and_are_tight(store_id: str, seed: int) -> None:
    store = store_plan(seed, store_id)
    day, found = local_day(store, DAY), outcomes(store)
    true = truth(store, day.start_us, day.end_us)
    checked = {name for name in found if name in true}
    assert checked >= {name for name in true if METRICS[name].facility in AREAS} - BEYOND_DAY
    for name in checked:
        outcome = found[name]
        assert outcome.value is not None, (name, outcome)
        assert outcome.bounds is not None, name
        assert outcome.bounds.low - 1e-9 <= true[name] <= outcome.bounds.high + 1e-9, (name, true[name], outcome)
        assert outcome.value == pytest.approx(true[name], rel=0.25, abs=3), name


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_taken_is_what_was_sold_but_for_what_a_round_hides(seed: int) -> None:
    store = store_plan(seed, "sim-store-a")
    day, found = local_day(store, DAY), outcomes(store)
    levels = [shelves.stock(store, day, position).level for position in shelves.positions(store)]
    sold = sum(int(-np.minimum(np.diff(level), 0).sum()) for level in levels)
    filled = sum(int(np.maximum(np.diff(level), 0).sum()) for level in levels)
    taken, put_on = found["units_taken"].value, found["units_put_on"].value
    assert taken is not None
    assert put_on is not None
    assert sold - 0.05 * sold <= taken <= sold
    assert sold - taken == filled - put_on


def test_the_time_to_replenish_is_that_of_the_true_levels_to_a_minute() -> None:
    store = store_plan(1, "sim-store-a")
    day, found = local_day(store, DAY), outcomes(store)["replenishment_latency"]
    waits, ended = [], []
    for position in shelves.positions(store):
        stock = shelves.stock(store, day, position)
        low_since = None
        for t_us, level in zip(stock.t_us, stock.level, strict=True):
            if level <= 0.2 * 18 and low_since is None:
                low_since = t_us
            elif level >= 0.6 * 18 and low_since is not None:
                waits.append((min(t_us, day.closes_us) - low_since) / 60e6)
                ended.append(True)
                low_since = None
        if low_since is not None:
            waits.append((day.closes_us - low_since) / 60e6)
            ended.append(False)
    assert found.detail["spells"] == len(waits) > 5
    assert found.value == pytest.approx(kaplan_meier(np.array(waits), np.array(ended)).quantile(0.5), abs=1.0)
