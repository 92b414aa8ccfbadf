import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analytics.metrics.completeness import SLACK, covered, received
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
