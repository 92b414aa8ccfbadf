"""Carrying on what can still be read of a damaged spool, and declaring the rest as lost.

What was pending and is intact is sealed again under the new spool's id, as in a renewal. How much was pending stands
in the damaged file too: the difference is lost, to the reading. Which numbers it had may be unreadable, so all numbers
of the damaged spool but those carried on are declared, and what the platform has of them counts as committed. Where the
damaged file does not tell how much was pending, a loss of no stated readings is declared. Positions are carried only
where nothing is lost: otherwise sources that can go back start over, and what the platform has twice it counts once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import UUID

from edge.readings import Priority
from edge.spool import chain, losses, renewal, schema
from edge.spool.records import Chain
from edge.spool.seal import Stamp
from edge.wire.batch import Batch, Loss, LossReason
from edge.wire.decode import WireError, decode
from edge.wire.model import digest


class _Link(NamedTuple):
    """A batch's number, and the digest of the batch before it."""

    sequence: int
    previous: str | None


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What came over; ``lost_readings`` is None where the damaged file does not tell how much was pending."""

    batches: int
    readings: int
    lost_readings: int | None


def carry_over(damaged: Path, db: sqlite3.Connection, fresh: UUID, stamp: Stamp) -> Salvaged:
    """Fill a new spool, which has no batch yet, from a damaged file that stays as it is; one transaction."""
    db.execute("begin immediate")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(damaged))}?mode=ro", uri=True, isolation_level=None)) as old:
            old.text_factory = schema.text_of
            salvaged = _carried(old, db, fresh, stamp)
        db.execute("commit")
    except BaseException:
        if db.in_transaction:
            db.execute("rollback")
        raise
    return salvaged


def _carried(old: sqlite3.Connection, db: sqlite3.Connection, fresh: UUID, stamp: Stamp) -> Salvaged:
    # A batch whose table is gone goes on all the same: the platform has the table, unless it is of the last minutes.
    tables = [row for row in _rows(old, "series_tables", "digest, document") if _fits(*row)]
    db.executemany("insert into series_tables (digest, document) values (?, ?)", tables)
    batches = readings = size = 0
    carried: list[_Link] = []
    for batch, payload, priority in _intact_batches(old):
        _insert(db, batch, payload, priority)
        carried.append(_Link(batch.sequence, batch.previous))
        batches, readings, size = batches + 1, readings + len(batch.series), size + len(payload)
        # Where the end of the chain cannot be read, it is taken to be here.
        end = Chain(batch.spool, batch.sequence + 1, digest(payload), batch.series_table, batch.origin.value)
        chain.write_chain(db, end)
    was_pending = _carry_chain(old, db)
    chain.count(db, accepted_readings=readings, made_batches=batches)
    chain.count(db, pending_batches=batches, pending_readings=readings, pending_bytes=size)
    all_known = _carry_losses(old, db) and was_pending is not None
    lost_batches, lost_readings = (was_pending[0] - batches, was_pending[1] - readings) if was_pending else (0, 0)
    if lost_batches:
        all_known = _lose_between(db, carried, lost_readings, stamp) and all_known
        _count_lost(db, lost_batches, lost_readings)
    elif was_pending is not None:
        db.executemany("insert into positions (source, position) values (?, ?)", _rows(old, "positions", "*"))
    renewal.renew(db, fresh, LossReason.SPOOL_CORRUPT.value, stamp)
    if not all_known:
        renewal.lose_unnumbered(db, stamp)
    return Salvaged(batches, readings, None if was_pending is None else lost_readings)


def _intact_batches(old: sqlite3.Connection) -> Iterator[tuple[Batch, bytes, int]]:
    """Yield the batches whose payload still has its digest, ascending; nothing else of their rows is trusted."""
    for sequence, sha256, payload, priority in _batch_rows(old):
        if not _fits(sha256, payload):
            continue
        with suppress(WireError):
            batch = decode(payload)
            if isinstance(batch, Batch) and batch.sequence == sequence:
                yield batch, payload, priority if priority in set(Priority) else Priority.NORMAL


def _batch_rows(old: sqlite3.Connection) -> Iterator[tuple[int, Any, Any, Any]]:
    """Yield the rows that can be read; from a damaged page on they are looked up one by one."""
    there = {name for (name,) in _rows(old, "pragma_table_info('batches')", "name")}
    columns = f"sequence, sha256, payload, {'priority' if 'priority' in there else int(Priority.NORMAL)}"
    last = 0
    with suppress(*schema.DAMAGE):
        for row in old.execute(f"select {columns} from batches order by sequence"):  # noqa: S608 - own names
            last = row[0]
            yield row
        return
    for sequence in range(last + 1, _end(old) + 1):
        with suppress(*schema.DAMAGE):
            yield from old.execute(f"select {columns} from batches where sequence = ?", (sequence,))  # noqa: S608 - own


def _end(old: sqlite3.Connection) -> int:
    """Return the highest sequence that there may be, by whatever tells it; 0 where nothing does."""
    if schema.is_balanced(old):
        return int(old.execute("select next_sequence - 1 from spool").fetchone()[0])
    with suppress(*schema.DAMAGE):
        return int(old.execute("select max(sequence) from batches").fetchone()[0] or 0)
    return 0


def _carry_chain(old: sqlite3.Connection, db: sqlite3.Connection) -> tuple[int, int] | None:
    """Take over the end of the old chain, which the renewal then leaves; return what was pending: batches, readings."""
    if not schema.is_balanced(old):
        return None
    chain.write_chain(db, chain.read_chain(old))
    connection, batches, readings = old.execute(
        "select connection, pending_batches, pending_readings from spool"
    ).fetchone()
    chain.count(db, connection=connection)
    return batches, readings


def _carry_losses(old: sqlite3.Connection, db: sqlite3.Connection) -> bool:
    """Take over the losses of which the platform has not heard; False where there may be more than can be read."""
    try:
        for settled, spool, *row in old.execute(f"select settled, spool, {losses.COLUMNS} from losses"):  # noqa: S608 - own
            if not settled:
                loss = losses.adopt(db, spool, row)
                _count_lost(db, loss.last_sequence - loss.first_sequence + 1, loss.readings)
    except (*schema.DAMAGE, ValueError):
        return False
    return True


def _lose_between(db: sqlite3.Connection, carried: Sequence[_Link], readings: int, stamp: Stamp) -> bool:
    """Record all numbers but those of the carried batches as lost, the last with the readings; False: there is none."""
    end = chain.read_chain(db)
    first = 1
    gaps: list[Loss] = []
    for link in [*carried, _Link(end.next_sequence, end.previous)]:
        if link.sequence > first and link.previous is not None:
            gaps.append(
                Loss(
                    first_sequence=first,
                    last_sequence=link.sequence - 1,
                    readings=0,
                    reason=LossReason.SPOOL_CORRUPT,
                    last_digest=link.previous,
                    first_us=None,
                    last_us=stamp.sealed_us,
                )
            )
        first = link.sequence + 1
    for gap in gaps:
        losses.record(db, gap if gap is not gaps[-1] else gap.model_copy(update={"readings": readings}))
    return bool(gaps)


def _count_lost(db: sqlite3.Connection, batches: int, readings: int) -> None:
    chain.count(db, accepted_readings=readings, lost_readings=readings, made_batches=batches, lost_batches=batches)


def _insert(db: sqlite3.Connection, batch: Batch, payload: bytes, priority: int) -> None:
    times = [batch.base_us + offset for offset in batch.offset_us]
    row = {
        "sequence": batch.sequence,
        "sha256": digest(payload),
        "bytes": len(payload),
        "readings": len(times),
        "first_us": min(times, default=None),
        "last_us": max(times, default=None),
        "sealed_us": batch.sealed_us,
        "monotonic_us": batch.monotonic_us,
        "boot": str(batch.boot),
        "origin": batch.origin.value,
        "series_table": batch.series_table,
        "priority": priority,
        "payload": payload,
    }
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    db.execute(f"insert into batches ({columns}) values ({marks})", list(row.values()))  # noqa: S608 - own names


def _rows(old: sqlite3.Connection, table: str, columns: str) -> Iterator[tuple[Any, ...]]:
    """Yield rows of a table up to the first that cannot be read."""
    with suppress(*schema.DAMAGE):
        yield from old.execute(f"select {columns} from {table}")  # noqa: S608 - own names


def _fits(key: object, content: object) -> bool:
    return isinstance(content, bytes) and digest(content) == key
