"""Replay of refused payloads: what was kept goes through the present decoder and the present registry again.

A replay is an ordinary write: the ledger's key makes it count once, and its transaction closes the refusal. So it may
be killed, repeated, or met by the agent's own resend at any point.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from edge.wire.acknowledgement import RefusalReason
from edge.wire.topics import Subject
from ingest.admission import Admission
from ingest.catalogue import Catalogue
from ingest.delivery import Delivery
from ingest.preparation import Preparation, Prepared
from ingest.store import ledger, refusals
from ingest.store.connection import Database
from ingest.store.entries import Written
from ingest.store.refusals import Choice, KeptRefusal

_OF_THE_REGISTRY = frozenset({RefusalReason.AGENT_NOT_APPROVED, RefusalReason.DEVICE_NOT_REGISTERED})


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one refusal; ``outcome`` is ``committed``, ``refused``, ``waiting`` or ``impossible``."""

    refusal_id: int
    outcome: str
    detail: str


def replay_agent(connection: Database, agent: str) -> Counter[str]:
    """Replay what was refused because of the registry, after an approval or an import; return outcomes by number."""
    chosen = [
        refusal for refusal in refusals.kept(connection, Choice("open", agent)) if refusal.reason in _OF_THE_REGISTRY
    ]
    return Counter(replayed.outcome for replayed in replay(connection, chosen))


def replay(connection: Database, chosen: Sequence[KeptRefusal]) -> list[Replayed]:
    """Replay refusals in the order given, each in its own transaction (on a connection in autocommit mode)."""
    preparation = Preparation(Catalogue(), Admission())
    return [_replay_one(connection, preparation, refusal) for refusal in chosen]


def _replay_one(connection: Database, preparation: Preparation, refusal: KeptRefusal) -> Replayed:
    number = refusal.refusal_id
    if refusal.unit != "batch":
        return Replayed(number, "impossible", "a decoder of the agent refused it; only that agent can read it")
    payload = refusals.payload_of(connection, number)
    if payload is None:
        return Replayed(number, "impossible", "its content was not kept")
    received_us = int(refusal.received_at.timestamp() * 1e6)
    delivery = Delivery(refusal.agent, Subject.BATCH, payload, received_us)
    (prepared,) = preparation.prepare(connection, [delivery])
    if prepared.wanted:
        tables = ", ".join(sorted(digest for digests in prepared.wanted.values() for digest in digests))
        return Replayed(number, "waiting", f"its series table has not arrived: {tables}")
    with connection.transaction():
        written = ledger.write(connection, prepared.write)
        return _settle(connection, refusal, payload, prepared, written)


def _settle(
    connection: Database, refusal: KeptRefusal, payload: bytes, prepared: Prepared, written: Written
) -> Replayed:
    number = refusal.refusal_id
    if written.committed or written.redelivered:
        return Replayed(number, "committed", "its readings are in the ledger")
    if not written.refused:  # neither batch nor refusal: it was a series table, which preparation has stored
        refusals.resolve(connection, number, "replayed", f"kept as a series table {sha256(payload).hexdigest()}")
        return Replayed(number, "committed", "kept as a series table")
    again = written.refused[0]
    if again.reason != refusal.reason:
        refusals.resolve(connection, number, "replayed", f"refused again as {again.reason}")
    return Replayed(number, "refused", f"{again.reason}: {again.detail}")
