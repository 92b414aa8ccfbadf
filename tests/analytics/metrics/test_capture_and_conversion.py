"""Turn-in and conversion: the same hours on both sides, exact counts, flags instead of clipping, bounds that hold."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from metric_inputs import inputs, observed
from scipy import stats

from analytics.metrics import capture, conversion
from analytics.metrics.inputs import Audit, Inputs, Observed
from analytics.windows import Window
from edge.wire.series import Kind

ZONE = ZoneInfo("Asia/Shanghai")
WINDOW = Window(datetime(2026, 5, 4, tzinfo=ZONE), datetime(2026, 5, 5, tzinfo=ZONE), ZONE.key)
SLOT = 300_000_000
GRID = np.arange(WINDOW.start_us, WINDOW.end_us, SLOT)


def door(quantity: str, counts: Any, t_us: Any = GRID, device: str = "door", **facts: Any) -> Observed:
    return observed(quantity, t_us, counts, device=device, point_kind="door_line", **facts)


def street(quantity: str, counts: Any, t_us: Any = GRID, device: str = "street") -> Observed:
    return observed(quantity, t_us, counts, device=device, point_kind="pavement_line", perimeter=None)


def till(counts: Any, t_us: Any = GRID, kind: str = "till", **facts: Any) -> Observed:
    return observed("transactions", t_us, counts, device=kind, point_kind=kind, perimeter=None, **facts)


def opening(*series: Observed, **more: Any) -> Inputs:
    made = inputs(WINDOW, series, opens_at=time(9), closes_at=time(21), **more)
    return inputs(WINDOW, series, opens_at=time(9), closes_at=time(21), wanted=made.opening, **more)


def test_ten_who_come_in_and_five_receipts_are_half() -> None:
    """The cited example."""
    entries, receipts = np.zeros(288), np.zeros(288)
    entries[120:130], receipts[125:130] = 1, 1
    outcome = conversion.measure(inputs(WINDOW, [door("entries", entries), till(receipts)]))
    assert (outcome.value, outcome.bounds) == (0.5, None)
    assert outcome.detail == {"transactions": 5, "entries": 10, "same_hours": 24.0}


def test_tills_and_self_checkouts_are_summed_and_more_receipts_than_people_are_flagged() -> None:
    series = [door("entries", np.ones(288)), till(np.ones(288)), till(np.full(288, 2), kind="self_checkout")]
    outcome = conversion.measure(inputs(WINDOW, series))
    assert outcome.value == 3
    assert outcome.detail["above_one"] is True


def test_only_hours_in_which_both_sides_were_seen_count() -> None:
    """The till is silent for an hour in which the door sees a crowd."""
    entries, seen = np.ones(288), np.ones(288, dtype=bool)
    entries[140:152], seen[140:152] = 100, False
    outcome = conversion.measure(inputs(WINDOW, [door("entries", entries), till(np.ones(276), GRID[seen])]))
    assert (outcome.value, outcome.detail["same_hours"]) == (1.0, 23.0)
    seen[:140] = False
    outcome = conversion.measure(inputs(WINDOW, [door("entries", entries), till(np.ones(136), GRID[seen])]))
    assert outcome.undefined == "sides_at_unlike_hours"


def test_single_receipts_need_nobody_who_vouches() -> None:
    feed = till([1, 1, 1], GRID[[100, 101, 150]] + 7, kind="till")
    events = observed(
        "transactions", feed.parts[0].t_us, [1, 1, 1], kind=Kind.EVENT, period_s=None, point_kind="till", events=True
    )
    outcome = conversion.measure(inputs(WINDOW, [door("entries", np.ones(288)), events]))
    assert outcome.value == 3 / 288


def test_turn_in_is_of_the_opening_hours_and_of_passages_or_both_directions() -> None:
    came, passed = np.zeros(288), np.full(288, 10)
    came[108:252] = 2
    for line in (
        [street("passages", passed)],
        [street("entries", passed * 0.4), street("exits", passed * 0.6)],
        [street("passages", passed), street("entries", passed), street("exits", passed)],  # the passages stand
    ):
        outcome = capture.measure(opening(door("entries", came), *line))
        assert outcome.value == pytest.approx(0.2)
        assert outcome.detail["passers_by"] == 1440
    outside = capture.measure(opening(door("entries", came), street("passages", came / 2)))
    assert (outside.value, outside.detail["above_one"]) == (2.0, True)
    assert capture.measure(opening(door("entries", came), street("passages", 0 * came))).undefined == "nobody_passed"


def test_the_doors_alone_are_turned_round() -> None:
    ins, outs = np.full(288, 2), np.full(288, 6)
    series = [door("entries", ins, inverted=True), door("exits", outs, inverted=True), street("passages", 5 * outs)]
    assert capture.measure(opening(*series)).value == pytest.approx(0.2)


def test_bounds_hold_the_true_ratios() -> None:
    rng = np.random.default_rng(6)
    hits, runs = np.zeros(2, dtype=int), 200
    shape = 1 + np.sin(np.linspace(0, 9, 288)) ** 2
    for _ in range(runs):
        passed, came = rng.poisson(40 * shape), rng.poisson(8 * shape)
        bought = rng.binomial(came, 0.3)
        audits = [
            Audit("door", "entries", 2_000, int(rng.binomial(2_000, 0.97))),
            Audit("street", "passages", 1_000, int(rng.binomial(1_000, 0.95))),
        ]
        counted = door("entries", rng.binomial(came, 0.97))
        turned_in = capture.measure(
            inputs(WINDOW, [counted, street("passages", rng.binomial(passed, 0.95))], audits=audits)
        )
        bought_in = conversion.measure(inputs(WINDOW, [counted, till(bought)], audits=audits))
        for number, (outcome, true) in enumerate(
            [(turned_in, came.sum() / passed.sum()), (bought_in, bought.sum() / came.sum())]
        ):
            assert outcome.bounds is not None
            hits[number] += outcome.bounds.low <= true <= outcome.bounds.high
    assert (hits / runs).min() >= 0.94
    assert hits[1] / runs <= 0.985


def test_slots_across_an_edge_widen_the_bounds_on_both_sides() -> None:
    half = timedelta(seconds=150)
    shifted = Window(WINDOW.start + half, WINDOW.end - half, ZONE.key)
    audits = [Audit("door", "entries", 100_000, 100_000)]
    made = inputs(shifted, [door("entries", np.full(288, 100)), till(np.full(288, 10))], audits=audits)
    outcome = conversion.measure(made)
    assert outcome.bounds is not None
    assert outcome.detail["entries"] == 28_700
    assert outcome.bounds.low <= 2_870 / 28_800
    assert outcome.bounds.high >= 2_870 / 28_600


def test_without_a_counted_door_there_is_no_ratio() -> None:
    assert conversion.measure(inputs(WINDOW, [till(np.ones(288))])).undefined == "no_door_counted"
    assert capture.measure(opening(street("passages", np.ones(288)))).undefined == "no_door_counted"


def test_the_rate_at_which_a_store_goes_on_is_fiellers_over_its_days() -> None:
    week = Window(WINDOW.start, WINDOW.start + timedelta(days=7), ZONE.key)
    slots = np.arange(week.start_us, week.end_us, 300_000_000)
    rng = np.random.default_rng(3)
    came, bought = rng.poisson(5, slots.size), rng.poisson(1.5, slots.size)
    made = inputs(week, [door("entries", came, slots), till(bought, slots)])
    detail = conversion.measure(made).detail
    y, x = (pd.Series(of).groupby(np.arange(slots.size) // 288).sum().to_numpy() for of in (bought, came))
    assert detail["rate_days"] == 7
    for end in (detail["rate_low"], detail["rate_high"]):
        rest = y - end * x  # at either end Student's test of these just rejects
        assert abs(rest.mean()) == pytest.approx(stats.t.ppf(0.975, 6) * rest.std(ddof=1) / np.sqrt(7), rel=1e-6)
    of_one_day = conversion.measure(inputs(WINDOW, [door("entries", np.ones(288)), till(np.ones(288))]))
    assert "rate_low" not in of_one_day.detail
