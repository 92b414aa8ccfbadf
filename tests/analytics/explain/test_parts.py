"""The parts of a change: exact for any input, each where it belongs, against an independent computation in pandas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.explain.parts import HourCounts, Parts, split

HOUR_US = 3_600_000_000
OPEN = range(9, 21)


def window(rng: np.random.Generator, types: list[int], counters: int = 3) -> HourCounts:
    """Return a window of whole days of these types, all present and received; counters differ by rate."""
    hour = np.tile(np.arange(24), len(types))
    day_type = np.repeat(np.array(types), 24)
    opened = np.isin(hour, OPEN)
    rate = np.arange(1, counters + 1)[:, np.newaxis] * (20 + 10 * day_type) * opened
    time = np.full((counters, hour.size), HOUR_US)
    return HourCounts(hour, day_type, time[0], opened, rng.poisson(rate), time, time)


def exact(parts: Parts, now: HourCounts, before: HourCounts) -> bool:
    whole = all(getattr(parts, name).dtype == np.int64 for name in Parts.__slots__)
    return whole and parts.total == int(now.count.sum()) - int(before.count.sum())


def only(parts: Parts, name: str) -> bool:
    return all(not getattr(parts, other).any() for other in Parts.__slots__ if other != name)


@st.composite
def any_pair(draw: st.DrawFn) -> tuple[HourCounts, HourCounts]:
    counters = draw(st.integers(0, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    most = draw(st.sampled_from([1, 50, 2**40]))

    def one(hours: int) -> HourCounts:
        size = (counters, hours)
        length = rng.integers(0, HOUR_US + 1, hours)
        due = np.where(rng.random(size) < 0.3, 0, rng.integers(0, HOUR_US + 1, size))
        seen = np.where(rng.random(size) < 0.3, 0, rng.integers(0, HOUR_US + 1, size))  # even more than was due
        gone = rng.random((counters, 1)) < 0.2
        hour, kinds, opened = rng.integers(0, 24, hours), rng.integers(0, 4, hours), rng.random(hours) < 0.6
        count = rng.integers(0, most, size)
        return HourCounts(hour, kinds, length, opened, count, np.where(gone, 0, due), np.where(gone, 0, seen))

    return one(draw(st.integers(0, 60))), one(draw(st.integers(0, 60)))


@settings(max_examples=300)
@given(any_pair())
def test_the_parts_sum_exactly_whatever_the_input(pair: tuple[HourCounts, HourCounts]) -> None:
    now, before = pair
    parts = split(now, before)
    assert exact(parts, now, before)
    back = split(before, now)
    assert back.total == -parts.total


def test_the_same_window_twice_has_no_change_in_any_part() -> None:
    same = window(np.random.default_rng(1), [0, 0, 1])
    assert all(not getattr(split(same, same), name).any() for name in Parts.__slots__)


def test_a_counter_that_came_and_one_that_was_replaced_are_device_changes() -> None:
    rng = np.random.default_rng(2)
    before = window(rng, [0, 1])
    present = np.array([[0], [1], [1]])
    now = replace(
        before, count=before.count * present, due_us=before.due_us * present, seen_us=before.seen_us * present
    )
    parts = split(before, now)
    assert only(parts, "devices")
    assert parts.devices[0].sum() == before.count[0].sum()


def test_a_counter_that_came_half_way_through_accounts_for_the_half_without_it() -> None:
    before = window(np.random.default_rng(3), [0] * 10, counters=1)
    steady = replace(before, count=np.tile(before.count[:, :24], 10))
    late = np.arange(240) >= 120
    now = replace(steady, count=steady.count * late, due_us=steady.due_us * late, seen_us=steady.seen_us * late)
    parts = split(now, steady)
    assert only(parts, "devices")
    assert parts.devices.sum() == -steady.count[:, :120].sum()


@pytest.mark.parametrize("missing", [slice(24, 48), slice(0, 24 * 4)], ids=["a day", "all"])
def test_missing_data_are_told_from_people_who_stayed_away(missing: slice) -> None:
    steady = window(np.random.default_rng(4), [0] * 4, counters=2)
    steady = replace(steady, count=np.tile(steady.count[:, :24], 4))
    count, seen = steady.count.copy(), steady.seen_us.copy()
    count[1, missing], seen[1, missing] = 0, 0
    now = replace(steady, count=count, seen_us=seen)
    parts = split(now, steady)
    assert only(parts, "missing")
    assert parts.total == -int(steady.count[1, missing].sum())
    assert not parts.missing[0].any()


def test_an_hour_more_of_opening_is_opening_hours_and_night_is_rest() -> None:
    before = window(np.random.default_rng(5), [0, 0])
    night = np.where(before.hour == 3, 2, 0)
    evening = np.where(before.hour == 21, 7, 0)
    now = replace(before, open=before.open | (before.hour == 21), count=before.count + night + evening)
    parts = split(now, before)
    assert (parts.opening.sum(axis=0)[21], parts.rest.sum(axis=0)[3]) == (3 * 2 * 7, 3 * 2 * 2)
    assert parts.opening.sum() == 42
    assert not any(getattr(parts, name).any() for name in ("calendar", "hourly", "missing", "devices"))


def test_a_weekend_day_in_place_of_a_workday_is_the_calendar_s() -> None:
    rng = np.random.default_rng(6)
    workday, weekend = window(rng, [0]), window(rng, [1])

    def days(of: list[HourCounts]) -> HourCounts:
        return HourCounts(*(np.concatenate([getattr(w, name) for w in of], axis=-1) for name in HourCounts.__slots__))

    now, before = days([weekend, weekend, workday]), days([weekend, workday, workday])
    parts = split(now, before)
    assert only(parts, "calendar")
    assert parts.total == int(weekend.count.sum()) - int(workday.count.sum())
    longer = split(days([workday] * 3), days([workday] * 2))
    assert only(longer, "calendar")  # a day more


def by_pandas(now: HourCounts, before: HourCounts) -> pd.DataFrame:
    """Return calendar and hourly parts by counter and hour of open hours, nothing missing: an independent way."""
    frames = []
    for name, each in (("now", now), ("before", before)):
        for counter in range(each.count.shape[0]):
            columns = {"counter": counter, "hour": each.hour, "type": each.day_type, "n": each.count[counter]}
            frames.append(pd.DataFrame({**columns, "window": name, "open": each.open}))
    every = pd.concat(frames)
    means = every[every.open].groupby(["counter", "hour", "type", "window"]).n.agg(["mean", "size"]).unstack()
    mean, size = means["mean"], means["size"].fillna(0)
    r1, r0 = mean.now.fillna(mean.before), mean.before.fillna(mean.now)
    parts = pd.DataFrame({
        "calendar": (size.now - size.before) * (r1 + r0) / 2,
        "hourly": (r1 - r0) * (size.now + size.before) / 2,
    })  # fmt: skip
    return parts.groupby(["counter", "hour"]).sum()


def test_thirty_stores_agree_with_pandas_and_their_parts_sum_to_the_district_s_change() -> None:
    rng = np.random.default_rng(7)
    totals = dict.fromkeys(Parts.__slots__, 0)
    difference = 0
    for _ in range(30):
        counters = int(rng.integers(1, 7))
        now, before = (window(rng, rng.integers(0, 4, int(rng.integers(5, 15))).tolist(), counters) for _ in range(2))
        parts = split(now, before)
        assert exact(parts, now, before)
        assert not any(getattr(parts, name).any() for name in ("missing", "devices", "opening", "rest"))
        expected = by_pandas(now, before)
        for name in ("calendar", "hourly"):
            found = pd.DataFrame(getattr(parts, name)).stack()[expected.index]
            assert (found - expected[name]).abs().max() <= 0.5 + 1e-6
        for name in totals:
            totals[name] += int(getattr(parts, name).sum())
        difference += int(now.count.sum()) - int(before.count.sum())
    assert sum(totals.values()) == difference
