"""What is due of a series whose definition changes, against a look at every microsecond."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analytics.expectations import EVER_US, Definition, Explanations, due
from analytics.metrics.spans import Spans

NOTHING = Explanations([], [])
pairs = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 80)), max_size=4).map(
    lambda found: Spans.of([(start, start + length) for start, length in found])
)
definitions = st.lists(
    st.builds(Definition, st.integers(0, 300), st.one_of(st.none(), st.integers(1, 40)), pairs),
    min_size=1,
    max_size=3,
    unique_by=lambda definition: definition.since_us,
)


@given(definitions, pairs, st.lists(st.integers(-10, 300), min_size=2, max_size=5, unique=True))
def test_a_later_definition_replaces_an_earlier_one_from_its_first_reading_on(
    made: list[Definition], registered: Spans, bounds: list[int]
) -> None:
    bounds_us = np.array(sorted(bounds), dtype=np.int64)
    ordered = sorted(made, key=lambda each: each.since_us)
    expected, absent = np.zeros(len(bounds) - 1, np.int64), np.zeros(len(bounds) - 1, np.int64)
    for t_us in range(int(bounds_us[0]), int(bounds_us[-1])):
        begun = [each for each in ordered if each.since_us <= t_us]
        period_us = (begun[-1] if begun else ordered[0]).period_us
        if period_us is None or t_us % period_us or not registered.contains(t_us):
            continue
        interval = int(np.searchsorted(bounds_us, t_us, side="right")) - 1
        expected[interval] += 1
        absent[interval] += not any(each.cover.contains(t_us) for each in ordered)
    found = due(made, registered, NOTHING, bounds_us)
    assert found.expected.tolist() == expected.tolist()
    assert found.absent.tolist() == absent.tolist()
    assert not found.absent_declared_lost.any()


def test_one_that_never_reported_is_due_all_the_same() -> None:
    never = Definition(EVER_US, 60, Spans.of([]))
    found = due([never], Spans.of([(0, 600)]), NOTHING, np.array([0, 300, 600]))
    assert (found.expected.tolist(), found.absent.tolist()) == ([5, 5], [5, 5])
    replaced = due([Definition(100, 60, Spans.of([])), never], Spans.of([(0, 600)]), NOTHING, np.array([0, 600]))
    assert replaced.expected.tolist() == [10]
