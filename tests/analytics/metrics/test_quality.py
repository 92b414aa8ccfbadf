"""Quality of the data: hand-worked cases, and brute force on deliveries at random."""

from dataclasses import replace
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_inputs import inputs, observed
from statsmodels.stats.proportion import proportion_confint  # type: ignore[import-untyped]

from analytics.metrics import audits, quality
from analytics.metrics.inputs import NOT_LIVE, Audit, Deliveries, Inputs, Observed
from analytics.windows import Window
from edge.wire.batch import Flag
from edge.wire.series import Kind

ZONE = ZoneInfo("Asia/Shanghai")
WINDOW = Window(datetime(2026, 5, 4, tzinfo=ZONE), datetime(2026, 5, 5, tzinfo=ZONE), ZONE.key)
SECOND_US = 1_000_000
MINUTES = np.arange(WINDOW.start_us, WINDOW.end_us, 60 * SECOND_US)
NONE = Deliveries(0, 0, 0)


def gauge(at: Any, received_us: Any = None, flags: Any = None, kind: Kind = Kind.GAUGE, **facts: Any) -> Observed:
    quantity, period_s = ("temperature", 60.0) if kind is Kind.GAUGE else ("entries", 300.0)
    series = observed(quantity, at, np.zeros(len(at)), kind=kind, period_s=period_s, **facts)
    rows = series.parts[0]
    told = None if received_us is None else np.asarray(received_us, dtype=np.int64)
    marks = rows.flags if flags is None else np.asarray(flags, dtype=np.int16)
    return series.with_parts((replace(rows, received_us=told, flags=marks),))


def made(*series: Observed, deliveries: Deliveries = NONE, **facts: Any) -> Inputs:
    given_ = inputs(WINDOW, series, limits={quality.DELAY: 300.0}, **facts)
    return replace(given_, deliveries=deliveries)


def test_completeness_is_a_ratio_of_sums_over_all_series() -> None:
    half, whole = gauge(MINUTES[:720], device="a"), gauge(MINUTES, device="b")
    outcome = quality.measure_completeness(made(half, whole))
    assert outcome.value == 0.75
    assert outcome.detail == {"expected": 2880, "received": 2160, "by_device": {"a": 0.5}}
    removed = replace(half, removed_before_us=WINDOW.start_us + SECOND_US)
    assert quality.measure_completeness(made(removed)).undefined == "removed_by_retention"
    assert quality.measure_completeness(made()).undefined == "no_time_to_measure"


def test_timeliness_keeps_what_came_before_its_own_time_apart() -> None:
    at = MINUTES[:5]
    lag_s = np.array([-10, 0, 300, 301, 1_000])
    outcome = quality.measure_timeliness(made(gauge(at, at + lag_s * SECOND_US)))
    assert outcome.value == 0.5
    assert (outcome.detail["negative"], outcome.detail["readings"]) == (1, 5)
    assert outcome.detail["delay_p50_s"] == pytest.approx(300.5)
    early = quality.measure_timeliness(made(gauge(at, at - SECOND_US)))
    assert (early.undefined, early.detail["negative"]) == ("no_delay_known", 5)
    assert quality.measure_timeliness(inputs(WINDOW, [])).undefined == "no_limit_in_force"


def test_an_interval_is_one_at_its_end_and_a_recording_waits_for_nobody() -> None:
    at = MINUTES[:10:5]
    counts = gauge(at, at + 310 * SECOND_US, kind=Kind.INTERVAL)
    assert quality.measure_timeliness(made(counts)).detail["delay_p50_s"] == 10
    replayed = gauge(at, np.full(at.size, NOT_LIVE))
    assert quality.measure_timeliness(made(replayed)).detail["readings"] == 0
    assert quality.measure_clock_offset(made(replayed)).undefined == "no_delay_known"
    assert quality.measure_order(made(replayed)).undefined == "nothing_observed"


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_percentiles_and_share_equal_pandas(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lag = pd.Series(rng.normal(120, 150, 1440)).round(6)
    outcome = quality.measure_timeliness(made(gauge(MINUTES, MINUTES + (lag * SECOND_US).round().astype(np.int64))))
    after = lag[lag >= 0]
    assert outcome.value == (after <= 300).mean()
    assert outcome.detail["negative"] == (lag < 0).sum()
    for percentile in (50, 95, 99):
        assert outcome.detail[f"delay_p{percentile}_s"] == pytest.approx(after.quantile(percentile / 100), abs=1e-5)


def test_the_clock_furthest_off_is_named_whichever_way() -> None:
    fast = gauge(MINUTES, MINUTES - 40 * SECOND_US + (np.arange(1440) % 7) * SECOND_US, device="fast")
    slow = gauge(MINUTES, MINUTES + 25 * SECOND_US, device="slow")
    outcome = quality.measure_clock_offset(made(slow, fast))
    assert outcome.value == -40
    assert list(outcome.detail["by_device"].items()) == [("fast", -40.0), ("slow", 25.0)]


def test_validity_counts_doubts_and_what_could_not_be_read() -> None:
    flags = [0, Flag.LATE, Flag.SUSPECT, Flag.CLOCK_SUSPECT | Flag.OUT_OF_RANGE]
    outcome = quality.measure_validity(made(gauge(MINUTES[:4], flags=flags), deliveries=Deliveries(0, 0, 1)))
    assert outcome.value == 2 / 5
    assert outcome.detail["doubted"] == {"clock_suspect": 1, "out_of_range": 1, "suspect": 1}
    assert quality.measure_validity(made()).undefined == "nothing_observed"


@given(st.lists(st.integers(0, 20), min_size=1, max_size=40))
def test_out_of_order_is_what_a_later_reading_overtook(received: list[int]) -> None:
    found = quality.out_of_order(np.array(received))
    assert found.tolist() == [any(later < own for later in received[i + 1 :]) for i, own in enumerate(received)]


def test_order_counts_repetitions_against_it() -> None:
    received = MINUTES[:4] + np.array([0, 1_000, 2, 3]) * SECOND_US
    outcome = quality.measure_order(made(gauge(MINUTES[:4], received), deliveries=Deliveries(3, 1, 0)))
    assert outcome.value == 3 / 8
    assert outcome.detail["out_of_order"] == 1


def door(device: str) -> Observed:
    return observed("entries", MINUTES[:1], [1], device=device)


@given(st.lists(st.tuples(st.integers(50, 500), st.integers(-40, 40)), min_size=1, max_size=6))
def test_accuracy_is_wilsons_over_all_audits(counted: list[tuple[int, int]]) -> None:
    made_ = [Audit("a", "entries", manual, manual + error) for manual, error in counted]
    outcome = audits.measure_accuracy(made(door("a"), audits=made_))
    manual, errors = sum(m for m, _ in counted), sum(abs(e) for _, e in counted)
    assert outcome.value == pytest.approx(1 - errors / manual)
    low, high = proportion_confint(manual - errors, manual, method="wilson")
    assert outcome.bounds is not None
    assert (outcome.bounds.low, outcome.bounds.high) == pytest.approx((low, high), abs=1e-9)
    of = outcome.detail["by_direction"]["entries"]
    assert of["bias"] == pytest.approx(sum(e for _, e in counted) / manual)
    assert of["mean_error"] == pytest.approx(np.mean([abs(e) / m for m, e in counted]))


def test_57_of_60_crossings_are_no_proof_of_nine_tenths() -> None:
    outcome = audits.measure_accuracy(made(door("a"), audits=[Audit("a", "entries", 60, 57)]))
    assert outcome.detail["by_direction"]["entries"]["least"] == pytest.approx(0.863, abs=5e-4)


@pytest.mark.parametrize(("share", "crossings"), [(0.96, 1825), (0.97, 500), (0.98, 250)])
def test_the_sizes_that_prove_95_per_cent(share: float, crossings: int) -> None:
    """The golden sizes: Wilson's lower bound reaches 0.95 there, and not at nine tenths of them."""

    def least(size: int) -> float:
        audit = Audit("a", "entries", size, round(size * share))
        return float(
            audits.measure_accuracy(made(door("a"), audits=[audit])).detail["by_direction"]["entries"]["least"]
        )

    assert least(crossings) >= 0.9499
    assert least(round(0.9 * crossings)) < 0.95


def test_the_age_is_that_of_the_counter_whose_last_audit_is_oldest() -> None:
    made_ = [
        Audit("a", "entries", 100, 99, date(2024, 1, 1)),
        Audit("a", "entries", 100, 99, date(2026, 5, 1)),
        Audit("b", "entries", 100, 98, date(2026, 4, 4)),
    ]
    outcome = audits.measure_age(made(door("a"), door("b"), door("c"), audits=made_))
    assert outcome.value == 30
    assert outcome.detail["by_device"] == {"a": "2026-05-01", "b": "2026-04-04"}
    assert outcome.detail["never_audited"] == ["c"]
    assert audits.measure_age(made(door("c"), audits=made_)).undefined == "never_audited"
    assert audits.measure_accuracy(made(door("c"), opens_at=time(9))).undefined == "never_audited"
