"""What the running agent says of releases: the report that an update leaves in its journal, read by the agent."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from edge.durable_file import read_small
from edge.wire.release import ReleaseReport

_LOOK_S = 10.0
"""The file changes while the agent runs: when its trial is over."""


class ReportedRelease:
    """The report for the birth; ``report`` is for the uplink's thread.

    Parameters
    ----------
    root
        The folder of the releases.
    prefix
        Where the running program is installed. An agent from elsewhere, such as a second one on the same machine, has
        nothing to do with those releases and says nothing of them.
    """

    def __init__(self, root: Path, monotonic_s: Callable[[], float], prefix: Path = Path(sys.prefix)) -> None:
        self._journal = journal_path(root)
        self._monotonic_s = monotonic_s
        self._concerned = _real(prefix).is_relative_to(_real(versions_path(root)))
        self._due_s = float("-inf")
        self._changed_ns: int | None = None
        self._report: ReleaseReport | None = None

    @property
    def report(self) -> ReleaseReport | None:
        """What became of the release dealt with last; None: there was none."""
        if self._concerned and self._monotonic_s() >= self._due_s:
            self._due_s = self._monotonic_s() + _LOOK_S
            self._look()
        return self._report

    def _look(self) -> None:
        try:
            changed_ns = self._journal.stat().st_mtime_ns
        except OSError:
            return
        if changed_ns != self._changed_ns:
            self._changed_ns = changed_ns
            self._report = read_report(self._journal)


def journal_path(root: Path) -> Path:
    """Return where an update keeps its journal."""
    return root / "update.json"


def versions_path(root: Path) -> Path:
    """Return the folder with an environment for each version."""
    return root / "versions"


def read_report(journal: Path) -> ReleaseReport | None:
    """Return the report in a journal; None where there is none that can be read."""
    try:
        document = json.loads(read_small(journal))
        return ReleaseReport.model_validate_json(json.dumps(document["report"]))
    except (OSError, ValueError, ValidationError, KeyError, TypeError, RecursionError):
        return None


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
