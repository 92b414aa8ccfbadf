"""One of the project's commands in a process of its own that kills itself at a point: ``kill_at.py POINT COMMAND ...``.

POINT is ``module:name:side:number``: before or after the number-th call of a function or method; ``-`` for none.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MAINS = {"smartstore-edge": "edge.cli", "smartstore-ingest": "ingest.cli"}


def start(point: str, command: str, *arguments: str | Path, log: Path) -> subprocess.Popen[bytes]:
    """Start a command that dies by SIGKILL at a point."""
    paths = os.pathsep.join(str(folder) for folder in (ROOT, ROOT / "tests", ROOT / "deploy"))
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, __file__, point, command, *map(str, arguments)],
            env=os.environ | {"PYTHONPATH": paths},
            stdout=output,
            stderr=output,
        )


def arm(point: str) -> None:
    """Put the killer around the function that a point names."""
    module, path, side, number = point.split(":")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    setattr(owner, name, _deadly(getattr(owner, name), side, int(number)))


def _deadly(work: Callable[..., Any], side: str, left: int) -> Callable[..., Any]:
    def wrapped(*arguments: Any, **named: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0 and side == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = work(*arguments, **named)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return wrapped


if __name__ == "__main__":
    main: Callable[[list[str]], int] = importlib.import_module(MAINS[sys.argv[2]]).main
    if sys.argv[1] != "-":
        arm(sys.argv[1])
    sys.exit(main(sys.argv[3:]))
