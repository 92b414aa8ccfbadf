"""Refusals: payloads kept raw with their reason until they are replayed, resealed by their agent, or discarded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from edge.wire.acknowledgement import RefusalReason
from ingest.store.connection import Database


@dataclass(frozen=True, slots=True)
class Refusal:
    """A payload that is not committed. ``payload`` None: its content must not be kept (personal data)."""

    agent: str
    sha256: bytes
    reason: RefusalReason
    detail: str
    payload: bytes | None
    spool: UUID | None
    sequence: int | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class ReadingRefusal:
    """What a decoder of an agent refused, as it travelled with a batch."""

    agent: str
    sha256: bytes
    reason: str
    detail: str
    payload: bytes
    spool: UUID
    sequence: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class KeptRefusal:
    """A refusal as the table holds it, without its payload; ``size_bytes`` None: no payload was kept."""

    refusal_id: int
    agent: str
    unit: str
    spool: UUID | None
    sequence: int | None
    sha256: bytes
    reason: str
    detail: str
    size_bytes: int | None
    received_at: datetime
    state: str
    resolved_at: datetime | None
    resolution: str | None


def keep(connection: Database, refusals: Sequence[Refusal | ReadingRefusal]) -> None:
    """Store refusals; the same payload of the same agent refused again for the same reason is stored once."""
    rows = [
        (
            r.agent,
            "batch" if isinstance(r, Refusal) else "reading",
            r.spool,
            r.sequence,
            r.sha256,
            str(r.reason),
            _storable(r.detail),
            r.payload,
            r.received_at,
        )
        for r in refusals
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(
                """insert into refusals (agent, unit, spool, sequence, sha256, reason, detail, payload, received_at)
                   values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict (agent, sha256, reason) do nothing""",
                rows,
            )


def close_committed(connection: Database, committed: Sequence[tuple[str, bytes, str]]) -> None:
    """Mark open refusals of payloads that are committed now: (agent, SHA-256, identity in the ledger)."""
    if committed:
        agents, digests, identities = zip(*committed, strict=True)
        connection.execute(
            """update refusals r
                  set state = 'replayed', resolved_at = clock_timestamp(), resolution = 'committed as ' || c.identity
                 from unnest(%b::text[], %b::bytea[], %b::text[]) as c (agent, sha256, identity)
                where r.agent = c.agent and r.sha256 = c.sha256 and r.state = 'open' and r.unit = 'batch'""",
            [list(agents), list(digests), list(identities)],
        )


def mark_resealed(connection: Database, resealed: Sequence[tuple[str, UUID, int, bytes, str]]) -> None:
    """Mark open refusals that a committed batch carries on: (agent, old spool, old sequence, SHA-256, new identity)."""
    if resealed:
        agents, spools, sequences, digests, identities = zip(*resealed, strict=True)
        connection.execute(
            """update refusals r
                  set state = 'resealed', resolved_at = clock_timestamp(), resolution = 'resealed as ' || n.identity
                 from unnest(%s::text[], %s::uuid[], %s::bigint[], %s::bytea[], %s::text[])
                      as n (agent, spool, sequence, sha256, identity)
                where r.agent = n.agent and r.spool = n.spool and r.sequence = n.sequence and r.sha256 = n.sha256
                  and r.state = 'open' and r.unit = 'batch'""",
            [list(agents), list(spools), list(sequences), list(digests), list(identities)],
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """Which refusals are meant: what is None does not matter."""

    state: str | None = None
    agent: str | None = None
    reason: str | None = None
    unit: str | None = None
    """``batch``, or ``reading``: what a decoder of an agent, or a backfill, refused."""
    numbers: Sequence[int] | None = None


EVERY = Choice()


_CHOSEN = """(%(state)s::text is null or state = %(state)s)
                  and (%(agent)s::text is null or agent = %(agent)s)
                  and (%(reason)s::text is null or reason = %(reason)s)
                  and (%(unit)s::text is null or unit = %(unit)s)
                  and (%(numbers)s::bigint[] is null or refusal_id = any(%(numbers)s))"""


def kept(connection: Database, choice: Choice = EVERY, limit: int | None = None) -> list[KeptRefusal]:
    """Return refusals, the oldest first; at most ``limit`` of them where it is given."""
    with connection.cursor(row_factory=class_row(KeptRefusal)) as cursor:
        return cursor.execute(
            f"""select refusal_id, agent, unit, spool, sequence, sha256, reason, detail,
                      octet_length(payload) as size_bytes, received_at, state, resolved_at, resolution
                 from refusals
                where {_CHOSEN}
                order by refusal_id limit %(limit)s""",  # noqa: S608 - own text
            _values(choice) | {"limit": limit},
        ).fetchall()


def numbers_by_reason(connection: Database, choice: Choice) -> dict[str, int]:
    """Return how many refusals there are of each reason."""
    query = f"select reason, count(*) from refusals where {_CHOSEN} group by reason order by reason"  # noqa: S608 - own text
    return dict(connection.execute(query, _values(choice)).fetchall())


def _values(choice: Choice) -> dict[str, Any]:
    numbers = None if choice.numbers is None else list(choice.numbers)
    return asdict(choice) | {"numbers": numbers}


def payload_of(connection: Database, refusal_id: int) -> bytes | None:
    """Return a refusal's payload, None where there is no such refusal or no payload was kept."""
    row = connection.execute("select payload from refusals where refusal_id = %s", [refusal_id]).fetchone()
    return bytes(row[0]) if row and row[0] is not None else None


def reason_of(connection: Database, agent: str, sha256: bytes) -> RefusalReason | None:
    """Return why a payload of an agent is refused, None where no open refusal of it is kept."""
    row = connection.execute(
        "select reason from refusals where agent = %s and sha256 = %s and unit = 'batch' and state = 'open'",
        [agent, sha256],
    ).fetchone()
    return RefusalReason(row[0]) if row else None


def resolve(connection: Database, refusal_id: int, state: str, resolution: str) -> bool:
    """Close an open refusal as ``replayed`` or ``discarded``; return whether it was open."""
    row = connection.execute(
        """update refusals set state = %s, resolved_at = clock_timestamp(), resolution = %s
            where refusal_id = %s and state = 'open' returning refusal_id""",
        [state, _storable(resolution), refusal_id],
    ).fetchone()
    return row is not None


def _storable(text: str) -> str:
    """Return a text without what a PostgreSQL text cannot hold: NUL and lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", errors="replace").decode()
