"""From accepted readings to the bytes of batches: series tables, cutting, encoding. Nothing here touches the disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from edge.readings import Priority, Reading
from edge.spool.screening import is_forbidden
from edge.wire.batch import MAX_PAYLOAD_BYTES, Batch, DecoderRefusal, Loss, ResealedFrom
from edge.wire.compression import deflated, inflated, is_deflated
from edge.wire.model import canonical, digest
from edge.wire.series import Origin, Series, SeriesTable

MOST_SERIES = 2500
"""Series in one table: with the longest names the contract allows, so many stay under its one MiB."""
MOST_LOSSES = 200
MOST_REFUSALS = 1000
MOST_REFUSAL_BYTES = 200 * 1024
"""Bounds that keep a batch of 10,000 readings with losses and refusals under the contract's one MiB."""


@dataclass(frozen=True, slots=True)
class Table:
    """A series table in the form that sealing needs: definition → index, and its one text."""

    digest: str
    document: bytes
    index: Mapping[str, int]
    series: tuple[Series, ...]


class TableBook:
    """The series table in use for each origin: it grows with the series seen, so that few tables are ever sent."""

    def __init__(self) -> None:
        self._in_use: dict[Origin, Table] = {}
        self._forbidden: set[str] = set()

    def table_for(self, origin: Origin, seen: Mapping[str, Series]) -> tuple[Table | None, set[str]]:
        """Return a table that holds the series seen (definition → series), and the definitions that may not be sent.

        None where there is no series to be sent.
        """
        table = self._in_use.get(origin)
        unknown = seen.keys() - table.index.keys() if table else set(seen)
        if not unknown and table:
            return table, set()
        self._forbidden.update(name for name in unknown - self._forbidden if is_forbidden(seen[name]))
        stopped = unknown & self._forbidden
        if wanted := unknown - stopped:
            table = self._grown(table, [seen[name] for name in seen if name not in stopped], len(wanted))
            self._in_use[origin] = table
        return table if seen.keys() - stopped else None, stopped

    def begin_anew(self) -> None:
        """Let the next tables hold only series that are seen from now on."""
        self._in_use.clear()

    def _grown(self, table: Table | None, seen: list[Series], new: int) -> Table:
        kept = table.series if table and len(table.series) + new <= MOST_SERIES else ()
        document = SeriesTable.of([*kept, *seen])
        index = {series.definition: number for number, series in enumerate(document.series)}
        return Table(document.digest, canonical(document), index, document.series)


@dataclass(frozen=True, slots=True)
class Draft:
    """What one batch is to hold before it has a number, as the batch's own parallel arrays."""

    origin: Origin
    table: str
    base_us: int
    last_us: int
    series: list[int] = field(default_factory=list)
    offset_us: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    flags: list[int] = field(default_factory=list)
    ordinal: list[int] = field(default_factory=list)
    refusals: Sequence[DecoderRefusal] = field(default=())
    priority: Priority = Priority.NORMAL

    @property
    def readings(self) -> int:
        """Number of readings."""
        return len(self.series)


@dataclass(frozen=True, slots=True)
class Stamp:
    """When and in which boot a batch is sealed, and whether its text is compressed where that is worth it."""

    boot: UUID
    sealed_us: int
    monotonic_us: int
    compress: bool = False


class Link(NamedTuple):
    """The place of a batch in a spool's chain: its identity, and the digest of the batch before it."""

    spool: UUID
    sequence: int
    previous: str | None


def draft(origin: Origin, table: Table, readings: Sequence[Reading]) -> Draft:
    """Return the draft of a batch of these readings, in their order; every series must be in the table."""
    series, times, values, flags, ordinals = zip(*readings, strict=True)
    base_us = min(times)
    index = table.index
    return Draft(
        origin=origin,
        table=table.digest,
        base_us=base_us,
        last_us=max(times),
        series=[index[one.definition] for one in series],
        offset_us=[t - base_us for t in times],
        value=list(map(float, values)),
        flags=list(map(int, flags)),
        ordinal=list(ordinals) if any(ordinals) else [],
    )


def empty_draft(origin: Origin, table: str, at_us: int, refusals: Sequence[DecoderRefusal] = ()) -> Draft:
    """Return the draft of a batch without readings, which carries losses or refusals."""
    return Draft(origin, table, base_us=at_us, last_us=at_us, refusals=refusals)


def encode(sealed: Draft, link: Link, stamp: Stamp, losses: Sequence[Loss]) -> tuple[bytes, str]:
    """Return the payload of a batch and its SHA-256.

    The document is built without validation: every field either comes from a validated model or was screened.
    """
    batch = Batch.model_construct(
        spool=link.spool,
        sequence=link.sequence,
        previous=link.previous,
        series_table=sealed.table,
        origin=sealed.origin,
        boot=stamp.boot,
        sealed_us=stamp.sealed_us,
        monotonic_us=stamp.monotonic_us,
        base_us=sealed.base_us,
        series=sealed.series,
        offset_us=sealed.offset_us,
        value=sealed.value,
        flags=sealed.flags,
        ordinal=sealed.ordinal,
        losses=list(losses),
        refusals=list(sealed.refusals),
    )
    text = canonical(batch)
    payload = deflated(text) if stamp.compress else text
    return payload, digest(payload)


def encode_again(payload: bytes, carried_from: ResealedFrom, link: Link, losses: Sequence[Loss]) -> tuple[bytes, str]:
    """Return a sealed batch under a new identity: its readings, refusals and stamps stay, its losses are replaced."""
    changes = link._asdict() | {"losses": list(losses), "resealed_from": carried_from}
    sealed = Batch.model_validate_json(inflated(payload, MAX_PAYLOAD_BYTES))
    text = canonical(sealed.model_copy(update=changes))
    fresh = deflated(text) if is_deflated(payload) else text
    return fresh, digest(fresh)


def refusal_portions(refusals: Sequence[DecoderRefusal]) -> Iterator[list[DecoderRefusal]]:
    """Yield the refusals in portions of which each fits into a batch beside its readings."""
    portion: list[DecoderRefusal] = []
    size = 0
    for refusal in refusals:
        weight = len(canonical(refusal))
        if portion and (size + weight > MOST_REFUSAL_BYTES or len(portion) == MOST_REFUSALS):
            yield portion
            portion, size = [], 0
        portion.append(refusal)
        size += weight
    if portion:
        yield portion
