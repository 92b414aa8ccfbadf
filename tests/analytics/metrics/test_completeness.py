import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analytics.metrics.completeness import SLACK, covered, due_counts, joined, longest_step_us, received
from analytics.metrics.spans import Spans

grids = st.lists(st.booleans(), min_size=1, max_size=60)


@given(grids, st.integers(1, 90), st.integers(0, 3))
def test_on_a_grid_received_is_the_number_of_intervals_there(present: list[bool], period: int, repeats: int) -> None:
    t = np.array([i * period for i, there in enumerate(present) if there] * (1 + repeats), dtype=np.int64)
    found = received(covered(np.sort(t), period), period, Spans.of([(0, len(present) * period)]))
    assert found.expected == len(present)
    assert found.received == sum(present)
    assert found.gaps.total_us == period * (len(present) - sum(present))


@given(st.lists(st.integers(0, 2_000), max_size=60), st.integers(1, 100), st.integers(1, 2_000))
def test_never_more_than_expected_and_cover_equals_brute_force(times: list[int], period: int, length: int) -> None:
    t = np.array(sorted(times), dtype=np.int64)
    cover = covered(t, period)
    inside: set[int] = set()
    for this, following in zip(t.tolist(), [*t.tolist()[1:], None], strict=False):
        step = period if following is None or following - this > SLACK * period else following - this
        inside |= set(range(this, this + step))
    assert {p for start, end in cover.pairs() for p in range(start, end)} == inside
    found = received(cover, period, Spans.of([(0, length)]))
    assert 0 <= found.received <= found.expected
    assert found.gaps.intersect(cover).total_us == 0


def test_jitter_is_no_gap_but_a_lost_interval_is() -> None:
    wobbling = np.array([0, 59, 120, 181, 240], dtype=np.int64)
    assert received(covered(wobbling, 60), 60, Spans.of([(0, 300)])).received == 5
    lost = wobbling[[0, 1, 3, 4]]
    assert received(covered(lost, 60), 60, Spans.of([(0, 300)])).received == 4


def test_expected_follows_the_spans_that_are_wanted() -> None:
    hourly = received(Spans.of([]), 3600, Spans.of([(0, 25 * 3600)]))
    assert (hourly.expected, hourly.received, hourly.gaps.total_us) == (25, 0, 25 * 3600)
    nothing = received(Spans.of([]), 3600, Spans.of([]))
    assert (nothing.expected, nothing.received) == (0, 0)


@given(
    st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 3), st.integers(0, 2)), max_size=60),
    st.lists(st.integers(1, 100), min_size=3, max_size=3),
    st.randoms(),
)
def test_stretches_joined_in_any_order_cover_what_the_readings_cover(
    readings: list[tuple[int, int, int]], periods: list[int], made: random.Random
) -> None:
    """Readings of three series come in parts, in any order, some of them in several."""
    of = since = until = np.zeros(0, dtype=np.int64)
    steps = np.array([longest_step_us(period) for period in periods])
    parts = [*range(4), made.randrange(4)]
    made.shuffle(parts)
    for part in parts:
        t = np.array([time for time, came, _ in readings if came == part], dtype=np.int64)
        number = np.array([series for _, came, series in readings if came == part], dtype=np.int64)
        of = np.concatenate([of, number])
        of, since, until = joined(of, np.concatenate([since, t]), np.concatenate([until, t]), steps[of])
    for series, period in enumerate(periods):
        every = np.array(sorted(time for time, _, number in readings if number == series), dtype=np.int64)
        own = of == series
        assert Spans.union(since[own], until[own] + period).pairs() == covered(every, period).pairs()
        assert (since[own][1:] - until[own][:-1] > SLACK * period).all()


@given(
    st.lists(st.tuples(st.integers(-200, 500), st.integers(0, 90)), max_size=8),
    st.integers(1, 90),
    st.lists(st.integers(-250, 650), min_size=2, max_size=8, unique=True),
)
def test_one_reading_is_due_at_each_multiple_of_the_period(
    pairs: list[tuple[int, int]], period: int, bounds: list[int]
) -> None:
    spans = Spans.of([(start, start + length) for start, length in pairs])
    bounds_us = np.array(sorted(bounds), dtype=np.int64)
    due = [t for start, end in spans.pairs() for t in range(start, end) if t % period == 0]
    expected, _ = np.histogram([t for t in due if t < bounds_us[-1]], bounds_us)
    assert due_counts(spans, period, bounds_us).tolist() == expected.tolist()
