"""``smartstore-ingest run``: one worker, until it is told to stop."""

from __future__ import annotations

import argparse
import gc
import sys
import threading

from edge.stop_signals import on_stop_signals
from ingest.commands.options import Subparsers, add_verb, settings_of
from ingest.service import Service

_SWITCH_S = 0.0002
"""A thread that the database has answered waits at most about this long for the interpreter. At Python's own 5 ms the
writing thread spends more time waiting for preparation to yield than for the database."""

_COLLECT_AFTER = 50_000
"""Objects between two searches for cycles. What a write is made of has none, so that Python's own 700 only costs."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    add_verb(subparsers, "run", "receive batches, commit and acknowledge them, until SIGTERM or SIGINT", _run)


def _run(arguments: argparse.Namespace) -> int:
    sys.setswitchinterval(_SWITCH_S)
    gc.set_threshold(_COLLECT_AFTER, 50, 50)
    service = Service(settings_of(arguments))
    threading.excepthook = service.fail_after
    on_stop_signals(service.request_stop)
    service.start()
    service.wait()
    return 0 if service.stop() else 1
