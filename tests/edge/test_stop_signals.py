"""A signal that comes while the main thread holds the lock of the event that it is to set."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

CHILD = """
import signal, sys, threading
from edge.stop_signals import on_stop_signals
stopped = threading.Event()
on_stop_signals(stopped.set)
with stopped._cond:
    signal.raise_signal(int(sys.argv[1]))
sys.exit(0 if stopped.wait(20) else 1)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_is_heard(number: signal.Signals) -> None:
    done = subprocess.run([sys.executable, "-c", CHILD, str(int(number))], timeout=60, check=False)
    assert done.returncode == 0
