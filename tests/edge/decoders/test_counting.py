"""Intervals as devices state them, parts that fail alone, and options that would count persons twice."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.decoders.counting import Parts, StatedInterval, stated_interval
from edge.decoders.decoder import PayloadRefusedError
from edge.decoders.device_series import series
from edge.decoders.registry import DECODERS
from edge.wire.batch import MAX_READINGS, Flag
from edge.wire.series import Kind, Series

BERLIN = ZoneInfo("Europe/Berlin")
FIRST = datetime(2016, 1, 1, tzinfo=UTC)


@given(st.integers(0, 366 * 24 - 1))
def test_hours_of_a_local_year_are_an_hour_long_and_end_at_second_59_or_not(hour: int) -> None:
    start = (FIRST + timedelta(hours=hour)).astimezone(BERLIN).replace(tzinfo=None)
    exclusive, inclusive = start + timedelta(hours=1), start + timedelta(minutes=59, seconds=59)
    found = stated_interval(start.isoformat(), exclusive.isoformat(), BERLIN)
    assert found == stated_interval(start.isoformat(), inclusive.isoformat(), BERLIN)
    assert found.length_s == 3600.0
    assert not found.skipped
    # The same instant, unless it is of the hour's second run, which is told as the first.
    earlier = timedelta(hours=1 if found.flags & Flag.AMBIGUOUS_LOCAL_TIME and hour % 24 == 1 else 0)
    assert datetime.fromtimestamp(found.start_us / 1e6, UTC) == FIRST + timedelta(hours=hour) - earlier


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2020-01-01T01:00:00", "2020-01-01T01:00:00"),
        ("2020-01-01T02:00:00", "2020-01-01T01:00:00"),
        ("2020-01-01T00:00:00", "2020-01-02T00:00:01"),
        ("2020-01-01T00:00:00", "2020-01-01T01:00:00Z"),
        ("2020-01-01T00:00:00", "soon"),
    ],
)
def test_an_interval_that_is_none_is_refused(start: str, end: str) -> None:
    with pytest.raises(PayloadRefusedError, match="time"):
        stated_interval(start, end, BERLIN)


def test_an_interval_is_over_when_a_slow_clock_and_a_repeated_hour_can_have_passed_it() -> None:
    hour_us = 3_600_000_000
    plain = StatedInterval(0, 3600.0, Flag.NONE)
    repeated = StatedInterval(0, 3600.0, Flag.AMBIGUOUS_LOCAL_TIME)
    assert not plain.over(hour_us + 299_000_000, 300.0)
    assert plain.over(hour_us + 300_000_000, 300.0)
    assert not repeated.over(hour_us + 300_000_000, 300.0)
    assert repeated.over(2 * hour_us + 300_000_000, 300.0)


def test_a_payload_that_a_batch_cannot_hold_is_refused() -> None:
    parts = Parts()
    one = series("d", "occupancy")
    for t_us in range(MAX_READINGS + 1):
        parts.add(one, t_us, 1.0)
    with pytest.raises(PayloadRefusedError, match="too_many"):
        parts.decoded()


_NUMBERED = [series("door-a", quantity, "line2", Kind.EVENT) for quantity in ("entries", "exits")]


@given(st.lists(st.tuples(st.sampled_from(_NUMBERED), st.integers(0, 3)), max_size=30))
def test_events_of_one_instant_are_told_apart_by_ordinals_that_count_up(happened: list[tuple[Series, int]]) -> None:
    parts = Parts()
    for of, t_us in happened:
        parts.add(of, t_us, 1.0)
    readings = parts.decoded().readings
    assert [(reading.series, reading.t_us) for reading in readings] == happened
    ordinals = defaultdict(list)
    for reading in readings:
        ordinals[reading.series.quantity, reading.t_us].append(reading.ordinal)
    assert all(found == list(range(len(found))) for found in ordinals.values())


def test_a_level_that_stands_twice_is_one_reading_and_a_decoders_own_ordinal_stays() -> None:
    parts = Parts()
    for _ in range(2):
        parts.add(series("d", "occupancy"), 5, 1.0)
    parts.add(series("d", "label_updates_failed", "", Kind.EVENT), 5, 1.0, ordinal=7)
    assert [reading.ordinal for reading in parts.decoded().readings] == [0, 0, 7]


def test_of_many_refused_parts_the_first_are_told_and_the_others_counted() -> None:
    parts = Parts()
    for place in range(50):
        with parts.part():
            raise PayloadRefusedError("missing", f"entry {place}")
    refused = parts.decoded().refused
    assert [refusal.detail for refusal in refused[:2]] == ["entry 0", "entry 1"]
    assert (refused[-1].reason, refused[-1].detail) == ("more_parts", "30 more parts of the payload are refused")
    assert len(refused) == 21


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("hikvision_people_counting", {}, "device"),
        ("hikvision_people_counting", {"device": "d", "count_from": "total", "interval_s": 60}, "interval_s"),
        ("hanwha_people_count", {"device": "d", "count_from": "interval"}, "time_zone"),
        ("hanwha_people_count", {"device": "d", "lines": {"Gate1": "1", "Gate2": "1"}}, "one channel"),
        ("axis_people_counter", {"device": "d"}, "time_zone"),
        ("axis_people_counter", {"device": "d", "time_zone": "Nowhere/City"}, "time_zone"),
        ("axis_3d_people_counter", {"device": "d"}, "interval_s"),
        ("axis_object_analytics", {"device": "d", "scenarios": {"Crossline": "entries"}}, "scenarios"),
        ("axis_object_analytics", {"device": "d", "scenarios": {}}, "scenarios"),
        ("irisys_vector", {"registers": {}}, "registers"),
        ("irisys_vector", {"registers": {"0": {"quantity": "entries"}, "1": {"quantity": "entries"}}}, "two registers"),
    ],
)
def test_options_that_lack_what_only_a_person_knows_are_an_error(name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        DECODERS[name].configured(options)
