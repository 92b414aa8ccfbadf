"""A store of twenty series at one minute, with its registry and its year: what the catalogue is measured on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
from numpy.typing import NDArray

from edge.wire.quantities import QUANTITIES
from edge.wire.series import Counter, Kind, Reset, Series
from ingest.store import compression
from ingest.store.readings_in import store_readings
from ingest.store.series import CLASSES, series_numbers

Connection = psycopg.Connection[Any]

ZONE = "Asia/Shanghai"
YEAR = 2025
START = datetime(YEAR, 1, 1, tzinfo=ZoneInfo(ZONE))
DAYS = 365
DAY_MINUTES = 1440
_START_US = int(START.timestamp()) * 1_000_000
_MINUTE_US = 60_000_000
_WRITTEN_DAYS = 30
_BATCH_MINUTES = 10
_REGISTER = Counter(width_bits=None, reset=Reset.POWER_ON)
_HOLE_SHARE = 1 / 4000
"""A hole begins at this share of readings; it lasts up to an hour."""


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the store: its area, kind, and how many it stands for."""

    name: str
    facility: str
    kind: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Observer:
    """A device, what it reports, and of which point."""

    device: str
    quantity: str
    point: Point | None
    kind: Kind
    accuracy: float | None = None

    def series(self, store: str) -> Series:
        """Return the definition under which it reports."""
        return Series(
            device=f"{store}-{self.device}",
            quantity=self.quantity,
            unit=QUANTITIES[self.quantity].unit,
            kind=self.kind,
            period_s=60.0,
            counter=_REGISTER if self.kind is Kind.CUMULATIVE else None,
        )


def _observers() -> tuple[Observer, ...]:
    found = []
    for door in ("east", "west"):
        point = Point(f"door-{door}", "traffic", "door_line")
        found += [Observer(f"counter-{door}", q, point, Kind.INTERVAL) for q in ("entries", "exits")]
    labels = Point("labels", "labels", "shelf_label", 800)
    found += [
        Observer("gateway", f"label_updates_{what}", labels, Kind.INTERVAL)
        for what in ("requested", "confirmed", "failed")
    ]
    found.append(Observer("meter", "active_energy", Point("main", "energy", "main_meter"), Kind.CUMULATIVE))
    for n in (1, 2):
        point = Point(f"zone-{n}", "air", "air_zone")
        found.append(Observer(f"air-{n}", "carbon_dioxide", point, Kind.GAUGE, 50.0))
    for n, kind in ((1, "chilled_cabinet"), (2, "chilled_cabinet"), (3, "frozen_cabinet")):
        found.append(Observer(f"probe-{n}", "temperature", Point(f"cabinet-{n}", "cold_chain", kind), Kind.GAUGE, 0.5))
    for n in (1, 2, 3):
        found.append(
            Observer(f"shelf-{n}", "stock_units", Point(f"shelf-{n}", "shelves", "shelf_position"), Kind.GAUGE)
        )
    for n in (1, 2, 3):
        found.append(Observer(f"bay-{n}", "bay_occupied", Point(f"bay-{n}", "parking", "parking_bay"), Kind.STATE))
    found.append(Observer("counter-east", "device_online", None, Kind.STATE))
    return tuple(found)


OBSERVERS = _observers()


def register(connection: Connection, stores: list[str]) -> None:
    """Write the registry of a district of such stores, as one version."""
    since = date(2020, 1, 1)
    connection.execute("insert into registry_versions (source, digest) values ('benchmark', '')")
    connection.execute(
        "insert into districts values ('d', 'D', 'D', 'smart_district', %s, true, %s, null, 1, null)", [ZONE, since]
    )
    for store in stores:
        connection.execute(
            """insert into stores (store_id, district_id, name_en, name_zh, format, floor_area_m2, area_kind, opens_at,
                                   closes_at, time_zone, simulated, valid_from, version_from)
               values (%s, 'd', '', '', 'supermarket', 900, 'gross', '09:00', '22:00', %s, true, %s, 1)""",
            [store, ZONE, since],
        )
        connection.execute(
            "insert into agents (agent_id, approved, valid_from, version_from) values (%s, true, %s, 1)",
            [store, since],
        )
        for point in dict.fromkeys(o.point for o in OBSERVERS if o.point):
            door = f"{store}-{point.name}" if point.kind == "door_line" else None
            if door:
                connection.execute(
                    """insert into doors (door_id, store_id, name_en, name_zh, perimeter, valid_from, version_from)
                       values (%s, %s, '', '', true, %s, 1)""",
                    [door, store, since],
                )
            connection.execute(
                """insert into points (point_id, store_id, facility, kind, door_id, point_count, valid_from,
                                       version_from) values (%s, %s, %s, %s, %s, %s, %s, 1)""",
                [f"{store}-{point.name}", store, point.facility, point.kind, door, point.count, since],
            )
        for device, accuracy in {o.device: o.accuracy for o in OBSERVERS}.items():
            connection.execute(
                """insert into devices (device_id, agent_id, store_id, accuracy, valid_from, version_from)
                   values (%s, %s, %s, %s, %s, 1)""",
                [f"{store}-{device}", store, store, accuracy, since],
            )
        for observer in OBSERVERS:
            if observer.point:
                connection.execute(
                    """insert into registered_series (device_id, quantity, point_id, point_count, valid_from,
                                                      version_from) values (%s, %s, %s, %s, %s, 1)""",
                    [f"{store}-{observer.device}", observer.quantity, f"{store}-{observer.point.name}",
                     observer.point.count, since],
                )  # fmt: skip
        for quantity, counted in (("entries", 970), ("exits", 962)):
            connection.execute(
                """insert into audits (audit_id, device_id, quantity, manual_count, device_count, valid_from,
                                       version_from) values (%s, %s, %s, 1000, %s, %s, 1)""",
                [f"{store}-{quantity}", f"{store}-counter-east", quantity, counted, since],
            )


def fill(connection: Connection, store: str, days: int, seed: int) -> int:
    """Store a store's first days of the year by the way of live readings, compressed; return how many there are."""
    series = [observer.series(store) for observer in OBSERVERS]
    classes = np.array([CLASSES.index(_class_of(s)) for s in series], np.int8)
    numbers = np.array(
        series_numbers(connection, [(s, CLASSES[c]) for s, c in zip(series, classes, strict=True)]), np.int32
    )
    entries = _ledger(connection, store, days)
    stored = 0
    for minutes, columns in readings(days, seed):
        of = columns.pop("observer")
        columns |= {
            "t_us": _START_US + minutes * _MINUTE_US,
            "entry_id": entries + minutes // _BATCH_MINUTES,
            "series_id": numbers[of],
            "flags": np.zeros(of.size, np.int16),
            "ordinal": np.zeros(of.size, np.int16),
            "place": np.zeros(of.size, np.int32),
        }
        with connection.transaction():
            store_readings(connection, columns, classes[of], resolving=False)
        stored += of.size
        if compression.has_columnstore(connection):
            for chunk in compression.chunks_to_compress(connection, timedelta(days=1)):
                compression.compress(connection, chunk)
    connection.execute("analyze")
    return stored


def _class_of(series: Series) -> str:
    return "state" if series.kind in {Kind.GAUGE, Kind.STATE} else "count"


def _ledger(connection: Connection, store: str, days: int) -> int:
    """Write the ledger entries of a store's batches; return the number of the first."""
    connection.execute("insert into spools (spool, agent) values (gen_random_uuid(), %s)", [store])
    rows = connection.execute(
        """with added as (
               insert into ledger (spool_id, sequence, sha256, series_table, origin, readings, first_t, last_t,
                                   sealed_at, row_root)
               select spool_id, n, sha256(n::text::bytea), '', 'simulated', 200,
                      %(start)s + (n - 1) * %(long)s, %(start)s + n * %(long)s - interval '1 minute',
                      %(start)s + n * %(long)s, sha256(n::text::bytea)
                 from spools, generate_series(1, %(batches)s) n where agent = %(agent)s order by n
               returning entry_id)
           select min(entry_id) from added""",
        {
            "start": START.astimezone(UTC),
            "long": timedelta(minutes=_BATCH_MINUTES),
            "batches": days * DAY_MINUTES // _BATCH_MINUTES,
            "agent": store,
        },
    ).fetchall()
    return int(rows[0][0])


def readings(days: int, seed: int) -> Iterator[tuple[NDArray[np.int64], dict[str, NDArray[Any]]]]:
    """Yield month by month the minute of each reading, and its value and observer (an index into ``OBSERVERS``)."""
    random = np.random.default_rng(seed)
    register = 1000.0
    for first in range(0, days, _WRITTEN_DAYS):
        minutes = np.arange(first * DAY_MINUTES, min(first + _WRITTEN_DAYS, days) * DAY_MINUTES, dtype=np.int64)
        kept, values = [], []
        for observer in OBSERVERS:
            value = _values(observer, minutes, random)
            if observer.kind is Kind.CUMULATIVE:
                value = np.round(register + np.cumsum(value), 2)
                if first // _WRITTEN_DAYS == 4:  # the register starts again once a year
                    value[20_000:] = np.round(value[20_000:] - value[20_000] + 0.01, 2)
                register = float(value[-1])
            values.append(value)
            kept.append(_kept(minutes.size, random))
        of = np.concatenate([np.full(keep.sum(), n) for n, keep in enumerate(kept)])
        minute = np.concatenate([minutes[keep] for keep in kept])
        value = np.concatenate([value[keep] for value, keep in zip(values, kept, strict=True)])
        order = np.lexsort((of, minute // _BATCH_MINUTES))
        yield minute[order], {"value": value[order], "observer": of[order]}


def _kept(size: int, random: np.random.Generator) -> NDArray[np.bool_]:
    """Return which readings there are: a hole now and then, of a minute or of up to an hour."""
    keep = np.ones(size, np.bool_)
    for begin in np.flatnonzero(random.random(size) < _HOLE_SHARE):
        keep[begin : begin + int(random.integers(1, 60))] = False
    return keep


def _values(  # noqa: C901, PLR0911 - a quantity a case
    observer: Observer, minutes: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.float64]:
    """Return the day's course of a quantity, and noise; of a register, what it counts in each minute."""
    of_day = minutes % DAY_MINUTES
    course = np.clip(np.sin((of_day - 480) / 840 * np.pi), 0, None) * ((of_day >= 480) & (of_day < 1320))
    size = minutes.size
    match observer.quantity:
        case "entries":
            return random.poisson(3 * course).astype(float)
        case "exits":
            return random.poisson(3 * np.roll(course, 20)).astype(float)
        case "label_updates_requested":
            return random.poisson(2.0, size).astype(float)
        case "label_updates_confirmed":
            return random.poisson(1.9, size).astype(float)
        case "label_updates_failed":
            return random.poisson(0.05, size).astype(float)
        case "active_energy":
            return random.gamma(2, 0.02 * (2 + course), size)
        case "carbon_dioxide":
            ppm: NDArray[np.float64] = np.round(450 + 1000 * course + random.normal(0, 120, size))
            return ppm
        case "temperature":
            mean = -19.5 if observer.device == "probe-3" else 4.5
            return np.round(mean + np.sin(minutes / 45) + random.normal(0, 0.8, size), 1)
        case "stock_units":
            units: NDArray[np.float64] = np.maximum(
                0, 12 - (minutes + 200 * int(observer.device[-1])) % 420 // 30
            ).astype(float)
            return units
        case "bay_occupied":
            taken: NDArray[np.float64] = ((minutes + 31 * int(observer.device[-1])) // 47 % 3 != 0).astype(float)
            return taken
        case _:
            return (random.random(size) >= 0.002).astype(float)
