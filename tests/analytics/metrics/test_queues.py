"""Queues against an M/M/1 of known length and wait, and by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import numpy as np
import pytest
from metric_inputs import inputs, observed

from analytics.metrics import queues
from analytics.metrics.inputs import Inputs, Observed
from analytics.windows import Window
from edge.wire.series import Kind

START = datetime(2026, 5, 4, tzinfo=UTC)
SECOND = 1_000_000
LIMIT = {"queue.length_max": 5.0}


def window(days: int = 1) -> Window:
    return Window(START, START + timedelta(days=days), "UTC")


def waiting(over: Window, persons: Any, period_s: int = 60, device: str = "queue") -> Observed:
    grid = np.arange(over.start_us, over.end_us, period_s * SECOND)
    made = observed("occupancy", grid, persons, device=device, kind=Kind.GAUGE, period_s=period_s, perimeter=None)
    return replace(made, point_kind="queue_zone")


def paid(over: Window, counts: Any) -> Observed:
    grid = np.arange(over.start_us, over.end_us, 300 * SECOND)
    return observed("transactions", grid, counts, device="till", point_kind="till", perimeter=None)


def made(over: Window, *series: Observed) -> Inputs:
    return inputs(over, series, limits=LIMIT)


def test_a_queue_by_hand() -> None:
    """Six wait for an hour, thirty are paid: 720 s each, a quarter of a person over the day."""
    persons, receipts = np.zeros(1440), np.zeros(288)
    persons[600:660], receipts[120:135] = 6, 2
    given = made(window(), waiting(window(), persons), paid(window(), receipts))
    assert queues.measure_length(given).value == pytest.approx(0.25)
    assert queues.measure_length(given).detail["longest"] == 6
    assert queues.measure_wait(given).value == pytest.approx(720)
    over = queues.measure_time_over_limit(made(window(), waiting(window(), persons)))
    assert over.value == pytest.approx(1 / 24)
    assert over.bounds is None


def test_without_receipts_or_readings_there_is_no_wait() -> None:
    persons = np.ones(1440)
    nobody = made(window(), waiting(window(), persons), paid(window(), np.zeros(288)))
    assert queues.measure_wait(nobody).undefined == "nobody_served"
    silent = replace(waiting(window(), persons), parts=())
    assert (
        queues.measure_wait(made(window(), silent, paid(window(), np.ones(288)))).undefined == "sides_at_unlike_hours"
    )
    assert queues.measure_length(made(window(), silent)).undefined == "nothing_observed"
    assert queues.measure_time_over_limit(made(window(), silent)).undefined == "nothing_observed"
    unlimited = replace(made(window(), silent), limits={})
    assert queues.measure_time_over_limit(unlimited).undefined == "no_limit_in_force"


def test_of_two_queues_the_mean_of_each_and_missing_time_either_way() -> None:
    half = np.arange(window().start_us, window().start_us + 43_200 * SECOND, 60 * SECOND)
    first = waiting(window(), np.full(1440, 2.0), device="a")
    second = observed("occupancy", half, np.full(720, 4.0), device="b", kind=Kind.GAUGE, period_s=60.0)
    outcome = queues.measure_length(made(window(), first, replace(second, point_kind="queue_zone")))
    assert outcome.detail["by_queue"] == {"a-point": pytest.approx(2), "b-point": pytest.approx(4)}
    assert outcome.value == pytest.approx((48 + 48) / 36)
    assert outcome.bounds is not None
    assert outcome.bounds.low <= (48 + 48) / 48 + 1e-9
    assert outcome.bounds.high >= (48 + 96) / 48 - 1e-9


def test_length_and_wait_of_an_m_m_1_queue() -> None:
    """One server, rho = 0.8: L_q = rho² / (1 - rho) = 3.2; W_q = L_q / lambda, four minutes."""
    per_min, rho, days = 0.8, 0.8, 20
    rng = np.random.default_rng(9)
    over = window(days)
    number = rng.poisson(per_min * 1440 * days)
    arrives = np.sort(rng.random(number)) * 1440 * days
    service = rng.exponential(rho / per_min, number)
    done = np.empty(number)
    free = 0.0
    for k in range(number):  # Lindley
        free = done[k] = max(arrives[k], free) + service[k]
    begun = done - service
    looks = np.arange(0, 1440 * days) * 1.0
    persons = np.searchsorted(arrives, looks, "right") - np.searchsorted(begun, looks, "right")
    receipts = np.histogram(done, np.arange(0, 1440 * days + 1, 5.0))[0]
    given = made(over, waiting(over, persons), paid(over, receipts))
    length, wait = queues.measure_length(given), queues.measure_wait(given)
    assert length.value == pytest.approx(rho**2 / (1 - rho), rel=0.12)
    assert wait.value == pytest.approx(60 * rho**2 / (1 - rho) / per_min, rel=0.12)
    # What this run was is known exactly, and the bounds hold it.
    for outcome, true in ((length, (begun - arrives).sum() / (1440 * days)), (wait, 60 * (begun - arrives).mean())):
        assert outcome.bounds is not None
        assert outcome.bounds.low <= true <= outcome.bounds.high
        assert outcome.bounds.high - outcome.bounds.low < 0.2 * true
    share = queues.measure_time_over_limit(made(over, waiting(over, persons))).value
    assert share == pytest.approx(rho**7, abs=0.05)  # more than five waiting: seven in the system


def test_a_queue_is_judged_in_opening_hours() -> None:
    persons = np.zeros(1440)
    persons[:120] = 9
    closed = inputs(window(), [waiting(window(), persons)], limits=LIMIT, opens_at=time(9), closes_at=time(21))
    closed = replace(closed, wanted=closed.opening)
    assert queues.measure_length(closed).value == 0
    assert queues.measure_time_over_limit(closed).value == 0
