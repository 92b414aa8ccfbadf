"""From deliveries to a write: decode, look up and admit while another write is under way; then lay the readings out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from uuid import UUID

from pydantic import ValidationError

from edge import event_log
from edge.wire.acknowledgement import RefusalReason
from edge.wire.presence import Birth, Will
from edge.wire.series import SeriesTable
from edge.wire.topics import Subject
from ingest.admission import Admission
from ingest.arrived import ArrivedBatch
from ingest.canonical import records, row_roots
from ingest.catalogue import Catalogue
from ingest.columns import columns_of
from ingest.decode import Document, Rejection, decode_payloads
from ingest.delivery import Delivery
from ingest.scan import Scanner
from ingest.store import agent_configurations, agent_releases, presence, refusals
from ingest.store.connection import Database
from ingest.store.entries import Entry, Key, Write, instant
from ingest.store.refusals import Refusal

log = event_log.get(__name__)


@dataclass
class Prepared:
    """What a write commits, the deliveries that it answers, and the tables that ingest has to ask for."""

    entries: Sequence[Entry]
    refused: Sequence[Refusal]
    deliveries: Sequence[Delivery]
    wanted: dict[tuple[str, UUID], set[str]]

    @cached_property
    def write(self) -> Write:
        """The write, laid out when it is first asked for: parts are joined before, and numpy is for many rows."""
        return write_of(self.entries, self.refused)


@dataclass(slots=True)
class _Sorted:
    entries: dict[Key, Entry] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    wanted: dict[tuple[str, UUID], set[str]] = field(default_factory=dict)


def write_of(entries: Sequence[Entry], refused: Sequence[Refusal]) -> Write:
    """Return the write of these entries (of different keys) with their arrays and row roots."""
    columns = columns_of([entry.batch for entry in entries])
    rows = records(columns.t_us, columns.ordinal, columns.value, columns.flags)
    roots = row_roots(rows, columns.batch, columns.series, [entry.definitions for entry in entries])
    return Write(entries, columns, roots, refused)


class Preparation:
    """Sorts deliveries into what is committed, refused, or waits for its series table; used by one thread."""

    def __init__(self, catalogue: Catalogue, admission: Admission) -> None:
        self._catalogue = catalogue
        self._admission = admission
        self._scanner = Scanner()

    def prepare(self, connection: Database, deliveries: Sequence[Delivery]) -> list[Prepared]:
        """Return the writes of deliveries, in order; safe to repeat when the database fails on the way.

        There is one write, but where two different payloads claim one identity: the later one has to meet the
        earlier in the ledger.
        """
        prepared: list[Prepared] = []
        part, start = _Sorted(), 0
        documents = iter(decode_payloads([d.payload for d in deliveries if _is_batch(d)], self._scanner))
        for i, delivery in enumerate(deliveries):
            entry = self._sort(connection, delivery, documents, part)
            if entry is None:
                continue
            same = part.entries.get(entry.key)
            if same is not None and (same.sha256, same.agent) != (entry.sha256, entry.agent):
                prepared.append(_finish(part, deliveries[start:i]))
                part, start = _Sorted(), i
            part.entries.setdefault(entry.key, entry)
        prepared.append(_finish(part, deliveries[start:]))
        return prepared

    def _sort(
        self, connection: Database, delivery: Delivery, documents: Iterator[Document], part: _Sorted
    ) -> Entry | None:
        if not _is_batch(delivery):
            _note_presence(connection, delivery)
            return None
        document = next(documents)
        if isinstance(document, Rejection):
            part.refused.append(refusal_of(delivery, document))
            return None
        if isinstance(document, SeriesTable):
            self._catalogue.learn(connection, document)
            return None
        return self._admit(connection, delivery, document, part)

    def _admit(self, connection: Database, delivery: Delivery, batch: ArrivedBatch, part: _Sorted) -> Entry | None:
        known = self._catalogue.table(connection, batch.series_table)
        if known is None:
            self._without_table(connection, delivery, batch, part)
            return None
        verdict = self._admission.verdict(connection, delivery.agent, known)
        if verdict is None and batch.highest_series >= len(known.definitions):
            detail = f"series index {batch.highest_series}, but the table has {len(known.definitions)} series"
            verdict = RefusalReason.SERIES_OUT_OF_TABLE, detail
        if verdict is not None:
            rejection = Rejection(*verdict, keep=True, spool=batch.spool, sequence=batch.sequence)
            part.refused.append(refusal_of(delivery, rejection))
            return None
        return Entry(
            agent=delivery.agent,
            payload=delivery.payload,
            sha256=sha256(delivery.payload).digest(),
            received_us=delivery.received_us,
            batch=batch,
            definitions=known.definitions,
            numbering=self._catalogue.numbering(connection, known, batch.origin),
        )

    def _without_table(self, connection: Database, delivery: Delivery, batch: ArrivedBatch, part: _Sorted) -> None:
        """Have the table asked for; but refuse the batch where its table was: it would fill its agent's window."""
        reason = refusals.reason_of(connection, delivery.agent, bytes.fromhex(batch.series_table))
        if reason is None:
            part.wanted.setdefault((delivery.agent, batch.spool), set()).add(batch.series_table)
            return
        detail = f"its series table {batch.series_table} was refused"
        rejection = Rejection(reason, detail, keep=True, spool=batch.spool, sequence=batch.sequence)
        part.refused.append(refusal_of(delivery, rejection))


def _is_batch(delivery: Delivery) -> bool:
    return delivery.subject is Subject.BATCH


def _finish(part: _Sorted, deliveries: Sequence[Delivery]) -> Prepared:
    return Prepared(list(part.entries.values()), part.refused, deliveries, part.wanted)


def refusal_of(delivery: Delivery, rejection: Rejection) -> Refusal:
    """Return the refusal of a message."""
    return Refusal(
        agent=delivery.agent,
        sha256=sha256(delivery.payload).digest(),
        reason=rejection.reason,
        detail=rejection.detail,
        payload=delivery.payload if rejection.keep else None,
        spool=rejection.spool,
        sequence=rejection.sequence,
        received_at=instant(delivery.received_us),
    )


def _note_presence(connection: Database, delivery: Delivery) -> None:
    """Store a birth or will; one that is none, or speaks of another agent than its topic, is logged and dropped."""
    try:
        if delivery.subject is Subject.BIRTH:
            birth = Birth.model_validate_json(delivery.payload)
            if birth.agent == delivery.agent:
                presence.record_birth(connection, birth)
                agent_configurations.record_report(connection, birth)
                agent_releases.record_release(connection, birth)
                return
        elif delivery.payload:
            will = Will.model_validate_json(delivery.payload)
            if will.agent == delivery.agent:
                presence.record_will(connection, will)
                return
    except ValidationError:
        pass
    if delivery.payload:
        log.warning(
            "presence_ignored",
            agent=delivery.agent,
            subject=str(delivery.subject),
            fix="the agent publishes something else than its own birth and will there; check its software",
        )
