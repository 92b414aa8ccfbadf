"""``smartstore-edge update`` in a process of its own: ``updating_child.py POINT DEPENDENCIES DEVICE CONFIG [FLAG]``.

It is the command of the version that runs it, with two things exchanged: environments see the dependencies of the
tests in place of wheels of them, and the time of the watch passes once there is something to be seen. POINT is as for
``kill_at``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from enrolment_tools.kill_at import arm
from update_tools.present_run import present_run, starts_of
from update_tools.wheels import make_linked_environment

from edge import cli
from edge.configuration import read_configuration
from edge.settings import EdgeSettings
from edge.source_states import read_states
from edge.update import updating
from edge.update.journal import JournalFile

_LOOK_S = 0.02
_LONGEST_S = 60.0
_RESTARTS = 3


class Watch:
    """The clock of the watch: it stands still until the agent has shown how it does."""

    def __init__(self, config: Path, device: Path) -> None:
        self._settings = read_configuration(config, EdgeSettings)
        self._device = device
        self._begun = len(starts_of(device))
        self._now_s = 0.0
        self._settled = False

    def monotonic_s(self) -> float:
        return self._now_s

    def sleep(self, duration_s: float) -> None:
        end_s = time.monotonic() + _LONGEST_S
        while not self._settled and time.monotonic() < end_s:
            self._settled = self._is_settled()
            time.sleep(_LOOK_S)
        self._now_s += duration_s
        time.sleep(_LOOK_S)

    def _is_settled(self) -> bool:
        if len(starts_of(self._device)) >= self._begun + _RESTARTS:
            return True
        attempt = JournalFile(self._settings.update.root).read().attempt
        state = present_run(self._device, self._settings.spool.path)
        if attempt is None or state is None or state.version != attempt.release.version:
            return False
        reached = state.has_connected or not attempt.baseline.connected
        sources = read_states(self._settings.spool.path)
        told = {str(each.name) for each in sources} >= set(attempt.baseline.sources)  # at its start an agent has none
        return reached and told and all(each.contact_us or each.failures for each in sources)


def main() -> int:
    point, dependencies, device, config, *flags = sys.argv[1:]
    watch = Watch(Path(config), Path(device))

    def make(environment: Path) -> None:
        make_linked_environment(environment, Path(dependencies))

    tools = updating.Tools(make, watch.monotonic_s, sleep=watch.sleep)
    updating.Tools = lambda: tools  # type: ignore[assignment,misc] # what the command asks for
    if point != "-":
        arm(point)
    return cli.main(["update", config, "--lang", "en", *flags])


if __name__ == "__main__":
    sys.exit(main())
