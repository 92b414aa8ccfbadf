"""What the process says that a service has now, as against what an ended one has left behind."""

from __future__ import annotations

from pathlib import Path

from edge.run_state import RunState, read_run_state, run_state_path
from edge.source_states import states_path


def starts_of(folder: Path) -> list[int]:
    """Return when the service's processes were started, in nanoseconds of UTC."""
    return [int(line) for line in (folder / "starts").read_text().splitlines()]


def present_run(folder: Path, spool: Path) -> RunState | None:
    """Return what the service's process says; None where it has said nothing yet, or is about to be replaced.

    The files beside the spool outlive the process that wrote them. That one has ended before the next is started, and
    the order to restart goes only after the next start was written down: so what was written after the last start, with
    no order there, is of the present process.
    """
    if (folder / "restart").exists():
        return None
    started_ns = max(starts_of(folder), default=None)
    state = read_run_state(spool)
    if started_ns is None or state is None:
        return None
    files = (run_state_path(spool), states_path(spool))
    fresh = all(file.exists() and file.stat().st_mtime_ns > started_ns for file in files)
    return state if fresh else None
