"""Which release of the agent runs on a spool, and how it does; kept in a small file for ``status`` and for updates.

Like the states of the sources it lies beside the spool and is never forced onto the disk. It is written when something
changes, and every few seconds as a sign of life.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError

from edge import event_log
from edge.clock import Clock
from edge.durable_file import beside, read_small, write_passing

BEAT_S = 5.0
"""An agent that runs writes at least this often."""

log = event_log.get(__name__)


@dataclass(frozen=True, slots=True)
class RunState:
    """One run of the agent's process, as far as it got."""

    run: str
    """Drawn at random at the start of the process."""
    version: str
    spool: str
    """Id of the spool that is open."""
    mode: str = "offline"
    """What the uplink does."""
    connected: bool = False
    """Whether the uplink is connected."""
    has_connected: bool = False
    """Whether it has been so since the process started."""
    alive: bool = True
    """Whether the threads of spool and uplink make progress."""
    written_us: int = 0


class RunRecord:
    """Writes the file of this process."""

    def __init__(self, spool: Path, version: str, clock: Clock) -> None:
        self._path = run_state_path(spool)
        self._clock = clock
        self._state = RunState(run=uuid4().hex, version=version, spool="")
        self._written_s = float("-inf")

    def note(self, spool: str, mode: str, *, connected: bool, alive: bool) -> None:
        """Note how the run does now, a few times a second; a disk that cannot take it is left alone."""
        now_s = self._clock.monotonic_s()
        has_connected = connected or self._state.has_connected
        state = replace(
            self._state, spool=spool, mode=mode, connected=connected, has_connected=has_connected, alive=alive
        )
        if state == self._state and now_s - self._written_s < BEAT_S:
            return
        self._state, self._written_s = replace(state, written_us=self._clock.now_us()), now_s
        try:
            write_passing(self._path, json.dumps(asdict(self._state)))
        except OSError as error:
            log.debug("run_state_not_written", file=str(self._path), error=str(error))


def run_state_path(spool: Path) -> Path:
    """Return where the state of the run lies: beside the spool."""
    return beside(spool, ".run.json")


def read_run_state(spool: Path) -> RunState | None:
    """Return what an agent wrote last beside this spool; None where there is nothing that can be read."""
    try:
        return TypeAdapter(RunState).validate_json(read_small(run_state_path(spool)))
    except (OSError, ValidationError):
        return None
