"""A wall clock that steps: this machine's, ahead by what a file says; the monotonic clock goes on undisturbed.

It is put in at the two places where ingest takes the time of day: ``time.time_ns``, for the times of receipt and of
commit, and the date by which the registry is read. The database's own clock is not stepped: ingest hands it every time
that an account stands on.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from ingest import admission

_real_time_ns = time.time_ns


def set_ahead(file: Path, seconds: float) -> None:
    """Step the clock of whoever reads this file."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_text(str(seconds))
    fresh.replace(file)


def install(file: Path) -> None:
    """Let this process's wall clock be ahead by the seconds in a file, which is read each time."""

    def ahead_s() -> float:
        return float(file.read_text())

    class Stepped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) + timedelta(seconds=ahead_s())

    time.time_ns = lambda: _real_time_ns() + round(ahead_s() * 1e9)
    vars(admission)["datetime"] = Stepped
