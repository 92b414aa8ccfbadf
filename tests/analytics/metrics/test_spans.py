import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analytics.metrics.spans import Spans, reached

pairs = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)


def points(spans: list[tuple[int, int]]) -> set[int]:
    return {point for start, end in spans for point in range(start, end)}


@given(pairs, pairs)
def test_sets_of_time_equal_sets_of_points(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> None:
    left, right = Spans.of(a), Spans.of(b)
    assert points(left.pairs()) == points(a)
    assert left.total_us == len(points(a))
    assert points(left.intersect(right).pairs()) == points(a) & points(b)
    assert points(left.without(right).pairs()) == points(a) - points(b)
    assert all(end < start for (_, end), (start, _) in zip(left.pairs(), left.pairs()[1:], strict=False))


@given(pairs, st.lists(st.integers(-5, 70), min_size=1, max_size=10))
def test_measures_equal_counted_points(a: list[tuple[int, int]], at: list[int]) -> None:
    spans, inside = Spans.of(a), points(a)
    assert spans.before(at).tolist() == [len([p for p in inside if p < t]) for t in at]
    assert spans.contains(at).tolist() == [t in inside for t in at]
    ends = [t + 7 for t in at]
    assert spans.measure(at, ends).tolist() == [
        len([p for p in inside if t <= p < e]) for t, e in zip(at, ends, strict=True)
    ]


@given(
    st.lists(st.integers(0, 60), max_size=4).map(sorted),
    st.lists(st.integers(-5, 70), min_size=1, max_size=9),
    st.booleans(),
)
def test_many_instants_in_order_reach_what_few_do(edges: list[int], at: list[int], in_order: bool) -> None:
    few, many = np.array(edges, np.int64), np.array(at * 20, np.int64)
    instants = np.sort(many) if in_order else many
    assert reached(few, instants).tolist() == [sum(edge <= t for edge in edges) for t in instants.tolist()]
