"""Rows as a map describes them: wide, long and both, with values as a live decoder of the same map would read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.decoders.mapped import MappedReading
from edge.decoders.payload import PayloadRefusedError
from ingest.history.block import Block, HistoryError, Instants, Numbers
from ingest.history.history_map import HistoryMap
from ingest.history.mapped_rows import MappedRows
from ingest.history.ordinals import OrdinalCounter
from ingest.history.row_readings import Readings
from ingest.history.targets import Target

TEMPERATURE = {"quantity": "temperature", "unit": "degC", "period_s": 60}
ENTRIES = {"quantity": "entries", "unit": "count", "kind": "interval", "period_s": 300}
DOOR = {"quantity": "door_open", "unit": "state", "states": {"open": 1, "shut": 0}, "ignore": ["?"]}
SECOND_US = 1_000_000
Row = tuple[str, str, int, float, int, int]
"""Device, quantity, t in seconds, value, ordinal, line."""


def rows_of(readings: Sequence[dict[str, Any]], **further: Any) -> MappedRows:
    time = {"columns": ["t"], "form": "epoch_s", "marks": further.pop("marks", "start")}
    return MappedRows(HistoryMap.model_validate({"title": "t", "time": time, "reading": readings, **further}))


def block(**columns: Any) -> Block:
    return Block(np.arange(2, 2 + len(next(iter(columns.values())))), columns)


def told(rows: MappedRows, readings: Readings) -> list[Row]:
    series = [rows.targets.all[number].series for number in readings.target.tolist()]
    return [
        (s.device, s.quantity, t // SECOND_US, value, ordinal, line)
        for s, t, value, ordinal, line in zip(
            series,
            readings.t_us.tolist(),
            readings.value.tolist(),
            readings.ordinal.tolist(),
            readings.line.tolist(),
            strict=True,
        )
    ]


def test_wide() -> None:
    rows = rows_of([{"column": "a", "device": "d1", **TEMPERATURE}, {"column": "b", "device": "d2", **ENTRIES}])
    found = rows.read(block(t=["0", "60", "soon"], a=["1.5", " ", "2"], b=["3", "-4", ""]))
    assert told(rows, found) == [("d1", "temperature", 0, 1.5, 0, 2), ("d2", "entries", 0, 3.0, 0, 2)]
    assert [(r.line, r.reason, r.kept) for r in found.refused] == [
        (3, "not_a_count", "t=60; b=-4"),
        (4, "not_a_number", "t=soon; a=2"),
    ]
    assert (found.empty, found.ignored) == (1, 0)


def test_long_and_both() -> None:
    rows = rows_of(
        [
            {"column": "v", "key": ["m1", "temp"], "device": "d1", **TEMPERATURE},
            {"column": "v", "key": ["m1", "in"], "device": "d1", **ENTRIES},
            {"column": "w", "key": ["m1", "in"], "device": "d1", **DOOR},
        ],
        key_columns=["meter", "what"],
    )
    found = rows.read(
        block(
            t=["0", "1", "2", "3"],
            meter=["m1", "m1", "m1", "m2"],
            what=["temp", "in", "in", "in"],
            v=["-1", "5", "5.5", "6"],
            w=["open", "open", "?", "shut"],  # of the first row nothing is wanted
        )
    )
    assert told(rows, found) == [
        ("d1", "temperature", 0, -1.0, 0, 2),
        ("d1", "entries", 1, 5.0, 0, 3),
        ("d1", "door_open", 1, 1.0, 0, 3),
    ]
    assert [(r.line, r.reason, r.kept) for r in found.refused] == [
        (4, "not_a_count", "t=2; meter=m1; what=in; v=5.5"),
        (5, "series", "t=3; meter=m2; what=in; v=6; w=shut"),
    ]
    assert (found.empty, found.ignored) == (0, 1)


def test_one_key_column_of_numbers() -> None:
    rows = rows_of([{"column": "v", "key": ["7"], "device": "d1", **TEMPERATURE}], key_columns=["meter"])
    keys = Numbers(np.array([7.0, 8.0]), np.array([True, True]))
    found = rows.read(block(t=["0", "1"], meter=keys, v=Numbers(np.array([1.0, 2.0]), np.array([True, True]))))
    assert told(rows, found) == [("d1", "temperature", 0, 1.0, 0, 2)]
    assert [r.reason for r in found.refused] == ["series"]


def test_values_of_an_end_are_moved_to_their_start() -> None:
    rows = rows_of(
        [{"column": "a", "device": "d1", **ENTRIES}, {"column": "b", "device": "d1", **TEMPERATURE}], marks="end"
    )
    found = rows.read(block(t=["1000"], a=["1"], b=["2"]))
    assert told(rows, found) == [("d1", "entries", 700, 1.0, 0, 2), ("d1", "temperature", 1000, 2.0, 0, 2)]


def test_numbers_that_are_none() -> None:
    rows = rows_of([{"column": "a", "device": "d1", **TEMPERATURE}])
    column = Numbers(np.array([np.nan, np.inf, 0.0, -0.5]), np.array([True, True, False, True]))
    found = rows.read(block(t=["0", "1", "2", "3"], a=column))
    assert told(rows, found) == [("d1", "temperature", 3, -0.5, 0, 5)]
    assert [r.reason for r in found.refused] == ["not_a_number", "not_a_number"]
    assert found.empty == 1


def test_a_time_is_no_value() -> None:
    rows = rows_of([{"column": "a", "device": "d1", **TEMPERATURE}])
    found = rows.read(block(t=["0"], a=Instants(np.array([0]), np.array([True]), utc=True)))
    assert [r.reason for r in found.refused] == ["not_a_number"]


VALUES = st.one_of(
    st.integers(-(10**6), 10**18).map(str),
    st.floats(allow_nan=True).map(repr),
    st.text("0123456789.+-eE_ ", max_size=8),
    st.sampled_from(["", "open", "shut", "?", "NA", "１２", "1,5", "0x10", "true"]),
)


@given(
    st.lists(VALUES, min_size=1, max_size=40),
    st.sampled_from(
        [TEMPERATURE, ENTRIES, DOOR, TEMPERATURE | {"scale": "0.001", "offset": "-2"}, ENTRIES | {"ignore": ["NA", 7]}]
    ),
)
def test_values_are_those_of_a_live_map(texts: list[str], rule: dict[str, Any]) -> None:
    rows = rows_of([{"column": "a", "device": "d1", **rule}])
    found = rows.read(block(t=[str(n) for n in range(len(texts))], a=texts))
    live = MappedReading.model_validate(rule)
    expected: dict[int, float] = {}
    refused: list[int] = []
    for number, text in enumerate(texts):
        try:
            value = live.value(text, "a") if text.strip() else None
        except PayloadRefusedError:
            refused.append(number + 2)
        else:
            if value is not None:
                expected[number] = value
    assert {
        t // SECOND_US: value for t, value in zip(found.t_us.tolist(), found.value.tolist(), strict=True)
    } == expected
    assert [row.line for row in found.refused] == refused
    assert len(texts) == len(expected) + len(refused) + found.empty + found.ignored


def test_personal_data_is_no_name() -> None:
    with pytest.raises(HistoryError, match="personal data"):
        rows_of([{"column": "a", "device": "face-1", **TEMPERATURE}])


EVENTS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=60)


@given(EVENTS, st.lists(st.integers(1, 60), max_size=5))
def test_ordinals(events: list[tuple[int, int]], cuts: list[int]) -> None:
    """Events sorted by time are numbered as if the file were one block, wherever it is cut; other kinds are not."""
    events = sorted(events, key=lambda event: event[1])
    series = rows_of(
        [
            {"column": "a", "device": "d1", "quantity": "boot", "unit": "count"},
            {"column": "b", "device": "d1", **DOOR},
            {"column": "c", "device": "d1", **TEMPERATURE},
        ]
    ).targets.all
    counter = OrdinalCounter(series)
    found: list[int] = []
    for low, high in zip([0, *sorted(cuts)], [*sorted(cuts), len(events)], strict=True):
        part = events[low:high]
        target, t_us = (np.array([event[i] for event in part], np.int64) for i in (0, 1))
        found += counter.following(target, t_us).tolist()
    seen: dict[tuple[int, int], int] = {}
    expected = []
    for event in events:
        seen[event] = seen.get(event, -1) + 1
        expected.append(seen[event] if event[0] < 2 else 0)
    assert found == expected


def test_more_events_than_ordinals() -> None:
    boots = rows_of([{"column": "a", "device": "d1", "quantity": "boot", "unit": "count"}]).targets.all
    counter = OrdinalCounter(boots)
    with pytest.raises(HistoryError, match="are times cut off"):
        counter.following(np.zeros(2**15 + 1, np.int64), np.zeros(2**15 + 1, np.int64))


def test_a_target_without_a_rule_takes_any_number() -> None:
    series = rows_of([{"column": "a", "device": "d1", **ENTRIES}]).targets.all[0].series
    assert Target(series).read("-1.5", "a") == -1.5
