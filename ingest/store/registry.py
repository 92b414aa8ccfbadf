"""Reads of the site model: facts of one registry version, as they are valid on a day or in a span of days.

``version`` None is the current version; whoever makes several reads for one answer passes a number. Days are the
store's local dates; spans are half-open. Before the first import the version is 0 and every read is empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from typing import Any, LiteralString, TypeVar

from psycopg.rows import class_row, scalar_row
from psycopg.types.numeric import Int4

from ingest.store.connection import Database


@dataclass(frozen=True, slots=True)
class DistrictFact:
    """A smart district, pedestrian street or 15-minute circle."""

    district_id: str
    name_en: str
    name_zh: str
    kind: str
    time_zone: str
    simulated: bool
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class StoreFact:
    """A store; ``format`` is a code of ``ingest.registry.formats``, ``area_kind`` gross, sales or leasable."""

    store_id: str
    district_id: str
    name_en: str
    name_zh: str
    format: str
    floor_area_m2: float
    area_kind: str
    opens_at: time
    closes_at: time
    capacity: int | None
    time_zone: str
    business_day_start: time
    simulated: bool
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class PointFact:
    """A point that exists, instrumented or not; None where it has no door, no zone, or a zone of unknown area."""

    point_id: str
    facility: str
    kind: str
    zone_id: str | None
    door_id: str | None
    perimeter: bool | None
    point_count: int
    valid_from: date
    valid_to: date | None
    zone_area_m2: float | None = None


@dataclass(frozen=True, slots=True)
class RegisteredSeries:
    """A series that observes a point, with what its device says of it, over the days on which all of that holds."""

    device_id: str
    quantity: str
    channel: str
    point_id: str
    point_count: int
    role: str
    direction: str
    accuracy: float | None
    agent_id: str
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class DeviceFact:
    """A device; ``purpose`` is what its readings may be used for, ``accuracy`` in the unit of its gauge."""

    device_id: str
    agent_id: str
    store_id: str
    model: str
    direction: str
    purpose: str
    sign_posted: bool
    accuracy: float | None
    calibrated_on: date | None
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class AuditFact:
    """A manual count beside a device's own, made on ``valid_from``."""

    audit_id: str
    device_id: str
    quantity: str
    manual_count: int
    device_count: int
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class AgentFact:
    """An agent and whether the platform takes its batches."""

    agent_id: str
    description: str
    approved: bool
    valid_from: date
    valid_to: date | None


Spanned = TypeVar("Spanned", PointFact, RegisteredSeries)
Fact = TypeVar("Fact")


def current_version(c: Database) -> int:
    """Return the number of the latest registry version, 0 before the first import."""
    with c.cursor(row_factory=scalar_row) as cursor:
        cursor.execute("select coalesce(max(version), 0) from registry_versions")
        version: int = cursor.fetchone() or 0
    return version


def districts(c: Database, on: date, version: int | None = None) -> list[DistrictFact]:
    """Return the districts valid on a day, by id."""
    return _districts(c, None, on, version)


def district(c: Database, district_id: str, on: date, version: int | None = None) -> DistrictFact | None:
    """Return a district as it is valid on a day, None where there is none."""
    return _only(_districts(c, district_id, on, version))


def stores(c: Database, district_id: str | None, on: date, version: int | None = None) -> list[StoreFact]:
    """Return the stores valid on a day, of one district or (None) of all, by id."""
    return _stores(c, district_id, None, on, version)


def store(c: Database, store_id: str, on: date, version: int | None = None) -> StoreFact | None:
    """Return a store as it is valid on a day, None where there is none."""
    return _only(_stores(c, None, store_id, on, version))


def points(c: Database, store_id: str, on_from: date, on_to: date, version: int | None = None) -> list[PointFact]:
    """Return the store's points valid at some time in [on_from, on_to), by id and then by time.

    A point whose facts changed within the span (a door that became a perimeter door, a zone that grew) occurs once for
    each state, with the days of that state: count points by ``point_id``.
    """
    query = """
        select point_id, facility, kind, zone_id, door_id, perimeter, point_count,
               lower(days) as valid_from, upper(days) as valid_to, zone_area_m2
          from (select p.*, d.perimeter, z.area_m2 as zone_area_m2,
                       daterange(p.valid_from, p.valid_to) * daterange(d.valid_from, d.valid_to)
                       * daterange(z.valid_from, z.valid_to) as days
                  from points p
                  left join doors d on d.door_id = p.door_id
                   and int4range(d.version_from, d.version_to) @> %(version)s
                   and daterange(d.valid_from, d.valid_to) && daterange(p.valid_from, p.valid_to)
                  left join zones z on z.zone_id = p.zone_id
                   and int4range(z.version_from, z.version_to) @> %(version)s
                   and daterange(z.valid_from, z.valid_to) && daterange(p.valid_from, p.valid_to)
                 where p.store_id = %(store)s and int4range(p.version_from, p.version_to) @> %(version)s) p
         where days && daterange(%(since)s, %(until)s)
         order by point_id, valid_from"""
    return _joined(_select(c, PointFact, query, version, store=store_id, since=on_from, until=on_to))


def registered_series(
    c: Database, store_id: str, on_from: date, on_to: date, version: int | None = None
) -> list[RegisteredSeries]:
    """Return the series registered to the store's devices at some time in [on_from, on_to), by key, point and time.

    A series whose device changed within the span (turned round, moved to another agent) occurs once for each state,
    with the days of that state.
    """
    query = """
        select device_id, quantity, channel, point_id, point_count, role, direction, accuracy, agent_id,
               lower(days) as valid_from, upper(days) as valid_to
          from (select s.*, d.direction, d.accuracy, d.agent_id,
                       daterange(s.valid_from, s.valid_to) * daterange(d.valid_from, d.valid_to) as days
                  from registered_series s
                  join devices d on d.device_id = s.device_id
                   and int4range(d.version_from, d.version_to) @> %(version)s
                   and daterange(d.valid_from, d.valid_to) && daterange(s.valid_from, s.valid_to)
                 where d.store_id = %(store)s and int4range(s.version_from, s.version_to) @> %(version)s) s
         where days && daterange(%(since)s, %(until)s)
         order by device_id, quantity, channel, point_id, valid_from"""
    return _joined(_select(c, RegisteredSeries, query, version, store=store_id, since=on_from, until=on_to))


def devices(c: Database, store_id: str, on_from: date, on_to: date, version: int | None = None) -> list[DeviceFact]:
    """Return the store's devices valid at some time in [on_from, on_to), by id and then by time."""
    query = """
        select device_id, agent_id, store_id, model, direction, purpose, sign_posted, accuracy, calibrated_on,
               valid_from, valid_to
          from devices
         where store_id = %(store)s and int4range(version_from, version_to) @> %(version)s
           and daterange(valid_from, valid_to) && daterange(%(since)s, %(until)s)
         order by device_id, valid_from"""
    return _select(c, DeviceFact, query, version, store=store_id, since=on_from, until=on_to)


def audits(c: Database, device_ids: Sequence[str], on_to: date, version: int | None = None) -> list[AuditFact]:
    """Return the audits of these devices that speak for the day before ``on_to``, the oldest first."""
    query = """
        select audit_id, device_id, quantity, manual_count, device_count, valid_from, valid_to
          from audits
         where device_id = any(%(devices)s) and int4range(version_from, version_to) @> %(version)s
           and daterange(valid_from, valid_to) @> %(last)s
         order by valid_from, audit_id"""
    return _select(c, AuditFact, query, version, devices=list(device_ids), last=on_to - timedelta(days=1))


def agents(c: Database, on: date, version: int | None = None) -> list[AgentFact]:
    """Return the agents valid on a day, approved or not, by id."""
    query = """
        select agent_id, description, approved, valid_from, valid_to
          from agents
         where int4range(version_from, version_to) @> %(version)s and daterange(valid_from, valid_to) @> %(on)s
         order by agent_id"""
    return _select(c, AgentFact, query, version, on=on)


def agent_devices(c: Database, agent: str, on: date) -> set[str] | None:
    """Return the devices that an agent may speak for; None where it is unknown, not approved or not valid.

    ``on`` is a date in UTC; facts carry local dates, so what is valid anywhere on Earth on that date counts. A device
    counts from its first day with this agent on, also after its last: an agent may deliver late what it accepted in
    time.
    """
    version = current_version(c)
    approved = """
        select approved
          from agents
         where agent_id = %(agent)s and int4range(version_from, version_to) @> %(version)s
           and daterange(valid_from, valid_to) && daterange(%(on)s - 1, %(on)s + 1, '[]')
         order by daterange(valid_from, valid_to) @> %(on)s desc, valid_from
         limit 1"""
    allowed = """
        select distinct device_id
          from devices
         where agent_id = %(agent)s and int4range(version_from, version_to) @> %(version)s
           and valid_from <= %(on)s + 1"""
    values = {"agent": agent, "on": on, "version": Int4(version)}
    with c.cursor(row_factory=scalar_row) as cursor:
        if not cursor.execute(approved, values).fetchone():
            return None
        return set(cursor.execute(allowed, values).fetchall())


def _districts(c: Database, district_id: str | None, on: date, version: int | None) -> list[DistrictFact]:
    query = """
        select district_id, name_en, name_zh, kind, time_zone, simulated, valid_from, valid_to
          from districts
         where int4range(version_from, version_to) @> %(version)s and daterange(valid_from, valid_to) @> %(on)s
           and (%(district)s::text is null or district_id = %(district)s)
         order by district_id"""
    return _select(c, DistrictFact, query, version, district=district_id, on=on)


def _stores(
    c: Database, district_id: str | None, store_id: str | None, on: date, version: int | None
) -> list[StoreFact]:
    query = """
        select store_id, district_id, name_en, name_zh, format, floor_area_m2, area_kind, opens_at, closes_at,
               capacity, time_zone, business_day_start, simulated, valid_from, valid_to
          from stores
         where int4range(version_from, version_to) @> %(version)s and daterange(valid_from, valid_to) @> %(on)s
           and (%(district)s::text is null or district_id = %(district)s)
           and (%(store)s::text is null or store_id = %(store)s)
         order by store_id"""
    return _select(c, StoreFact, query, version, district=district_id, store=store_id, on=on)


def _select(c: Database, fact: type[Fact], query: LiteralString, version: int | None, **values: Any) -> list[Fact]:
    chosen = current_version(c) if version is None else version
    with c.cursor(row_factory=class_row(fact)) as cursor:
        return cursor.execute(query, {**values, "version": Int4(chosen)}).fetchall()


def _only(facts: list[Fact]) -> Fact | None:
    return facts[0] if facts else None


def _joined(facts: Iterable[Spanned]) -> list[Spanned]:
    """Join neighbours that differ in nothing but their days: the change between them was of no interest here."""
    joined: list[Spanned] = []
    for fact in facts:
        last = joined[-1] if joined else None
        if last and last.valid_to == fact.valid_from:
            whole = replace(last, valid_to=fact.valid_to)
            if whole == replace(fact, valid_from=last.valid_from):
                joined[-1] = whole
                continue
        joined.append(fact)
    return joined
