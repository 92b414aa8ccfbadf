"""The recording source against an independent reading of the same file, and against files made to break it."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from threading import Event
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.readings import Reading, ReadingGroup
from edge.sources.recording import GROUP_LINES, LineDecoder, LineRefusedError, RecordingSettings
from edge.sources.recording_map import RecordingError, load_map
from edge.wire.batch import Flag
from edge.wire.series import Origin

CALIT2_MAP = Path(__file__).parents[3] / "deploy" / "recordings" / "calit2.toml"
HEADER = "flow,date,time_stamp,count"


def _played(path: Path, position: str | None = None, speed: float = 0.0) -> list[ReadingGroup]:
    source = RecordingSettings(name="door", path=path, map=CALIT2_MAP, speed=speed).build()
    return list(source.groups(position, Event()))


def _readings(groups: list[ReadingGroup]) -> list[Reading]:
    return [reading for group in groups for reading in group.readings]


def _file(folder: Path, *lines: str) -> Path:
    path = folder / "recording.csv"
    path.write_text("\n".join((HEADER, *lines)))
    return path


@pytest.fixture(scope="module")
def calit2(recordings: Path) -> Path:
    return recordings / "calit2" / "CalIt2.data.csv"


def test_calit2_equals_an_independent_reading(calit2: Path) -> None:
    zone = ZoneInfo("America/Los_Angeles")
    expected = Counter[tuple[str, int, float]]()
    for row in csv.DictReader(calit2.read_text().splitlines()):
        month, day, year = map(int, row["date"].split("/"))
        hour, minute, _ = map(int, row["time_stamp"].split(":"))
        offset = datetime(2000 + year, month, day, hour, minute, tzinfo=zone).utcoffset()
        assert offset is not None
        end = datetime(2000 + year, month, day, hour, minute, tzinfo=UTC) - offset
        quantity = {"9": "entries", "7": "exits"}[row["flow"]]
        expected[quantity, round((end.timestamp() - 1800) * 1_000_000), float(row["count"])] += 1
    readings = _readings(_played(calit2))
    assert Counter((r.series.quantity, r.t_us, r.value) for r in readings) == expected
    assert len(readings) == 10_080


def test_calit2_published_figures(calit2: Path) -> None:
    groups = _played(calit2)
    readings = _readings(groups)
    totals = Counter[str]()
    for reading in readings:
        totals[reading.series.quantity] += round(reading.value)
    assert totals == {"entries": 19_597, "exits": 18_837}
    assert len({(r.series, r.t_us) for r in readings}) == 10_080
    assert all(not group.refusals and group.origin is Origin.REPLAYED for group in groups)
    assert max(len(group.readings) for group in groups) == GROUP_LINES
    assert {(r.series.device, r.series.period_s) for r in readings} == {("calit2-main-door-counter", 1800.0)}


def test_calit2_lacks_two_half_hours_when_summer_time_ends(calit2: Path) -> None:
    readings = _readings(_played(calit2))
    starts = sorted({reading.t_us for reading in readings})
    step = 1_800_000_000
    missing = [t for a, b in pairwise(starts) for t in range(a + step, b, step)]
    at = [datetime.fromtimestamp(t / 1e6, UTC).isoformat() for t in missing]
    assert at == ["2005-10-30T08:30:00+00:00", "2005-10-30T09:00:00+00:00"]
    flagged = {datetime.fromtimestamp(r.t_us / 1e6, UTC).isoformat() for r in readings if r.flags}
    assert flagged == {"2005-10-30T07:30:00+00:00", "2005-10-30T08:00:00+00:00"}
    assert {r.flags for r in readings} == {0, int(Flag.AMBIGUOUS_LOCAL_TIME)}


def test_calit2_goes_on_after_any_group_as_if_never_stopped(calit2: Path) -> None:
    whole = _played(calit2)
    for done in (0, 25, len(whole) - 2, len(whole) - 1):
        rest = _played(calit2, whole[done].position)
        assert _readings(rest) == _readings(whole[done + 1 :])


def test_a_bad_line_is_refused_and_the_play_goes_on(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        "9,07/24/05,00:00:00,1",
        "9,07/24/05,00:30:00",
        "",
        "8,07/24/05,00:30:00,1",
        "9,24/07/05,00:30:00,1",
        "9,07/24/05,00:30:00,-1",
        "9,07/24/05,00:30:00,1.5",
        "9,07/24/05,00:30:00,1_0",
        '9,07/24/05,"00:30:00,1',
        "   ",
        "7,07/24/05,00:00:00,2",
    )
    (group,) = _played(path)
    assert [reading.value for reading in group.readings] == [1.0, 2.0]
    assert [r.reason for r in group.refusals] == ["columns", "flow", "stamp", "value", "value", "value", "columns"]
    assert group.refusals[0].payload == "9,07/24/05,00:30:00"
    assert group.refusals[0].source == "door"
    assert group.position == "12"


def test_bytes_that_are_no_text_refuse_their_line_alone(tmp_path: Path) -> None:
    path = tmp_path / "recording.csv"
    path.write_bytes(HEADER.encode() + b"\n9,07/24/05,00:00:00,\xff\n7,07/24/05,00:00:00,2\n")
    (group,) = _played(path)
    assert len(group.readings) == len(group.refusals) == 1


def test_a_local_time_that_does_not_exist_is_flagged() -> None:
    decoder = LineDecoder(load_map(CALIT2_MAP))
    reading = decoder.decode("9,04/03/05,02:30:00,4")  # the clocks went from 02:00 to 03:00
    assert reading.flags == Flag.CLOCK_SUSPECT
    assert datetime.fromtimestamp(reading.t_us / 1e6, UTC) == datetime(2005, 4, 3, 10, 0, tzinfo=UTC)
    assert decoder.decode("9,04/03/05,03:00:00,4").flags == Flag.NONE


def test_a_year_that_no_instant_can_hold_is_refused() -> None:
    decoder = LineDecoder(load_map(CALIT2_MAP).model_copy(update={"stamp_format": "%m/%d/%Y %H:%M:%S"}))
    assert decoder.decode("9,07/24/2005,00:00:00,1").value == 1
    with pytest.raises(LineRefusedError, match="stamp"):
        decoder.decode("9,12/31/9999,23:59:59,1")


def test_columns_that_the_map_does_not_name_are_not_kept(tmp_path: Path) -> None:
    described = load_map(CALIT2_MAP).model_copy(update={"header": HEADER + ",note"})
    decoder = LineDecoder(described)
    line = "9,07/24/05,00:30:00,many,secret"
    with pytest.raises(LineRefusedError, match="value"):
        decoder.decode(line)
    assert decoder.payload(line) == "9,07/24/05,00:30:00,many"
    assert decoder.payload(line + ",more") == ""


_ODD = st.one_of(st.text(max_size=12), st.sampled_from(["9", "7", "07/24/05", "00:30:00", "12", '"', "1e5", "NaN"]))


@settings(deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(_ODD, min_size=3, max_size=5).map(",".join)))
def test_any_line_is_read_or_refused_with_a_reason(line: str) -> None:
    decoder = LineDecoder(load_map(CALIT2_MAP))
    reason = ""
    try:
        assert decoder.decode(line).value >= 0
    except LineRefusedError as refused:
        reason = refused.reason
    assert reason in {"", "columns", "stamp", "flow", "value"}


@settings(deadline=None)
@given(st.lists(st.sampled_from(["reading", "blank", "bad"]), max_size=450), st.data())
def test_a_play_cut_anywhere_plays_each_line_once(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[str], data: st.DataObject
) -> None:
    start = datetime(2005, 7, 24)
    lines = []
    for number, kind in enumerate(kinds):
        stamp = (start + timedelta(minutes=30 * number)).strftime("%m/%d/%y,%H:%M:%S")
        lines.append({"reading": f"9,{stamp},{number}", "blank": "", "bad": f"9,{stamp},x{number}"}[kind])
    path = _file(tmp_path_factory.mktemp("cut"), *lines)
    whole = _played(path)
    positions = [None, *(group.position for group in whole)]
    cut = data.draw(st.integers(0, len(whole)))
    resumed = whole[:cut] + _played(path, positions[cut])
    assert [r.value for r in _readings(resumed)] == [n for n, kind in enumerate(kinds) if kind == "reading"]
    assert sum(len(group.refusals) for group in resumed) == kinds.count("bad")


def test_a_paced_play_comes_in_groups_of_at_most_a_second(tmp_path: Path) -> None:
    path = _file(tmp_path, *(f"9,07/24/05,{hour:02d}:{minute}:00,1" for hour in range(10) for minute in ("00", "30")))
    groups = _played(path, speed=1e6)
    assert len(_readings(groups)) == 20
    assert len(groups) == 1
    slower = RecordingSettings(name="door", path=path, map=CALIT2_MAP, speed=3600.0).build()
    first = next(iter(slower.groups(None, Event())))
    assert len(first.readings) == 2


def test_a_stopped_play_ends_before_the_next_group(tmp_path: Path) -> None:
    path = _file(tmp_path, "9,07/24/05,00:00:00,1")
    stop = Event()
    stop.set()
    source = RecordingSettings(name="door", path=path, map=CALIT2_MAP).build()
    assert list(source.groups(None, stop)) == []


def test_wrong_settings_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"source\.path"):
        RecordingSettings(name="door", path=tmp_path / "absent.csv", map=CALIT2_MAP).build()
    other = tmp_path / "other.csv"
    other.write_text("time,value\n")
    with pytest.raises(RecordingError, match="begins 'time,value'"):
        RecordingSettings(name="door", path=other, map=CALIT2_MAP).build()
    source = RecordingSettings(name="door", path=_file(tmp_path), map=CALIT2_MAP).build()
    with pytest.raises(RecordingError, match="another name"):
        next(source.groups("2026-05-04/3", Event()))
