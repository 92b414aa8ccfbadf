"""What a service manager does for one service: starts it anew whenever it ends, or when it is told to.

``service_stand_in.py FOLDER COMMAND ...``: a file ``restart`` in FOLDER is the order; ``starts`` has a line for each
start, its time.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from threading import Event

from edge.stop_signals import on_stop_signals

_LOOK_S = 0.02


def main() -> int:
    folder, command, stopping = Path(sys.argv[1]), sys.argv[2:], Event()
    on_stop_signals(stopping.set)
    order, pause = folder / "restart", Event()
    while not stopping.is_set():
        with (folder / "starts").open("a") as starts:
            starts.write(f"{time.time_ns()}\n")
        order.unlink(missing_ok=True)  # last before the start: what is ordered from here on is done
        with (folder / "agent.log").open("ab") as log, subprocess.Popen(command, stdout=log, stderr=log) as agent:
            while not stopping.wait(_LOOK_S) and not order.exists() and agent.poll() is None:
                pass
            agent.terminate()
        pause.wait(_LOOK_S)
    return 0


if __name__ == "__main__":
    sys.exit(main())
