"""Files that grow, are rotated, cut, replaced and copied: every line is accepted once, over every restart."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

import pytest
from edge_tools.plain_decoder import PLAIN, known
from edge_tools.played import playing
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.clock import system_clock
from edge.readings import ReadingGroup
from edge.sources.file_tail import FileTail, FileTailSettings
from edge.sources.source import SourceTroubleError
from edge.spool.records import SpoolLimits
from edge.spool.spool import Spool


@pytest.fixture(autouse=True, scope="module")
def plain() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        known(patch, PLAIN)
        yield


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool.open(tmp_path / "spool.sqlite", SpoolLimits(2**24, 86_400.0, 500), system_clock())
    yield opened
    opened.close()


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def source(path: Path, clock: Clock | None = None, **keys: Any) -> FileTail:
    defaults = {"name": "exports", "path": str(path), "decoder": "plain", "options": {"device": "d"}, "format": "lines"}
    tail = FileTailSettings.model_validate(defaults | {"interval_s": 0.05} | keys).build()
    tail._monotonic_s = clock or Clock()
    return tail


class _Paused(Event):
    """Has a source end after one look, as if the agent stopped while it waits for the next."""

    def wait(self, timeout: float | None = None) -> bool:
        return True


class Follower:
    """A reader that starts anew at each look, from the position accepted last: every look is after a kill."""

    def __init__(self, path: Path, **keys: Any) -> None:
        self.clock = Clock()
        self._tail = source(path, self.clock, **keys)
        self.position: str | None = None

    def groups(self) -> list[ReadingGroup]:
        found = list(self._tail.groups(self.position, _Paused()))
        if found:
            self.position = found[-1].position
        return found

    def values(self) -> list[float]:
        return [reading.value for group in self.groups() for reading in group.readings]

    def refusals(self) -> list[str]:
        return [refusal.reason for group in self.groups() for refusal in group.refusals]

    def restart(self) -> None:
        """Forget all but the position, as a killed process does."""
        self._tail = source(self._tail._settings.path, self.clock, **_keys(self._tail))


def _keys(tail: FileTail) -> dict[str, Any]:
    return {
        name: getattr(tail._settings, name)
        for name in ("format", "columns", "pattern", "settle_s", "start", "encoding", "delimiter", "most_line_bytes")
    }


def lines(*numbers: int) -> bytes:
    return b"".join(b'{"value": %d, "t_us": %d}\n' % (number, number) for number in numbers)


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "export.log"
    path.write_bytes(lines(1, 2))
    return path


def test_lines_come_as_they_are_written_and_a_part_of_a_line_waits(file: Path) -> None:
    follower = Follower(file)
    assert follower.values() == [1.0, 2.0]
    assert follower.values() == []
    append(file, lines(3) + lines(4)[:9])
    assert follower.values() == [3.0]
    append(file, lines(4)[9:])
    assert follower.values() == [4.0]
    append(file, b"\n\r\n" + lines(5).replace(b"\n", b"\r\n"))
    assert follower.values() == [5.0]


def test_many_lines_come_in_several_groups_and_a_kill_between_them_loses_none(file: Path) -> None:
    append(file, lines(*range(3, 1001)))
    follower = Follower(file)
    found: list[float] = []
    while len(found) < 1000:
        groups = follower._tail.groups(follower.position, Event())
        first = next(each for each in groups if each.readings)
        assert len(first.readings) <= 200
        found += [reading.value for reading in first.readings]
        follower.position = first.position
        follower.restart()
    assert found == [float(number) for number in range(1, 1001)]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_renamed_file_is_read_to_its_end_and_then_the_new_one(file: Path, restarts: bool) -> None:
    follower = Follower(file)
    assert follower.values() == [1.0, 2.0]
    append(file, lines(3))
    file.rename(file.with_name("export.log.1"))
    file.write_bytes(lines(4))
    if restarts:
        follower.restart()
    assert follower.values() == [3.0, 4.0]
    append(file.with_name("export.log.1"), lines(5))
    assert follower.values() == [5.0], "its writer had it still open"


def test_several_rotations_while_nobody_reads(file: Path) -> None:
    follower = Follower(file)
    assert follower.values() == [1.0, 2.0]
    append(file, lines(3))
    for number, first in ((1, 4), (2, 6)):
        for old in range(number - 1, 0, -1):
            file.with_name(f"export.log.{old}").rename(file.with_name(f"export.log.{old + 1}"))
        file.rename(file.with_name("export.log.1"))
        file.write_bytes(lines(first, first + 1))
    follower.restart()
    assert follower.values() == [float(number) for number in range(3, 8)]


def test_rotated_files_of_before_the_first_start_and_compressed_ones_are_left_out(file: Path) -> None:
    file.with_name("export.log.1").write_bytes(lines(70))
    file.with_name("export.log.2.gz").write_bytes(lines(80))
    file.with_name("export.login").write_bytes(lines(90))
    follower = Follower(file)
    assert follower.values() == [1.0, 2.0]
    append(file.with_name("export.log.1"), lines(3))
    assert follower.values() == [3.0]


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("after", [lines(3), lines(3, 4, 5, 6, 7, 8)], ids=["shorter", "longer"])
def test_a_truncated_file_is_read_from_its_beginning(file: Path, restarts: bool, after: bytes) -> None:
    follower = Follower(file)
    assert follower.values() == [1.0, 2.0]
    file.write_bytes(after)
    if restarts:
        follower.restart()
    assert follower.values() == [float(number) for number in range(3, 3 + after.count(b"\n"))]


@pytest.mark.parametrize("looks_between", [False, True])
def test_a_copy_that_is_made_before_the_truncation_is_not_read_again(file: Path, looks_between: bool) -> None:
    follower = Follower(file)
    assert follower.values() == [1.0, 2.0]
    append(file, lines(3))
    copy = file.with_name("export.log.1")
    shutil.copy(file, copy)
    seen: list[float] = []
    if looks_between:
        seen += follower.values()
        assert seen == [3.0]
    file.write_bytes(lines(4))
    follower.restart()
    assert seen + follower.values() == [3.0, 4.0]


def test_a_file_replaced_by_a_longer_version_of_itself_goes_on(file: Path) -> None:
    follower = Follower(file)
    assert follower.values() == [1.0, 2.0]
    fresh = file.with_name("other")
    fresh.write_bytes(lines(1, 2, 3))
    fresh.replace(file)
    assert follower.values() == [3.0]


def test_the_end_of_what_is_there_where_that_is_wanted(file: Path) -> None:
    append(file, lines(3)[:9])
    follower = Follower(file, start="end")
    assert follower.values() == []
    follower.restart()
    append(file, lines(3)[9:] + lines(4))
    assert follower.values() == [3.0, 4.0]


def test_a_folder_of_exports(tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    follower = Follower(folder, pattern="*.log", settle_s=30)
    assert follower.values() == []
    (folder / "b.log").write_bytes(lines(1))
    (folder / "a.log").write_bytes(lines(2) + lines(3)[:-1])
    (folder / "c.txt").write_bytes(lines(9))
    (folder / ".hidden.log").write_bytes(lines(9))
    (folder / "folder.log").mkdir()
    assert sorted(follower.values()) == [1.0, 2.0]
    follower.clock.now_s += 29
    assert follower.values() == []
    follower.clock.now_s += 2
    assert follower.values() == [3.0], "its last line has no end, and it is written no more"
    append(folder / "b.log", lines(4))
    (folder / "d.log").write_bytes(lines(5))
    (folder / "a.log").unlink()
    follower.restart()
    assert follower.values() == [4.0, 5.0]


def test_exports_with_the_same_beginning_are_told_apart(tmp_path: Path) -> None:
    follower = Follower(tmp_path)
    same = lines(*range(1, 9))
    (tmp_path / "a").write_bytes(same)
    assert len(follower.values()) == 8
    (tmp_path / "b").write_bytes(same + lines(10))
    follower.restart()
    assert follower.values() == [*[float(number) for number in range(1, 9)], 10.0]


def test_a_file_with_the_number_of_a_deleted_one_is_a_new_one(tmp_path: Path) -> None:
    follower = Follower(tmp_path)
    (tmp_path / "a").write_bytes(lines(1, 2))
    assert follower.values() == [1.0, 2.0]
    assert follower.position is not None
    inode = (tmp_path / "a").stat().st_ino
    (tmp_path / "a").unlink()
    (tmp_path / "b").write_bytes(lines(3, 4, 5))
    follower.position = follower.position.replace(str(inode), str((tmp_path / "b").stat().st_ino))
    follower.restart()
    assert follower.values() == [3.0, 4.0, 5.0]


def test_csv_rows_become_json_by_column_and_each_file_has_its_header(tmp_path: Path) -> None:
    follower = Follower(tmp_path, format="csv", delimiter=";")
    (tmp_path / "a.csv").write_bytes(
        b'\xef\xbb\xbfvalue;"t_us"\r\n1;11\r\n2;12\r\n3\r\nx;13\r\n4;14;5\r\n"un;1\r\n5;15\r\n'
    )
    (tmp_path / "b.csv").write_bytes(b"t_us;value\n16;6\n")
    (tmp_path / "c.csv").write_bytes(b"t_us;val")
    groups = follower.groups()
    readings = [(reading.value, reading.t_us) for group in groups for reading in group.readings]
    assert readings == [(1.0, 11), (2.0, 12), (5.0, 15), (6.0, 16)]
    assert [each.reason for group in groups for each in group.refusals] == ["columns", "value", "columns", "columns"]
    append(tmp_path / "c.csv", b"ue\n17;7\n")
    append(tmp_path / "b.csv", b"18;8\n")
    follower.restart()
    assert sorted(follower.values()) == [7.0, 8.0]


def test_a_truncated_csv_file_has_its_header_again(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"value,t_us\n1,11\n")
    follower = Follower(path, format="csv")
    assert follower.values() == [1.0]
    path.write_bytes(b"t_us,value\n")
    assert follower.values() == []
    append(path, b"12,2\n")
    assert follower.values() == [2.0]


def test_csv_without_a_header_and_json_lines_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"11,1\n12,2\n")
    assert Follower(tmp_path / "a.csv", format="csv", columns=("t_us", "value")).values() == [1.0, 2.0]
    (tmp_path / "b.json").write_bytes('{"value": 3, "店": "门"}\n'.encode("gb18030"))
    assert Follower(tmp_path / "b.json", format="json_lines", encoding="gb18030").values() == [3.0]
    assert Follower(tmp_path / "b.json", format="json_lines").refusals() == ["encoding"]


def test_a_header_that_names_a_column_twice_refuses_the_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"value,value\n1,2\n")
    assert Follower(tmp_path / "a.csv", format="csv").refusals() == ["columns"]


@pytest.mark.parametrize("length", [63, 64, 65, 70_000, 300_000])
def test_a_line_that_is_too_long_is_refused_and_the_next_is_read(file: Path, length: int) -> None:
    append(file, b"x" * length + b"\n" + lines(3))
    follower = Follower(file, most_line_bytes=64)
    groups = follower.groups()
    assert [reading.value for group in groups for reading in group.readings] == [1.0, 2.0, 3.0]
    expected = "line_too_long" if length >= 64 else "not_json"
    assert [each.reason for group in groups for each in group.refusals] == [expected]


def test_a_missing_file_or_folder_or_too_many_files_are_said(tmp_path: Path) -> None:
    for path, problem in ((tmp_path / "none", "is not there"), (tmp_path / "none" / "deep", "cannot be read")):
        with pytest.raises(SourceTroubleError, match=problem) as caught:
            Follower(path).values()
        assert caught.value.fix
    for number in range(3):
        (tmp_path / str(number)).write_bytes(b"")
    with pytest.raises(SourceTroubleError, match="more than 2 files"):
        Follower(tmp_path, most_files=2).values()


@pytest.mark.parametrize("position", ["1204", "{", '[["a"]]', "2026-05-04/7"])
def test_a_position_of_another_kind_of_source_is_said(file: Path, position: str) -> None:
    follower = Follower(file)
    follower.position = position
    with pytest.raises(SourceTroubleError, match="how far files were read"):
        follower.values()


def test_a_file_is_followed_in_its_own_thread_until_the_stop(file: Path) -> None:
    with playing(source(file)) as played:
        played.wait_for(lambda: played.values == [1.0, 2.0])
        append(file, lines(3))
        played.wait_for(lambda: played.values == [1.0, 2.0, 3.0])
        played.stop.set()
        played.wait_for(lambda: played.ended)
        assert played.error is None
        assert played.states.states()[0].readings == 3


class Tailing(RuleBasedStateMachine):
    """A writer that appends, rotates and truncates at will, and a reader that is killed and restarted at will.

    Every line is accepted exactly once, in the order of writing, but those that a truncation took before they were
    read.
    """

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / "export.log"
        self.path.write_bytes(b"")
        self.follower = Follower(self.path, settle_s=5)
        self.written = 0
        self.expected: list[float] = []
        self.accepted: list[float] = []
        self.pending = b""
        """The rest of a line of which a part is written."""
        self.rotations = 0
        self.look_on()  # what was rotated away before the very first session is left out

    def write(self, content: bytes) -> None:
        append(self.path, content)

    @rule(count=st.integers(1, 300))
    def append_lines(self, count: int) -> None:
        self.finish_line()
        numbers = range(self.written + 1, self.written + count + 1)
        self.written += count
        self.write(lines(*numbers))
        self.expected += [float(number) for number in numbers]

    @rule(part=st.integers(1, 15))
    def append_a_part(self, part: int) -> None:
        self.finish_line()
        self.written += 1
        line = lines(self.written)
        self.write(line[:part])
        self.pending = line[part:]
        self.expected.append(float(self.written))

    @precondition(lambda self: self.pending)
    @rule()
    def finish_line(self) -> None:
        self.write(self.pending)
        self.pending = b""

    @rule()
    def rename_and_begin_anew(self) -> None:
        """Rotate as logrotate does; the writer finishes its line before it opens the new file."""
        self.finish_line()
        for old in range(self.rotations, 0, -1):
            Path(f"{self.path}.{old}").rename(f"{self.path}.{old + 1}")
        self.rotations += 1
        self.path.rename(f"{self.path}.1")
        self.path.write_bytes(b"")

    @rule(copies=st.booleans())
    def truncate(self, copies: bool) -> None:
        """Cut what the reader has read; with a copy, also what it has not."""
        self.finish_line()
        if copies:
            for old in range(self.rotations, 0, -1):
                Path(f"{self.path}.{old}").rename(f"{self.path}.{old + 1}")
            self.rotations += 1
            shutil.copy2(self.path, f"{self.path}.1")
        else:
            self.look(1000)
        with self.path.open("r+b") as file:
            file.truncate()

    @rule(most=st.integers(1, 4))
    def look(self, most: int) -> None:
        """Accept some of the groups that one look yields, then start anew, as after a kill."""
        groups = self.follower._tail.groups(self.follower.position, _Paused())
        for _, each in zip(range(most), groups, strict=False):
            self.accepted += [reading.value for reading in each.readings]
            assert not each.refusals
            self.follower.position = each.position
        self.follower.restart()

    @rule()
    def look_on(self) -> None:
        """Look without a kill before or after."""
        self.accepted += self.follower.values()

    @invariant()
    def in_order_and_once(self) -> None:
        assert self.accepted == self.expected[: len(self.accepted)]

    def teardown(self) -> None:
        with self.folder:
            self.finish_line()
            self.look_on()
            assert self.accepted == self.expected


TestTailing = Tailing.TestCase
TestTailing.settings = hypothesis_settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_a_file_whose_name_is_no_utf_8_is_followed_over_restarts(tmp_path: Path, spool: Spool) -> None:
    """As one written by a Chinese Windows: its position is kept in the spool."""
    file = tmp_path / b"\xce\xc2\xb6\xc8.csv".decode(errors="surrogateescape")
    file.write_bytes(lines(1))
    follower = Follower(tmp_path, pattern="*.csv")
    for number in (1, 2, 3):
        for group in follower.groups():
            spool.accept([("exports", group)])
        assert spool.totals().accepted_readings == number
        append(file, lines(number + 1))
        follower.restart()
        follower.position = spool.position("exports")
