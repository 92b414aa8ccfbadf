"""One acceptance: groups of readings become sealed batches, and positions move, in the transaction of the caller."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace

from edge.readings import Priority, Reading, ReadingGroup
from edge.spool import chain, losses, screening
from edge.spool.records import SpoolLimits
from edge.spool.seal import MOST_SERIES, Draft, Stamp, TableBook, draft, empty_draft, refusal_portions
from edge.wire.batch import DecoderRefusal
from edge.wire.model import canonical
from edge.wire.series import Origin

_READING_BYTES = 64
_BATCH_BYTES = 4096
"""Upper estimates, by which room is made before anything is encoded."""

_MOST_WAITING = 1000
"""Refusals kept while there is no series table: a decoder that never decodes anything says the same again and again."""

NamedGroup = tuple[str, ReadingGroup]
"""A group with the name of its source."""


def accept(
    db: sqlite3.Connection, groups: Sequence[NamedGroup], tables: TableBook, limits: SpoolLimits, stamp: Stamp
) -> list[int]:
    """Seal the groups' readings in their order, urgent ones first, origin by origin, and return the sequences made."""
    refusals = _waiting_refusals(db)
    refusals += [refusal for _, group in groups for refusal in group.refusals]
    refusals, withheld = screening.screened_refusals(refusals)
    drafts: list[Draft] = []
    for (priority, origin), readings in _by_kind(groups, refusals, stamp):
        for portion in _portions(readings, limits.batch_readings):
            made, stopped = _draft(db, origin, portion, tables)
            made = replace(made, priority=priority) if made else None
            withheld += stopped
            drafts += [made] if made else []
    drafts = _with_refusals(db, drafts, refusals, stamp)
    losses.make_room(db, limits, stamp, _upper_size(drafts, refusals))
    sequences = chain.seal(db, drafts, stamp) if drafts else []
    db.executemany(
        "insert into positions (source, position) values (?, ?)"
        " on conflict (source) do update set position = excluded.position",
        {source: group.position for source, group in groups}.items(),
    )
    if withheld:
        chain.count(db, withheld=withheld)
    return sequences


def _portions(readings: Sequence[Reading], size: int) -> Iterator[Sequence[Reading]]:
    """Yield the readings of one batch after the other, none of more series than a table holds."""
    for start in range(0, len(readings), size):
        portion = readings[start : start + size]
        if len(portion) > MOST_SERIES and len({reading.series.definition for reading in portion}) > MOST_SERIES:
            yield from _portions(portion, MOST_SERIES)
        else:
            yield portion


def _by_kind(
    groups: Sequence[NamedGroup], refusals: list[DecoderRefusal], stamp: Stamp
) -> list[tuple[tuple[Priority, Origin], list[Reading]]]:
    """Return the usable readings by what a batch has one of; the others are added to the refusals, each on its own."""
    by_kind: dict[tuple[Priority, Origin], list[Reading]] = {}
    for source, group in groups:
        readings = group.readings
        if readings and not screening.all_usable(readings):
            reasons = [(reading, screening.unusable(reading)) for reading in readings]
            readings = [reading for reading, reason in reasons if reason is None]
            refusals += [
                screening.refused_reading(source, reading, reason, stamp.sealed_us)
                for reading, reason in reasons
                if reason is not None
            ]
        by_kind.setdefault((group.priority, group.origin), []).extend(readings)
    return sorted(by_kind.items(), key=lambda item: -item[0][0])


def _draft(
    db: sqlite3.Connection, origin: Origin, readings: Sequence[Reading], tables: TableBook
) -> tuple[Draft | None, int]:
    """Return the draft of one batch (None: nothing of it may be sent), and how many readings the deny-list stopped."""
    seen = {reading.series.definition: reading.series for reading in readings}
    table, stopped = tables.table_for(origin, seen)
    allowed = [r for r in readings if r.series.definition not in stopped] if stopped else readings
    if table is None or not allowed:
        return None, len(readings) - len(allowed)
    db.execute("insert or ignore into series_tables (digest, document) values (?, ?)", (table.digest, table.document))
    return draft(origin, table, allowed), len(readings) - len(allowed)


def _with_refusals(
    db: sqlite3.Connection, drafts: list[Draft], refusals: Sequence[DecoderRefusal], stamp: Stamp
) -> list[Draft]:
    """Spread the refusals over the drafts, adding drafts without readings where more are needed.

    A batch must name a series table; while the spool has never known one, the latest refusals wait
    in the file.
    """
    portions = refusal_portions(refusals)
    spread = [replace(one, refusals=portion) for one, portion in zip(drafts, portions, strict=False)]
    spread += drafts[len(spread) :]
    rest = list(portions)
    end = chain.read_chain(db)
    table, origin = (drafts[-1].table, drafts[-1].origin.value) if drafts else (end.last_table, end.last_origin)
    if table is None or origin is None:
        documents = [(canonical(refusal),) for portion in rest for refusal in portion][-_MOST_WAITING:]
        db.executemany("insert into refusals_waiting (document) values (?)", documents)
        return spread
    return spread + [empty_draft(Origin(origin), table, stamp.sealed_us, portion) for portion in rest]


def _waiting_refusals(db: sqlite3.Connection) -> list[DecoderRefusal]:
    """Take the refusals that waited for a series table out of the file; those that must go on waiting are put back."""
    rows: Iterator[tuple[bytes]] = db.execute("select document from refusals_waiting order by refusal_id")
    waiting = [DecoderRefusal.model_validate_json(document) for (document,) in rows]
    if waiting:
        db.execute("delete from refusals_waiting")
    return waiting


def _upper_size(drafts: Sequence[Draft], refusals: Sequence[DecoderRefusal]) -> int:
    batches = sum(one.readings * _READING_BYTES + _BATCH_BYTES for one in drafts)
    return batches + sum(len(canonical(refusal)) for refusal in refusals)
