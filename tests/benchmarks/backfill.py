"""Readings/s of a backfill from a CSV file to the last commit, beside a raw binary COPY of the same rows.

Reading, sealing, ledger and database share this machine. Durability: fsync on, synchronous_commit on (the launcher's
own settings). The raw COPY is one statement by one connection into a table like the real one, from bytes made before
the clock starts, in the order in which the import stored them.
"""

from __future__ import annotations

import argparse
import gc
import time
from contextlib import ExitStack
from pathlib import Path
from random import Random

import psycopg
from benchmarks.report import Figure, report
from sealed_batches import register
from standalone.data_folder import data_folder, scratch_folder
from standalone.database_choice import choose_server
from standalone.site_database import SiteDatabase

from ingest.commands.backfill import favour_throughput
from ingest.history.backfill import Backfill
from ingest.history.opening import open_history
from ingest.history.sealing import Sealer
from ingest.migrate import migrate
from ingest.store.connection import connect

_AGENT = "bench"
_MINUTES_A_DAY = 1440
_PIECE = 1 << 20


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=200)
    parser.add_argument("--days", type=int, default=7, help="one value a minute of each series")
    parser.add_argument("--wide", action="store_true", help="one column a series; else one line a value")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_folder("benchmarks"))
        server = choose_server(data_folder(), "benchmark")
        database = SiteDatabase(server, folder)
        database.make()
        stack.callback(database.drop)
        migrate(database.dsn)
        file, described = _write_history(folder, chosen.series, chosen.days, wide=chosen.wide)
        connection, looking = (stack.enter_context(connect(database.dsn, "benchmark")) for _ in range(2))
        register(connection, _AGENT, [f"d{n}" for n in range(chosen.series)])
        favour_throughput()
        began_s = time.perf_counter()
        history = open_history(file, described, _AGENT)
        opened_s = time.perf_counter()
        imported = Backfill(connection, looking, history).run()
        ended_s = time.perf_counter()
        rows = imported.readings_committed
        copied_s = _copy(connection, rows)
        read_s = _read_alone(file, described)
    report(
        f"backfill: {rows:,} readings, {'wide' if chosen.wide else 'long'} CSV, {chosen.series} series; {server.label}",
        [
            Figure("readings/s, file to last commit", rows / (ended_s - began_s)),
            Figure("of it for the digest of the file, s", opened_s - began_s),
            Figure("reading and sealing alone, readings/s", rows / read_s),
            Figure("raw COPY into a like table, rows/s", rows / copied_s),
            Figure("ratio to the raw COPY", copied_s / (ended_s - began_s)),
        ],
    )


def _write_history(folder: Path, series: int, days: int, *, wide: bool) -> tuple[Path, Path]:
    random, file, described = Random(1), folder / "history.csv", folder / "history.toml"
    with file.open("w") as lines:
        names = [f"m{n}" for n in range(series)]
        lines.write(",".join(["time", *names]) + "\n" if wide else "time,meter,value\n")
        for minute in range(days * _MINUTES_A_DAY):
            day, of_day = divmod(minute, _MINUTES_A_DAY)
            stamp = f"2024-{1 + day // 28:02}-{1 + day % 28:02} {of_day // 60:02}:{of_day % 60:02}:00"
            values = [f"{20 + random.random() * 5:.2f}" for _ in names]
            if wide:
                lines.write(",".join([stamp, *values]) + "\n")
            else:
                lines.writelines(f"{stamp},{name},{value}\n" for name, value in zip(names, values, strict=True))
    head = 'title = "bench"\n' if wide else 'title = "bench"\nkey_columns = ["meter"]\n'
    head += '[time]\ncolumns = ["time"]\nform = "%Y-%m-%d %H:%M:%S"\nzone = "Asia/Shanghai"\n'
    where = ('column = "m{n}"' if wide else 'column = "value"\nkey = ["m{n}"]') + '\ndevice = "d{n}"\n'
    what = 'quantity = "temperature"\nunit = "degC"\nperiod_s = 60\n'
    described.write_text(head + "".join("[[reading]]\n" + where.format(n=n) + what for n in range(series)))
    return file, described


def _copy(connection: psycopg.Connection[tuple[object, ...]], rows: int) -> float:
    """Copy the stored rows into a fresh like table by one COPY and return its seconds."""
    columns = "t, value, entry_id, series_id, flags, ordinal"
    stored = f"select {columns} from readings_archive order by entry_id, series_id, t"  # noqa: S608 - own text
    with connection.cursor() as cursor, cursor.copy(f"copy ({stored}) to stdout (format binary)".encode()) as out:
        payload = b"".join(bytes(part) for part in out)
    connection.execute("create table raw_copy (like readings_archive including all)")
    if connection.execute("select 1 from pg_extension where extname = 'timescaledb'").fetchone():
        connection.execute(
            "select create_hypertable('raw_copy', 't', chunk_time_interval => interval '91 days', "
            "create_default_indexes => false)"
        )
    connection.execute("checkpoint")
    start_s = time.perf_counter()
    with connection.cursor() as cursor, cursor.copy(f"copy raw_copy ({columns}) from stdin (format binary)") as into:
        for low in range(0, len(payload), _PIECE):
            into.write(payload[low : low + _PIECE])
    elapsed_s = time.perf_counter() - start_s
    counted = connection.execute("select count(*) from raw_copy").fetchone()
    if counted is None or counted[0] != rows:
        msg = f"COPY stored {counted} of {rows} rows"
        raise RuntimeError(msg)
    return elapsed_s


def _read_alone(file: Path, described: Path) -> float:
    """Read and seal the file once more, without a database, and return the seconds."""
    gc.collect()
    history = open_history(file, described, _AGENT)
    start_s = time.perf_counter()
    sealer = Sealer(history.spool, file.name, history.file.row_word, sealed_us=0)
    for block in history.blocks():
        for _ in sealer.seal(history.rows.read(block), history.rows.targets.all):
            pass
    return time.perf_counter() - start_s


if __name__ == "__main__":
    main()
