"""The signals that ask a process to stop, heard whatever its main thread is about to do."""

from __future__ import annotations

import _thread
import signal
from collections.abc import Callable


def on_stop_signals(stop: Callable[[], None]) -> None:
    """Have SIGTERM and SIGINT call ``stop`` in a thread of its own.

    A handler runs within the main thread, between any two of its instructions. Where these wait for an event, it may
    hold the event's own lock at that moment: to set the event there would wait for that lock, and so for itself, for
    ever.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _begin(stop))


def _begin(stop: Callable[[], None]) -> None:
    _thread.start_new_thread(stop, ())  # threading.Thread takes locks at its start
