"""What a spool's file says about itself, read beside a running agent."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from edge.spool import schema
from edge.spool.records import Depth, SpoolError, SpoolTotals

_LOSS = "spool, first_sequence, last_sequence, readings, reason, first_us, last_us, declared_in, settled"
_HEAD = "day, spool, last_sequence, last_digest, ledger_entries, ledger_digest, at_us"
_MOST_ROWS = 20


@dataclass(frozen=True, slots=True)
class LossRow:
    """A loss; ``declared_in`` is the batch that carries it, ``settled`` whether the platform has that batch."""

    spool: str
    first_sequence: int
    last_sequence: int
    readings: int
    reason: str
    first_us: int | None
    last_us: int | None
    declared_in: int | None
    settled: bool


@dataclass(frozen=True, slots=True)
class DailyHead:
    """Either side's chain at the last acknowledgement of a UTC day: the agent's, and the ledger's."""

    day: str
    spool: str
    last_sequence: int
    last_digest: str | None
    ledger_entries: int
    ledger_digest: str
    at_us: int


@dataclass(frozen=True, slots=True)
class SpoolStatus:
    """State of a spool; ``losses`` and ``heads`` are the latest twenty, newest first."""

    spool: str
    last_sequence: int
    last_digest: str | None
    connections: int
    acknowledged_us: int | None
    depth: Depth
    totals: SpoolTotals
    losses: list[LossRow]
    heads: list[DailyHead]
    set_aside_before: int
    """Damaged files set aside before this one was made."""
    set_aside_files: list[str]
    """Those of them that are still beside it."""


def read_status(path: Path) -> SpoolStatus:
    """Return the state of a spool; never writes, and never waits for a running agent.

    Raises
    ------
    SpoolError
        There is no spool, or it cannot be read.
    """
    if not path.exists():
        raise SpoolError(f"{path} is not there", "start the agent once: it makes its spool")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)) as db:
            db.execute("begin")
            return _status(db, path)
    except schema.DAMAGE as error:
        raise SpoolError(
            f"{path} cannot be read: {error}", "check that it is the agent's spool, and its rights"
        ) from error


def _status(db: sqlite3.Connection, path: Path) -> SpoolStatus:
    row = db.execute(
        "select spool, next_sequence - 1, previous, connection, acknowledged_us, set_aside from spool"
    ).fetchone()
    depth = db.execute(
        "select pending_batches, pending_bytes, pending_readings,"
        " (select sealed_us from batches order by sequence limit 1) from spool"
    ).fetchone()
    totals = db.execute(f"select {', '.join(SpoolTotals.__dataclass_fields__)} from spool").fetchone()  # noqa: S608 - own
    losses = db.execute(f"select {_LOSS} from losses order by loss_id desc limit {_MOST_ROWS}")  # noqa: S608 - own text
    heads = db.execute(f"select {_HEAD} from daily_heads order by at_us desc limit {_MOST_ROWS}")  # noqa: S608 - own text
    spool, last_sequence, last_digest, connections, acknowledged_us, set_aside = row
    return SpoolStatus(
        spool=spool,
        last_sequence=last_sequence,
        last_digest=last_digest,
        connections=connections,
        acknowledged_us=acknowledged_us,
        depth=Depth(*depth),
        totals=SpoolTotals(*totals),
        losses=[LossRow(*[*loss[:-1], bool(loss[-1])]) for loss in losses],
        heads=[DailyHead(*head) for head in heads],
        set_aside_before=set_aside,
        set_aside_files=[file.name for file in schema.set_aside_files(path)],
    )
