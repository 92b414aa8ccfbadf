"""The registry of the simulated district, as the CSV set that ``smartstore-ingest registry import`` reads.

One file a table of the site model; an empty field is null, booleans are true and false, dates and times are ISO 8601.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from edge.simulator import traffic
from edge.simulator.site import DistrictPlan, StorePlan

COLUMNS = {
    "districts": "district_id name_en name_zh kind time_zone simulated",
    "stores": "store_id district_id name_en name_zh format floor_area_m2 area_kind opens_at closes_at capacity"
    " time_zone business_day_start simulated",
    "tenants": "tenant_id store_id name_en name_zh",
    "floors": "floor_id store_id level name_en name_zh",
    "zones": "zone_id store_id floor_id tenant_id name_en name_zh area_m2",
    "doors": "door_id store_id zone_id name_en name_zh perimeter",
    "points": "point_id store_id facility kind zone_id door_id point_count",
    "agents": "agent_id description approved",
    "devices": "device_id agent_id store_id model direction purpose sign_posted accuracy calibrated_on",
    "registered_series": "device_id quantity channel point_id point_count role",
    "audits": "audit_id device_id quantity manual_count device_count",
}
"""Columns of each file before ``valid_from`` and ``valid_to``, which every file ends with."""

VALID_FROM = "2020-01-01"

Field = str | int | float | bool | None
Row = tuple[Field, ...]


def write_csv_set(plan: DistrictPlan, folder: Path) -> None:
    """Write the eleven files into a folder, which is made if it is missing; existing files of the set are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    district = (plan.district_id, plan.names.en, plan.names.zh, plan.kind, plan.time_zone, True)
    tables: dict[str, Iterable[Row]] = {"districts": [district]}
    for table, rows_of in _ROWS_OF.items():
        tables[table] = [row for store in plan.stores for row in rows_of(plan, store)]
    for table, rows in tables.items():
        _write(folder / f"{table}.csv", COLUMNS[table].split(), rows)


def _write(path: Path, columns: list[str], rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*columns, "valid_from", "valid_to"])
        writer.writerows([*map(_text, row), VALID_FROM, ""] for row in rows)


def _text(field: Field) -> str:
    if field is None:
        return ""
    return str(field).lower() if isinstance(field, bool) else str(field)


def _stores(plan: DistrictPlan, store: StorePlan) -> Iterator[Row]:
    yield (
        store.store_id,
        plan.district_id,
        store.names.en,
        store.names.zh,
        store.format,
        store.floor_area_m2,
        store.area_kind,
        store.opens_at.isoformat("minutes"),
        store.closes_at.isoformat("minutes"),
        store.capacity,
        store.time_zone,
        "00:00",
        True,
    )


def _tenants(_: DistrictPlan, store: StorePlan) -> Iterator[Row]:
    return ((t.tenant_id, store.store_id, t.names.en, t.names.zh) for t in store.tenants)


def _floors(_: DistrictPlan, store: StorePlan) -> Iterator[Row]:
    return ((f.floor_id, store.store_id, f.level, f.names.en, f.names.zh) for f in store.floors)


def _zones(_: DistrictPlan, store: StorePlan) -> Iterator[Row]:
    for z in store.zones:
        yield z.zone_id, store.store_id, z.floor_id, z.tenant_id, z.names.en, z.names.zh, z.area_m2


def _doors(_: DistrictPlan, store: StorePlan) -> Iterator[Row]:
    return ((d.door_id, store.store_id, d.zone_id, d.names.en, d.names.zh, d.perimeter) for d in store.doors)


def _points(_: DistrictPlan, store: StorePlan) -> Iterator[Row]:
    for p in store.points:
        yield p.point_id, store.store_id, p.facility, p.kind, p.zone_id, p.door_id, p.point_count


def _agents(_: DistrictPlan, store: StorePlan) -> Iterator[Row]:
    yield store.agent_id, f"agent of {store.names.en}", True


def _devices(_: DistrictPlan, store: StorePlan) -> Iterator[Row]:
    for d in store.devices:
        sign_posted = d.facility in {"traffic", "parking"}
        calibrated_on = None if d.accuracy is None else VALID_FROM
        yield (
            d.device_id,
            store.agent_id,
            store.store_id,
            d.model,
            "normal",
            d.purpose,
            sign_posted,
            d.accuracy,
            calibrated_on,
        )


def _registered_series(_: DistrictPlan, store: StorePlan) -> Iterator[Row]:
    for device in store.devices:
        for seen in device.observed:
            series = seen.series
            yield device.device_id, series.quantity, series.channel, seen.point_id, seen.point_count, seen.role


def _audits(_: DistrictPlan, store: StorePlan) -> Iterator[Row]:
    for kind in ("door_line", "pavement_line"):
        for device, seen in store.observed_at(kind):
            quantity = seen.series.quantity
            counted = traffic.audit(store, device, quantity)
            yield f"{device.device_id}-{quantity}-audit", device.device_id, quantity, traffic.AUDITED_CROSSINGS, counted


_ROWS_OF = {
    "stores": _stores,
    "tenants": _tenants,
    "floors": _floors,
    "zones": _zones,
    "doors": _doors,
    "points": _points,
    "agents": _agents,
    "devices": _devices,
    "registered_series": _registered_series,
    "audits": _audits,
}
