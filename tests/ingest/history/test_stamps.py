"""Times of rows: what is read a block at once is what the agent's own rule reads one by one."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.decoders.device_time import stated
from edge.decoders.payload import PayloadRefusedError
from edge.wire.batch import Flag
from ingest.history.block import HistoryError, Instants, Numbers
from ingest.history.history_map import HistoryTime
from ingest.history.local_time import LocalTime
from ingest.history.stamps import StampReader

ZONES = ["UTC", "Asia/Shanghai", "America/Los_Angeles", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca"]
FORMS = ["%Y-%m-%d %H:%M:%S", "%m/%d/%y %H:%M", "%Y%m%d%H%M%S", "%d.%m.%Y %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S%z"]
CHANGES = [
    datetime(2024, 3, 10, 1, 30),
    datetime(2024, 11, 3, 0, 30),
    datetime(2024, 4, 7, 1, 0),
    datetime(1991, 4, 14, 0, 0),  # Shanghai had summer time then
    datetime(1901, 1, 1, 0, 0),  # before zones had whole hours
]
MOMENTS = st.one_of(
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),
    st.builds(lambda at, s: at + timedelta(seconds=s), st.sampled_from(CHANGES), st.integers(0, 3 * 3600)),
)


def one_by_one(texts: list[str], zone: ZoneInfo, form: str | None) -> list[tuple[int, int] | None]:
    result: list[tuple[int, int] | None] = []
    for text in texts:
        try:
            us, flags = stated(text, zone, form)
        except PayloadRefusedError:
            result.append(None)
        else:
            result.append((us, int(flags)))
    return result


def together(time: HistoryTime, *columns: list[str]) -> list[tuple[int, int] | None]:
    stamps = StampReader(time).read(columns)
    pairs = zip(stamps.t_us.tolist(), stamps.flags.tolist(), strict=True)
    return [None if row in stamps.refused else pair for row, pair in enumerate(pairs)]


def written(moment: datetime, form: str, offset: str) -> str:
    return moment.strftime(form.replace("%z", "")).zfill(0) + (offset if "%z" in form else "")


@given(
    st.lists(MOMENTS, min_size=1, max_size=30),
    st.sampled_from(ZONES),
    st.sampled_from(FORMS),
    st.sampled_from(["+0800", "-0330"]),
    st.lists(st.tuples(st.integers(0, 29), st.text(max_size=20) | st.text("0123456789-/: ", max_size=20)), max_size=5),
)
def test_forms(moments: list[datetime], zone: str, form: str, offset: str, wrong: list[tuple[int, str]]) -> None:
    texts = [written(moment, form, offset) for moment in moments]
    for place, text in wrong:
        texts[place % len(texts)] = text
    time = HistoryTime(columns=("t",), form=form, zone=ZoneInfo(zone))
    assert together(time, texts) == one_by_one(texts, ZoneInfo(zone), form)


@given(
    st.lists(MOMENTS, min_size=1, max_size=30),
    st.sampled_from(ZONES),
    st.sampled_from(["", "Z", "+08:00", "-03:30"]),
    st.sampled_from(["minutes", "seconds", "milliseconds", "microseconds"]),
    st.lists(st.tuples(st.integers(0, 29), st.text("0123456789-:TZ +.", max_size=28)), max_size=5),
)
def test_iso(moments: list[datetime], zone: str, offset: str, precision: str, wrong: list[tuple[int, str]]) -> None:
    texts = [moment.isoformat(timespec=precision) + offset for moment in moments]
    for place, text in wrong:
        texts[place % len(texts)] = text
    time = HistoryTime(columns=("t",), form="iso", zone=ZoneInfo(zone))
    assert together(time, texts) == one_by_one(texts, ZoneInfo(zone), None)


@pytest.mark.parametrize(
    "text",
    ["2024-02-30 00:00:00", "2024-13-01 00:00:00", "2024-01-01 24:00:00", "2024-01-01 00:60:00", "2024-01-01 00:00:61"],
)
def test_a_time_that_there_is_not(text: str) -> None:
    time = HistoryTime(columns=("t",), form="%Y-%m-%d %H:%M:%S", zone=ZoneInfo("UTC"))
    assert together(time, ["2024-02-29 00:00:00", text]) == [(1_709_164_800_000_000, 0), None]


def test_a_repeated_hour_is_the_first_and_flagged() -> None:
    time = HistoryTime(columns=("day", "clock"), form="%Y-%m-%d %H:%M", zone=ZoneInfo("America/Los_Angeles"))
    found = together(time, ["2024-11-03", "2024-11-03", "2024-03-10"], ["00:30", "01:30", "02:30"])
    assert found == [
        (1_730_619_000_000_000, Flag.NONE),
        (1_730_622_600_000_000, Flag.AMBIGUOUS_LOCAL_TIME),
        (1_710_066_600_000_000, Flag.CLOCK_SUSPECT),
    ]


def test_epochs() -> None:
    time = HistoryTime(columns=("t",), form="epoch_ms")
    texts = ["1700000000123", "1700000000123.5", "", "soon", "-1", "9e15"]
    assert together(time, texts) == [(1_700_000_000_123_000, 0), (1_700_000_000_123_500, 0), None, None, None, None]
    numbers = Numbers(np.array([1.7e12, 0.0]), np.array([True, False]))
    stamps = StampReader(time).read([numbers])
    assert stamps.t_us[0] == 1_700_000_000_000_000
    assert list(stamps.refused) == [1]


def test_timestamps_of_parquet() -> None:
    time = HistoryTime(columns=("t",), form="timestamp", zone=ZoneInfo("Asia/Shanghai"))
    us = np.array([1_700_000_000_000_000, 0, 2**62])
    local = StampReader(time).read([Instants(us, np.array([True, False, True]), utc=False)])
    assert local.t_us[0] == 1_700_000_000_000_000 - 8 * 3_600_000_000
    assert sorted(local.refused) == [1, 2]
    utc = StampReader(time).read([Instants(us, np.array([True, False, True]), utc=True)])
    assert utc.t_us[0] == 1_700_000_000_000_000
    assert sorted(utc.refused) == [1, 2]


def test_a_form_that_does_not_go_with_the_column() -> None:
    instants = Instants(np.array([0]), np.array([True]), utc=True)
    with pytest.raises(HistoryError, match="timestamp"):
        StampReader(HistoryTime(columns=("t",), form="epoch_s")).read([instants])
    with pytest.raises(HistoryError, match="give the form"):
        StampReader(HistoryTime(columns=("t",), form="timestamp", zone=ZoneInfo("UTC"))).read([["2024-01-01"]])
    with pytest.raises(HistoryError, match="no texts"):
        StampReader(HistoryTime(columns=("t",), form="iso", zone=ZoneInfo("UTC"))).read([instants])


@given(
    st.lists(st.datetimes(datetime(1850, 1, 1), datetime(2200, 1, 1)), min_size=1, max_size=50), st.sampled_from(ZONES)
)
def test_local_time(moments: list[datetime], zone: str) -> None:
    local_us = np.array([(moment - datetime(1970, 1, 1)) // timedelta(microseconds=1) for moment in moments])
    t_us, plain = LocalTime(ZoneInfo(zone)).to_utc(local_us)
    for moment, us, safe in zip(moments, t_us.tolist(), plain.tolist(), strict=True):
        if safe:
            assert (us, 0) == stated(moment.isoformat(), ZoneInfo(zone))
