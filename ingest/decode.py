"""From payload bytes to documents, or to the reason why not: pure, no database, no broker."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from edge.wire.acknowledgement import RefusalReason
from edge.wire.batch import Batch
from edge.wire.compression import beginning, is_deflated
from edge.wire.decode import WireError, decode, loosely, text_of
from edge.wire.series import SeriesTable
from ingest.arrived import AFTER_US, FIRST_US, ArrivedBatch, arrived
from ingest.scan import Scanner

_BEGINNING = re.compile(rb'\{"type":"batch","version":\d{1,9},"spool":"([0-9a-f-]{36})","sequence":(\d{1,19}),')
"""How the one text of a batch begins, whatever follows."""
_BEGINNING_BYTES = 160


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a payload is refused, and its identity as far as it could be read; ``keep`` False: it must not be stored."""

    reason: RefusalReason
    detail: str
    keep: bool
    spool: UUID | None
    sequence: int | None


Document = ArrivedBatch | SeriesTable | Rejection


def decode_payloads(payloads: Sequence[bytes], scanner: Scanner) -> list[Document]:
    """Return what each payload of a batch topic holds, as ``decode_payload`` does, and far faster for plain batches."""
    texts = [readable_text(payload) or b"" for payload in payloads]
    return [
        decode_payload(payload) if batch is None else batch
        for payload, batch in zip(payloads, scanner.scan(texts), strict=True)
    ]


def decode_payload(payload: bytes) -> Document:
    """Return what a payload of a batch topic holds; whatever the bytes are, no exception."""
    try:
        document = decode(payload)
    except WireError as error:
        return _rejected(payload, error.reason, error.detail)
    except RecursionError:
        # Too deep to be looked through for personal data, so it is not kept.
        detail = "nested too deeply to be checked for personal data"
        return Rejection(RefusalReason.UNDECODABLE, detail, False, *_identity(payload))
    if isinstance(document, SeriesTable):
        return document
    if not isinstance(document, Batch):
        return _rejected(payload, RefusalReason.UNDECODABLE, f"a document of type {document.type} is no batch")
    if not _has_dates(document):
        detail = "a time lies outside the years 1 to 9999; check the clock of the device"
        return Rejection(RefusalReason.UNDECODABLE, detail, keep=True, spool=document.spool, sequence=document.sequence)
    return arrived(document)


def _has_dates(batch: Batch) -> bool:
    times: list[int] = [batch.sealed_us]
    if batch.offset_us:
        times += [batch.base_us + min(batch.offset_us), batch.base_us + max(batch.offset_us)]
    times += [t for loss in batch.losses for t in (loss.first_us, loss.last_us) if t is not None]
    return min(times) >= FIRST_US and max(times) < AFTER_US


def _rejected(payload: bytes, reason: RefusalReason, detail: str) -> Rejection:
    keep = reason is not RefusalReason.PERSONAL_DATA and readable_text(payload) is not None
    return Rejection(reason, detail, keep, *_identity(payload))


def readable_text(payload: bytes) -> bytes | None:
    """Return the text of a payload, None where it cannot be inflated, and so not be checked for personal data."""
    if not is_deflated(payload):
        return payload
    try:
        return text_of(payload)
    except WireError:
        return None


def _identity(payload: bytes) -> tuple[UUID | None, int | None]:
    """Read spool and sequence of what is no valid batch, as far as they can be read: neither tells of a person.

    A batch begins with them, so that they are known even where the rest is damaged, too long or too deep to be read.
    """
    if begun := _BEGINNING.match(beginning(payload, _BEGINNING_BYTES)):
        document = {"spool": begun[1].decode(), "sequence": int(begun[2])}
    else:
        document = loosely((readable_text(payload) or b"").decode("utf-8", errors="replace"))
    if not isinstance(document, dict):
        return None, None
    try:
        spool = UUID(document["spool"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None, None
    sequence = document.get("sequence")
    valid = isinstance(sequence, int) and not isinstance(sequence, bool) and 1 <= sequence < 2**63
    return spool, sequence if valid else None
