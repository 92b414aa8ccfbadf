"""What the running agent says of releases, and of itself for an update to compare."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import pytest

from edge.clock import Clock
from edge.run_state import RunRecord, RunState, read_run_state, run_state_path
from edge.update.journal import Journal, JournalFile
from edge.update.reported import ReportedRelease, journal_path
from edge.wire.release import ReleaseState


class Now:
    s = 0.0

    def clock(self) -> Clock:
        return Clock(lambda: int(self.s * 1e6) + 7, lambda: int(self.s * 1e6), UUID(int=1))


def write(root: Path, version: str, state: ReleaseState) -> None:
    JournalFile(root).write(Journal().saying(version, state, "why"))


def test_the_report_is_looked_for_again_and_again(tmp_path: Path) -> None:
    now = Now()
    prefix = tmp_path / "versions" / "0.2.0"
    prefix.mkdir(parents=True)
    (tmp_path / "current").symlink_to("versions/0.2.0")
    reported = ReportedRelease(tmp_path, lambda: now.s, tmp_path / "current")
    assert reported.report is None
    write(tmp_path, "0.2.0", ReleaseState.TRIAL)
    assert reported.report is None, "not at every turn of the uplink"
    now.s = 10
    assert reported.report
    assert reported.report.state is ReleaseState.TRIAL
    write(tmp_path, "0.2.0", ReleaseState.APPLIED)
    now.s = 20
    assert reported.report.state is ReleaseState.APPLIED
    journal_path(tmp_path).unlink()
    now.s = 30
    assert reported.report is not None, "what was said once is not taken back"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"report": 5}', b'{"report": null}', b"[" * 100_000, b"\xff"])
def test_a_damaged_journal_says_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "versions").mkdir()
    journal_path(tmp_path).write_bytes(content)
    assert ReportedRelease(tmp_path, lambda: 0.0, tmp_path / "versions" / "1.0.0").report is None


def test_an_agent_from_elsewhere_has_no_part_in_it(tmp_path: Path) -> None:
    write(tmp_path, "0.2.0", ReleaseState.APPLIED)
    assert ReportedRelease(tmp_path, lambda: 0.0, tmp_path / "elsewhere").report is None


def test_a_run_is_written_when_it_changes_and_as_a_sign_of_life(tmp_path: Path) -> None:
    now, spool = Now(), tmp_path / "spool.db"
    record = RunRecord(spool, "0.2.0", now.clock())
    record.note("s", "offline", connected=False, alive=True)
    first = read_run_state(spool)
    assert first
    assert first == RunState(first.run, "0.2.0", "s", "offline", False, False, True, 7)  # noqa: FBT003, RUF100 - in order
    run_state_path(spool).unlink()
    now.s = 4
    record.note("s", "offline", connected=False, alive=True)
    assert read_run_state(spool) is None, "nothing new"
    record.note("s", "sending", connected=True, alive=True)
    assert (state := read_run_state(spool))
    assert (state.mode, state.connected, state.has_connected) == ("sending", True, True)
    record.note("s", "offline", connected=False, alive=False)
    assert (state := read_run_state(spool))
    assert (state.connected, state.has_connected, state.alive, state.run) == (False, True, False, first.run)
    run_state_path(spool).unlink()
    now.s = 9
    record.note("s", "offline", connected=False, alive=False)
    assert (state := read_run_state(spool))
    assert state.written_us == 9_000_007
    assert RunRecord(spool, "0.2.0", now.clock()) is not record


def test_two_runs_are_told_apart_and_a_damaged_file_says_nothing(tmp_path: Path) -> None:
    now, spool = Now(), tmp_path / "spool.db"
    runs = set()
    for _ in range(2):
        RunRecord(spool, "0.2.0", now.clock()).note("s", "offline", connected=False, alive=True)
        state = read_run_state(spool)
        assert state
        runs.add(state.run)
    assert len(runs) == 2
    for content in ("", "{", "[]", json.dumps({"run": 5}), '{"run": "a", "version": "b"}'):
        run_state_path(spool).write_text(content)
        assert read_run_state(spool) is None
    RunRecord(tmp_path / "absent" / "spool.db", "0.2.0", now.clock()).note("s", "x", connected=False, alive=True)
