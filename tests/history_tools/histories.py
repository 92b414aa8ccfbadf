"""Histories for tests: a file of counts and temperatures with its map, and what stands in the database of it."""

from __future__ import annotations

import hashlib
import struct
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psycopg

AGENT = "old"
DEVICES = ["door-1", "fridge-1"]
MAP = """
title = "Doors and fridges"
key_columns = ["what"]
[time]
columns = ["time"]
form = "%Y-%m-%d %H:%M:%S"
zone = "America/Los_Angeles"
marks = "start"
[[reading]]
column = "value"
key = ["in"]
device = "door-1"
quantity = "entries"
unit = "count"
kind = "interval"
period_s = 60
[[reading]]
column = "value"
key = ["temperature"]
device = "fridge-1"
quantity = "temperature"
unit = "degC"
period_s = 60
"""
Row = tuple[str, str, str]
"""Time, what, value, as the file has them."""


@dataclass(frozen=True)
class WrittenHistory:
    """A file with its map; ``rows`` are its good rows."""

    path: Path
    map: Path
    rows: list[Row]


def write_history(folder: Path, minutes: int, further: list[str] | None = None) -> WrittenHistory:
    """Write a count and a temperature a minute from the day of an autumn change on, then further lines as they are."""
    random = Random(5)
    rows: list[Row] = []
    for minute in range(minutes):
        # A clock that goes on through the change of its zone: the repeated hour stands in the file once only.
        stamp = str(datetime(2023, 11, 5) + timedelta(minutes=minute))
        rows += [(stamp, "in", str(random.randrange(30))), (stamp, "temperature", f"{random.gauss(4, 1):.2f}")]
    path, described = folder / "history.csv", folder / "history.toml"
    lines = ["time,what,value", *(",".join(row) for row in rows), *(further or [])]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    described.write_text(MAP)
    return WrittenHistory(path, described, rows)


def stored(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Return device, quantity, t in µs, value, flags, ordinal of every stored reading, by device, quantity and t."""
    return connection.execute(
        """select s.device, s.quantity, (extract(epoch from r.t) * 1000000)::bigint, r.value, r.flags, r.ordinal
             from (select * from readings_archive union all select * from readings_count
                   union all select * from readings_state) r join series s using (series_id)
            order by 1, 2, 3, 6"""
    ).fetchall()


def wrong_entries(connection: psycopg.Connection[Any]) -> list[str]:
    """Return what is wrong with the ledger's chains, heads and row roots, by computation from the stored rows.

    Entries with duplicates or corrections are left out of the row roots: not all of their readings are rows.
    """
    wrong = []
    leaves = _records(connection)
    for spool, head, count in connection.execute("select spool_id, head, entries from spools").fetchall():
        chained, before = hashlib.sha256(b"").digest(), None
        entries = connection.execute(
            """select entry_id, sequence, sha256, previous, row_root, readings, duplicates + corrections
                 from ledger where spool_id = %s order by sequence""",
            [spool],
        ).fetchall()
        for entry, sequence, sha256, previous, row_root, readings, conflicts in entries:
            if previous != before:
                wrong.append(f"{spool}/{sequence}: chain")
            if not conflicts and (row_root, readings) != _row_root(leaves.get(entry, {})):
                wrong.append(f"{spool}/{sequence}: row root")
            chained, before = hashlib.sha256(chained + sha256 + row_root).digest(), sha256
        if (head, count) != (chained, len(entries)):
            wrong.append(f"{spool}: head")
    return wrong


def _records(connection: psycopg.Connection[Any]) -> dict[int, dict[str, list[bytes]]]:
    leaves: dict[int, dict[str, list[bytes]]] = defaultdict(lambda: defaultdict(list))
    rows = connection.execute(
        """select r.entry_id, s.definition, (extract(epoch from r.t) * 1000000)::bigint, r.ordinal, r.value, r.flags
             from (select * from readings_archive union all select * from readings_count
                   union all select * from readings_state) r join series s using (series_id)
            order by 1, 2, 3, 4"""
    )
    for entry, definition, *record in rows:
        leaves[entry][definition].append(struct.pack(">qhdh", *record))
    return leaves


def _row_root(leaves: dict[str, list[bytes]]) -> tuple[bytes, int]:
    """Return the root after RFC 6962, section 2.1, as it is written there, and the number of records."""
    data = [hashlib.sha256(name.encode()).digest() + b"".join(leaves[name]) for name in sorted(leaves)]

    def root(part: list[bytes]) -> bytes:
        if not part:
            return hashlib.sha256(b"").digest()
        if len(part) == 1:
            return hashlib.sha256(b"\x00" + part[0]).digest()
        split = 1
        while 2 * split < len(part):
            split *= 2
        return hashlib.sha256(b"\x01" + root(part[:split]) + root(part[split:])).digest()

    return root(data), sum(len(records) for records in leaves.values())
