"""Export of a store's readings in force: a file that ``backfill`` reads back, and the map that it needs for that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from edge.wire.series import Series
from ingest.history.block import HistoryError
from ingest.history.table_file import Kind, new_table
from ingest.store import corrections, registry
from ingest.store.connection import Database
from ingest.store.readings_in_force import StoredSeries, readings_in_force, series_of_devices
from ingest.store.retention import removed_before

_READINGS = {
    "device": Kind.TEXT,
    "quantity": Kind.TEXT,
    "channel": Kind.TEXT,
    "unit": Kind.TEXT,
    "t": Kind.TIME,
    "value": Kind.REAL,
    "flags": Kind.SMALL,
    "ordinal": Kind.SMALL,
    "origin": Kind.TEXT,
    "definition": Kind.TEXT,
}
_CORRECTIONS = {
    "t": Kind.TIME,
    "ordinal": Kind.SMALL,
    "old_value": Kind.REAL,
    "old_flags": Kind.SMALL,
    "new_value": Kind.REAL,
    "new_flags": Kind.SMALL,
    "reason": Kind.TEXT,
    "recorded_at": Kind.TIME,
    "definition": Kind.TEXT,
}
_MAP = """# The map of {name}, with which 'smartstore-ingest backfill' reads it.
title = "Readings of store {store} from {first} until before {after}"

[time]
columns = ["t"]
form = "{form}"
zone = "UTC"

[exported]
definition = "definition"
value = "value"
flags = "flags"
ordinal = "ordinal"
"""


@dataclass(frozen=True, slots=True)
class Window:
    """A store and its local days [first, after)."""

    store: str
    first: date
    after: date


@dataclass(slots=True)
class Exported:
    """What was written, and where the map is."""

    map: Path
    series: int = 0
    readings: int = 0
    corrections: int = 0
    kept_from: datetime | None = None
    """From when on the readings are kept; None: all of them are."""


@dataclass(frozen=True, slots=True)
class _Span:
    """A series with the time for which its device belonged to the store."""

    series: StoredSeries
    start: datetime
    end: datetime


def export(
    connection: Database, looking: Database, window: Window, out: Path, corrections_out: Path | None = None
) -> Exported:
    """Write the readings in force of a store, and its corrections where they are asked for.

    All of it is of one moment. A device that moved counts for the days on which it was the store's.

    Raises
    ------
    HistoryError
        There is no such store, or the days are none; the message says which there are.
    """
    if window.after <= window.first:
        msg = f"--to {window.after} is not after --from {window.first}: the day of --to is not in it any more"
        raise HistoryError(msg)
    done = Exported(out.with_name(f"{out.stem}.map.toml"))
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        spans = list(_spans(connection, window))
        _write_readings(connection, looking, spans, out, done)
        if corrections_out is not None:
            _write_corrections(connection, spans, corrections_out, done)
    done.kept_from = _kept_from(spans, removed_before(looking))  # asked last: dropped chunks are seen by no older look
    form = "timestamp" if out.suffix.lower() == ".parquet" else "iso"
    text = _MAP.format(name=out.name, store=window.store, first=window.first, after=window.after, form=form)
    done.map.write_text(text, encoding="utf-8")
    return done


def _spans(connection: Database, window: Window) -> Iterator[_Span]:
    version = registry.current_version(connection)
    store = registry.store(connection, window.store, window.first, version)
    if store is None:
        there = ", ".join(each.store_id for each in registry.stores(connection, None, window.first, version)[:50])
        msg = f"there is no store {window.store} on {window.first}; there are: {there or 'none'}"
        raise HistoryError(msg)
    zone = ZoneInfo(store.time_zone)
    days: dict[str, list[tuple[date, date]]] = {}
    for device in registry.devices(connection, window.store, window.first, window.after, version):
        first, after = max(device.valid_from, window.first), min(device.valid_to or window.after, window.after)
        spans = days.setdefault(device.device_id, [])
        if spans and spans[-1][1] == first:
            first = spans.pop()[0]
        spans.append((first, after))
    for series in series_of_devices(connection, list(days)):
        for first, after in days[Series.model_validate_json(series.definition).device]:
            yield _Span(series, _midnight(first, zone), _midnight(after, zone))


def _kept_from(spans: list[_Span], removed: Mapping[str, datetime]) -> datetime | None:
    concerned = [
        removed[name]
        for span in spans
        for name in span.series.numbers
        if name in removed and removed[name] > span.start
    ]
    return max(concerned, default=None)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _write_readings(connection: Database, looking: Database, spans: list[_Span], out: Path, done: Exported) -> None:
    with new_table(out, _READINGS) as table:
        for span in spans:
            series = Series.model_validate_json(span.series.definition)
            names = {
                "device": series.device,
                "quantity": series.quantity,
                "channel": series.channel,
                "unit": series.unit.value,
                "definition": span.series.definition,
            }
            rows = 0
            for portion in readings_in_force(connection, looking, span.series, span.start, span.end):
                arrays = {name: getattr(portion, field) for name, field in _FIELDS.items()}
                table.write(len(portion.t_us), {**names, **arrays})
                rows += len(portion.t_us)
            done.readings += rows
            done.series += rows > 0


_FIELDS = {"t": "t_us", "value": "value", "flags": "flags", "ordinal": "ordinal", "origin": "origin"}


def _write_corrections(connection: Database, spans: list[_Span], out: Path, done: Exported) -> None:
    with new_table(out, _CORRECTIONS) as table:
        for span in spans:
            numbers = list(span.series.numbers.values())
            for portion in corrections.corrections_of(connection, numbers, span.start, span.end):
                table.write(portion.rows, {"definition": span.series.definition, **portion.columns})
                done.corrections += portion.rows
