"""Accepted readings/s into the durable spool in group commits, beside a plain insert of the same rows as durable.

Either side gets the same readings from memory and the same setting: a write-ahead log, every commit on the disk before
it returns. The plain side is one table with a column for each field of a reading, and nothing else: no series tables,
no chain, no counters, no positions. The spool makes batches of ``--batch`` readings, which is also what the plain side
commits at once.
"""

from __future__ import annotations

import argparse
import sqlite3
import time
from contextlib import ExitStack, closing
from pathlib import Path

from benchmarks.report import Figure, report
from standalone.data_folder import scratch_folder

from edge.clock import system_clock
from edge.readings import Reading, ReadingGroup
from edge.spool.records import SpoolLimits
from edge.spool.spool import Spool
from edge.wire.series import Kind, Origin, Series, Unit

_SERIES = 60
_LEAST_PER_S = 20_000
_LEAST_RATIO = 0.5
_ROUNDS = 3


def main() -> None:
    """Run the benchmark and print its figures; exits 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readings", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=500, help="readings of a batch, the configuration's default")
    chosen = parser.parse_args()
    readings = _readings(chosen.readings)
    groups = [readings[start : start + chosen.batch] for start in range(0, len(readings), chosen.batch)]
    spool_s, plain_s = [], []
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_folder("benchmarks"))
        for number in range(_ROUNDS):
            spool_s.append(_spool(folder / f"spool-{number}.db", groups))
            plain_s.append(_plain(folder / f"plain-{number}.db", groups))
    accepted, plain = chosen.readings / min(spool_s), chosen.readings / min(plain_s)
    report(
        f"spool_accept: {chosen.readings:,} readings, {chosen.batch} a commit, best of {_ROUNDS} rounds each",
        [
            Figure("accepted readings/s", accepted, at_least=_LEAST_PER_S),
            Figure("commits/s", accepted / chosen.batch),
            Figure("plain sqlite3 insert, rows/s", plain),
            Figure("ratio to the plain insert", accepted / plain, at_least=_LEAST_RATIO),
        ],
    )


def _readings(count: int) -> list[Reading]:
    series = [
        Series(device=f"sensor-{n}", quantity="temperature", unit=Unit.CELSIUS, kind=Kind.GAUGE, period_s=60.0)
        for n in range(_SERIES)
    ]
    now_us = time.time_ns() // 1000
    return [Reading(series[n % _SERIES], now_us + n * 100_000, 20 + n % 100 / 10) for n in range(count)]


def _spool(path: Path, groups: list[list[Reading]]) -> float:
    limits = SpoolLimits(max_bytes=2**30, max_age_s=86_400.0, batch_readings=len(groups[0]))
    with closing(Spool.open(path, limits, system_clock())) as spool:
        began_s = time.perf_counter()
        for number, readings in enumerate(groups):
            spool.accept([("load", ReadingGroup(readings, Origin.MEASURED, str(number)))])
        took_s = time.perf_counter() - began_s
        assert spool.totals().accepted_readings == sum(map(len, groups))
    return took_s


def _plain(path: Path, groups: list[list[Reading]]) -> float:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = full")
        db.execute(
            "create table readings (device text, quantity text, channel text, unit text, kind text, t_us integer,"
            " value real, flags integer, ordinal integer)"
        )
        began_s = time.perf_counter()
        for readings in groups:
            db.execute("begin immediate")
            db.executemany(
                "insert into readings values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        *(reading.series.device, reading.series.quantity, reading.series.channel),
                        *(reading.series.unit.value, reading.series.kind.value),
                        *(reading.t_us, reading.value, reading.flags, reading.ordinal),
                    )
                    for reading in readings
                ],
            )
            db.execute("commit")
        return time.perf_counter() - began_s


if __name__ == "__main__":
    main()
