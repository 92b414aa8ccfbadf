"""Each detector over a store's hours: what it flags, what it leaves, and under which threshold."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest

from analytics.alerts.judging import Detector, Judged, Question, judge
from analytics.alerts.store_hours import SeriesHours, StoreHours
from analytics.alerts.thresholds import Thresholds
from analytics.metrics.spans import Float64
from analytics.windows import HOUR_US, to_us
from edge.wire.series import Kind
from ingest.alert_thresholds import ThresholdError, check_threshold, default_thresholds
from ingest.store.alert_thresholds import SetThreshold
from ingest.store.known_series import Key

START_US = to_us(datetime(2026, 1, 5, tzinfo=UTC))  # a Monday
DAYS = 36
FIRST = 29 * 24
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def counts(seed: int = 1) -> Float64:
    rng = np.random.default_rng(seed)
    mean = np.where((np.arange(24) >= 9) & (np.arange(24) < 21), 60.0, 0.1)
    return rng.poisson(np.tile(mean, DAYS)).astype(float)


def counted(count: Float64) -> SeriesHours:
    return SeriesHours(np.full(count.size, 12.0), count, count, count, Kind.INTERVAL, rounded=False)


def measured(value: Float64, spread: float = 0.5, *, rounded: bool = False) -> SeriesHours:
    readings = np.where(np.isnan(value), 0.0, 60.0)
    return SeriesHours(readings, value - spread, value + spread, value * np.nan, Kind.GAUGE, rounded)


def verdicts(series: dict[Key, SeriesHours], thresholds: Thresholds | None = None) -> dict[Detector, Judged]:
    start = START_US + np.arange(DAYS * 24, dtype=np.int64) * HOUR_US
    hours = StoreHours.of(start, "UTC", series)
    return {each.detector: each for each in judge(Question(hours, thresholds or Thresholds(), FIRST))}


def flagged(judged: Judged) -> list[int]:
    return np.flatnonzero(judged.flagged).tolist()


def test_an_hour_with_far_too_many_and_one_with_far_too_few_are_flagged_and_a_hole_is_not() -> None:
    count = counts()
    crowd, silence, hole, before = (day * 24 + 14 for day in (30, 31, 32, 20))
    count[[crowd, before]] = 200.0
    count[silence] = 0.0
    count[hole] = np.nan
    found = verdicts({("d", "entries", ""): counted(count)})
    assert flagged(found[Detector.COUNT_HIGH]) == [crowd]
    assert flagged(found[Detector.COUNT_LOW]) == [silence]
    assert found[Detector.COUNT_HIGH].subject == "d/entries/"
    assert found[Detector.COUNT_HIGH].expected[crowd] == pytest.approx(60, abs=5)


def test_a_threshold_holds_from_its_day_and_the_stores_own_before_that_of_all() -> None:
    count = counts()
    days = [30, 33]
    count[[day * 24 + 14 for day in days]] = 200.0
    never = SetThreshold("s", "count_high.alpha", 1e-99, date(2026, 2, 7), "kim", "sale", NOW)  # day 33
    everywhere = SetThreshold(None, "count_high.alpha", 1e-99, date(2026, 1, 1), "kim", "sale", NOW)
    series = {("d", "entries", ""): counted(count)}
    assert flagged(verdicts(series, Thresholds([never]))[Detector.COUNT_HIGH]) == [30 * 24 + 14]
    own = SetThreshold("s", "count_high.alpha", 1e-4, date(2026, 1, 1), "kim", "sale over", NOW)
    assert flagged(verdicts(series, Thresholds([everywhere]))[Detector.COUNT_HIGH]) == []
    assert len(flagged(verdicts(series, Thresholds([everywhere, own]))[Detector.COUNT_HIGH])) == 2


def test_a_sensor_that_repeats_itself_for_six_hours_is_flagged_from_the_first_and_one_of_five_is_not() -> None:
    value = np.full(DAYS * 24, 4.0)
    series = measured(value)
    for start, length in ((FIRST + 5, 6), (FIRST + 40, 5), (FIRST - 4, 7)):
        place = slice(start, start + length)
        series.least[place] = series.most[place] = 4.0
    found = verdicts({("d", "temperature", ""): series})
    assert flagged(found[Detector.STUCK]) == [*range(FIRST, FIRST + 3), *range(FIRST + 5, FIRST + 11)]
    silent = measured(value, spread=0.0, rounded=True)
    assert Detector.STUCK not in verdicts({("d", "temperature", ""): silent})


def test_a_value_that_cannot_be_is_flagged_beside_its_bound() -> None:
    value = np.full(DAYS * 24, 21.0)
    value[[FIRST, FIRST + 1]] = 85.0, -127.0
    value[FIRST + 2] = np.nan
    found = verdicts({("d", "temperature", ""): measured(value)})[Detector.OUT_OF_RANGE]
    assert flagged(found) == [FIRST, FIRST + 1]
    assert found.measured[[FIRST, FIRST + 1]].tolist() == [85.5, -127.5]
    assert found.expected[[FIRST, FIRST + 1]].tolist() == [60.0, -45.0]


@pytest.mark.parametrize("days", [6, 7])
def test_swapped_directions_are_flagged_once_all_of_the_seven_days_before_are_reversed(days: int) -> None:
    came, left = np.zeros((DAYS, 24)), np.zeros((DAYS, 24))
    came[:, 10:20], left[:, 11:21] = 50.0, 50.0
    turned = slice(24, 24 + days)
    came[turned], left[turned] = left[turned].copy(), came[turned].copy()
    series = {("d", "entries", ""): counted(came.ravel()), ("d", "exits", ""): counted(left.ravel())}
    found = verdicts(series)[Detector.SWAPPED]
    assert sorted({hour // 24 for hour in flagged(found)}) == ([31] if days == 7 else [])
    assert found.measured[31 * 24] == days


def test_a_store_without_series_and_one_without_past_raise_nothing() -> None:
    assert verdicts({}) == {}
    start = START_US + np.arange(6, dtype=np.int64) * HOUR_US
    count = np.array([0.0, 5.0, 500.0, 0.0, 5.0, np.inf])
    hours = StoreHours.of(start, "UTC", {("d", "entries", ""): counted(count), ("d", "exits", ""): counted(count)})
    assert not any(each.flagged.any() for each in judge(Question(hours, Thresholds(), 0)))


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("joy", 1.0, "name one of"),
        ("count_low.alpha", 0.0, "probability"),
        ("stuck.least_h", 1.0, "from 2 to 24"),
        ("out_of_range.battery_most", float("nan"), "finite"),
    ],
)
def test_a_threshold_that_no_detector_can_take_is_refused(name: str, value: float, says: str) -> None:
    with pytest.raises(ThresholdError, match=says):
        check_threshold(name, value)


def test_every_default_can_be_set() -> None:
    for name, value in default_thresholds().items():
        check_threshold(name, value)
