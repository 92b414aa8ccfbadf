"""A spool with a long outage's backlog, sealed as a store's agent seals it: ten readings a second, a batch a second."""

from __future__ import annotations

import time
from contextlib import closing
from itertools import islice
from pathlib import Path

from benchmarks.twelve_sources import PER_S

from edge.clock import system_clock
from edge.readings import Reading, ReadingGroup
from edge.spool.records import SpoolLimits
from edge.spool.spool import Spool
from edge.wire.series import Kind, Origin, Series, Unit

_BATCH = round(PER_S)
_AT_ONCE = 10_000
"""Readings of one transaction here: only what is in the file matters, not how it got there."""


def fill(path: Path, hours: float) -> int:
    """Fill a spool with so many hours' worth of batches of ten readings; return how many."""
    limits = SpoolLimits(max_bytes=2**30, max_age_s=30 * 86_400.0, batch_readings=_BATCH)
    series = [
        Series(device=f"sensor-{n}", quantity="temperature", unit=Unit.CELSIUS, kind=Kind.GAUGE, period_s=60.0)
        for n in range(12)
    ]
    count = round(hours * 3600 * PER_S)
    first_us = time.time_ns() // 1000 - round(hours * 3600e6)
    step_us = round(1e6 / PER_S)
    readings = (Reading(series[n % 12], first_us + n * step_us, 20 + n % 100 / 10) for n in range(count))
    with closing(Spool.open(path, limits, system_clock())) as spool:
        while portion := list(islice(readings, _AT_ONCE)):
            spool.accept([("before", ReadingGroup(portion, Origin.MEASURED, ""))])
        return spool.depth().batches
