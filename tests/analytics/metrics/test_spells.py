"""Spells against a walk from reading to reading, and their edges against the truth that was read."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analytics.metrics.completeness import SLACK
from analytics.metrics.spans import Spans
from analytics.metrics.spells import Spells, Switching, spells

PERIOD = 10
#: Time and level of readings, some missing: 0 switches on, 2 and more off, 1 neither.
readings = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3)), max_size=40, unique_by=lambda row: row[0]).map(
    lambda rows: sorted((PERIOD * t, level) for t, level in rows)
)
wanted_spans = st.lists(st.tuples(st.integers(0, 420), st.integers(0, 420)), max_size=3).map(Spans.of)

Walked = tuple[int, int, bool, bool]


def walked(rows: list[tuple[int, int]], wanted: Spans) -> list[Walked]:
    """Return (start, end, began, ended) of each spell, second by second."""
    says: dict[int, int] = {}
    for number, (t, level) in enumerate(rows):
        following = rows[number + 1][0] if number + 1 < len(rows) else None
        until = following if following is not None and following - t <= SLACK * PERIOD else t + PERIOD
        says.update(dict.fromkeys(range(t, until), level))
    found: list[Walked] = []
    for first, last in wanted.pairs():
        state, start, began = 0, 0, False
        for second in range(first, last + 1):
            heard = says.get(second) if second < last else None
            now = state
            if heard != 1:
                now = 0 if heard is None else 1 if heard == 0 else -1
            if now == 1 and state != 1:
                start, began = second, state == -1
            if state == 1 and now != 1:
                found.append((start, second, began, now == -1))
            state = now
    return found


def found_by(rows: list[tuple[int, int]], wanted: Spans) -> Spells:
    level = np.array([value for _, value in rows], dtype=np.int64)
    t_us = np.array([t for t, _ in rows], dtype=np.int64)
    return spells(Switching(t_us, level == 0, level > 1), PERIOD, wanted)


@given(readings, wanted_spans)
def test_spells_equal_a_walk_second_by_second(rows: list[tuple[int, int]], wanted: Spans) -> None:
    found = found_by(rows, wanted)
    columns = (found.start_us, found.end_us, found.began, found.ended)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == walked(rows, wanted)


@given(readings, wanted_spans)
def test_what_is_sure_lies_within_what_is_read_and_that_within_what_may_be(
    rows: list[tuple[int, int]], wanted: Spans
) -> None:
    found = found_by(rows, wanted)
    assert (found.maybe_from_us <= found.start_us).all()
    assert (found.start_us <= found.surely_until_us).all()
    assert (found.surely_until_us <= found.end_us).all()
    edges = {edge for pair in wanted.pairs() for edge in pair}
    for end, ended, lost in zip(found.end_us.tolist(), found.ended, found.lost, strict=True):
        assert lost == (not ended and end not in edges)


def test_a_spell_over_closing_is_two_and_neither_is_whole() -> None:
    rows = [(0, 2), (10, 0), (20, 0), (30, 0), (40, 2)]
    found = found_by(rows, Spans.of([(0, 25), (28, 60)]))
    assert (found.start_us.tolist(), found.end_us.tolist()) == ([10, 28], [25, 40])
    assert found.began.tolist() == [True, False]
    assert found.ended.tolist() == [False, True]
    assert not found.lost.any()


def test_a_spell_that_a_span_cuts_is_sure_of_no_time_before_it() -> None:
    found = found_by([(0, 0), (10, 2)], Spans.of([(5, 30)]))
    assert (found.start_us.tolist(), found.surely_until_us.tolist(), found.end_us.tolist()) == ([5], [5], [10])


def test_nothing_is_decided_by_what_switches_neither_way() -> None:
    assert found_by([(0, 1), (10, 1), (20, 0), (30, 1)], Spans.of([(0, 40)])).began.tolist() == [False]
