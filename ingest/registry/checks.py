"""Checks across the lines and files of a set: validity in time, references, places that must agree, double counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations
from typing import Any

from ingest.registry.points import POINT_KINDS
from ingest.registry.problems import Problem
from ingest.registry.rows import (
    Agent,
    Audit,
    Device,
    District,
    Door,
    Floor,
    Point,
    RegisteredSeriesRow,
    RegistryRow,
    Store,
    Tenant,
    Zone,
)

_PEOPLE_COUNTS = frozenset({"entries", "exits", "passages", "occupancy", "zone_dwell"})
_SUMMED = _PEOPLE_COUNTS | {"active_energy", "transactions"}

_REFERENCES: tuple[tuple[type[RegistryRow], str, type[RegistryRow]], ...] = (
    (Store, "district_id", District),
    (Tenant, "store_id", Store),
    (Floor, "store_id", Store),
    (Zone, "store_id", Store),
    (Zone, "floor_id", Floor),
    (Zone, "tenant_id", Tenant),
    (Door, "store_id", Store),
    (Door, "zone_id", Zone),
    (Point, "store_id", Store),
    (Point, "zone_id", Zone),
    (Point, "door_id", Door),
    (Device, "agent_id", Agent),
    (Device, "store_id", Store),
    (RegisteredSeriesRow, "device_id", Device),
    (RegisteredSeriesRow, "point_id", Point),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A row and the line on which it stands."""

    number: int
    row: Any


@dataclass(slots=True)
class Table:
    """The lines of one file that could be read, and what is known of those that could not."""

    row_type: type[RegistryRow]
    lines: list[Line] = field(default_factory=list)
    doubtful: set[tuple[str, ...]] = field(default_factory=set)
    """Identities on lines with problems of their own: no reference to them is called unknown."""
    complete: bool = True
    """False where lines could not be attributed: no reference into this table is called unknown."""

    @property
    def file(self) -> str:
        """Name of the file."""
        return f"{self.row_type.table}.csv"

    def by_identity(self) -> dict[tuple[str, ...], list[Line]]:
        """Return the lines of each identity, in the order of their validity."""
        found: dict[tuple[str, ...], list[Line]] = defaultdict(list)
        for line in sorted(self.lines, key=lambda line: (line.row.valid_from, line.number)):
            found[line.row.identity()].append(line)
        return found


Tables = Mapping[str, Table]


def set_problems(tables: Tables) -> Iterator[Problem]:
    """Yield what is wrong between the lines of a set."""
    for table in tables.values():
        yield from _overlaps(table)
    for row_type, column, target in _REFERENCES:
        yield from _references(tables[row_type.table], column, tables[target.table])
    yield from _audits_of_no_device(tables)
    yield from _series_at_points(tables)
    yield from _counted_twice(tables[RegisteredSeriesRow.table])


def set_warnings(tables: Tables) -> Iterator[Problem]:
    """Yield what an operator should look at though the set can be imported."""
    series = tables[RegisteredSeriesRow.table].lines
    counters = {line.row.device_id for line in series if line.row.quantity in _PEOPLE_COUNTS}
    devices = tables[Device.table]
    for line in devices.lines:
        if line.row.device_id in counters and not line.row.purpose:
            text = (
                f"device_id '{line.row.device_id}' counts people but has no purpose; state what its counts may be used"
                " for (PIPL Art. 26)"
            )
            yield Problem(devices.file, line.number, text)


def _overlaps(table: Table) -> Iterator[Problem]:
    for identity, lines in table.by_identity().items():
        reaching = lines[0]
        for line in lines[1:]:
            if _meet(reaching.row, line.row):
                text = (
                    f"{' '.join(part for part in identity if part)} is already valid on {line.row.valid_from} by line"
                    f" {reaching.number}; end one of the two with valid_to before the other begins"
                )
                yield Problem(table.file, line.number, text)
            if _end(line.row) > _end(reaching.row):
                reaching = line


def _references(table: Table, column: str, target: Table) -> Iterator[Problem]:
    targets = target.by_identity()
    same_store = column != "store_id" and _has_store(table) and _has_store(target)
    for line in table.lines:
        name = getattr(line.row, column)
        if name is None or (name,) in target.doubtful or not target.complete:
            continue
        found = targets.get((name,), [])
        if text := _not_covered(line.row, found, target.file):
            yield Problem(table.file, line.number, f"{column} '{name}' {text}")
        elif same_store:
            for other in found:
                if _meet(line.row, other.row) and other.row.store_id != line.row.store_id:
                    text = (
                        f"{column} '{name}' belongs to store '{other.row.store_id}' ({target.file}:{other.number}),"
                        f" not to '{line.row.store_id}'; correct one of the two"
                    )
                    yield Problem(table.file, line.number, text)


def _not_covered(row: RegistryRow, found: list[Line], file: str) -> str:
    """Say why these facts, together, do not hold for the whole validity of a row that refers to them."""
    if not found:
        return f"is not in {file}; add it there or correct it"
    day = row.valid_from
    for line in found:
        if line.row.valid_from > day:
            break
        day = max(day, _end(line.row))
    if day >= _end(row):
        return ""
    return f"is not valid on {day} by {file}, but this line is; shorten this line or extend that one"


def _audits_of_no_device(tables: Tables) -> Iterator[Problem]:
    """Check audits on their day alone: an audit speaks on after its device has gone."""
    audits, devices = tables[Audit.table], tables[Device.table]
    targets = devices.by_identity()
    for line in audits.lines:
        audit = line.row
        if not devices.complete or (audit.device_id,) in devices.doubtful:
            continue
        if not any(other.row.holds_on(audit.valid_from) for other in targets.get((audit.device_id,), [])):
            text = (
                f"device_id '{audit.device_id}' is not valid on {audit.valid_from} by devices.csv; correct one of them"
            )
            yield Problem(audits.file, line.number, text)


def _series_at_points(tables: Tables) -> Iterator[Problem]:
    series, devices, points = (tables[row_type.table] for row_type in (RegisteredSeriesRow, Device, Point))
    device_lines, point_lines = devices.by_identity(), points.by_identity()
    for line in series.lines:
        row = line.row
        present = [other.row for other in point_lines.get((row.point_id,), []) if _meet(row, other.row)]
        owners = [other.row for other in device_lines.get((row.device_id,), []) if _meet(row, other.row)]
        for point in present:
            yield from (Problem(series.file, line.number, text) for text in _misfits(row, point))
            for device in owners:
                if _meet(device, point) and device.store_id != point.store_id:
                    text = (
                        f"device_id '{device.device_id}' is in store '{device.store_id}' but point_id"
                        f" '{point.point_id}' in '{point.store_id}'; correct one of the two"
                    )
                    yield Problem(series.file, line.number, text)


def _misfits(row: RegisteredSeriesRow, point: Point) -> Iterator[str]:
    if row.quantity != "device_online" and row.quantity not in POINT_KINDS[point.kind]:
        known = ", ".join(sorted(POINT_KINDS[point.kind]))
        yield f"quantity '{row.quantity}' is not observed at a {point.kind} ('{point.point_id}'); known: {known}"
    if row.point_count > point.point_count:
        yield f"point_count {row.point_count} is more than the {point.point_count} of point_id '{point.point_id}'"


def _counted_twice(series: Table) -> Iterator[Problem]:
    by_series: dict[tuple[str, str, str], list[Line]] = defaultdict(list)
    for line in series.lines:
        if line.row.quantity in _SUMMED:
            by_series[line.row.device_id, line.row.quantity, line.row.channel].append(line)
    for lines in by_series.values():
        for first, second in combinations(lines, 2):
            if first.row.point_id != second.row.point_id and _meet(first.row, second.row):
                text = (
                    f"{second.row.device_id} {second.row.quantity} is also registered to point_id"
                    f" '{first.row.point_id}' (line {first.number}), so it would be summed twice; keep one"
                )
                yield Problem(series.file, second.number, text)


def _has_store(table: Table) -> bool:
    return "store_id" in table.row_type.model_fields


def _end(row: RegistryRow) -> date:
    return row.valid_to or date.max


def _meet(one: RegistryRow, other: RegistryRow) -> bool:
    return one.valid_from < _end(other) and other.valid_from < _end(one)
