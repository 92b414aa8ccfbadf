"""Builders of what counts people beyond the doors: on the pavement, at tills, in zones and queues."""

from __future__ import annotations

from collections.abc import Sequence

from edge.simulator.outfit import Outfit
from edge.simulator.site import CountedZone, Device, ObservedSeries, Point
from edge.wire.series import Kind, Series, Unit

_PURPOSE = "counting people, without identity"


def pavement(store_id: str, zone_id: str) -> Outfit:
    """Return a line along the pavement and its counter."""
    point = Point(f"{store_id}-pavement-line", "traffic", "pavement_line", zone_id)
    device_id = f"{store_id}-pavement-counter"
    observed = (ObservedSeries(_interval(device_id, "passages"), point.point_id, "passages"),)
    return Outfit((point,), (Device(device_id, "traffic", "simulated pavement counter", _PURPOSE, observed),))


def tills(store_id: str, zone_id: str, count: int) -> Outfit:
    """Return tills whose receipts one feed counts, a channel for each, and the queue in front of them with a sensor."""
    points = tuple(Point(f"{store_id}-till-{n}", "traffic", "till", zone_id) for n in range(1, count + 1))
    queue = Point(f"{store_id}-queue", "traffic", "queue_zone", zone_id)
    feed_id, sensor_id = f"{store_id}-receipts-feed", f"{store_id}-queue-sensor"
    receipts = tuple(
        ObservedSeries(_interval(feed_id, "transactions", f"till-{n}"), point.point_id, "receipts")
        for n, point in enumerate(points, start=1)
    )
    waiting = (ObservedSeries(_gauge(sensor_id, "occupancy", Unit.COUNT, 60.0), queue.point_id, "queue"),)
    devices = (
        Device(feed_id, "traffic", "simulated receipts feed", "counting receipts, without content", receipts),
        Device(sensor_id, "traffic", "simulated queue sensor", _PURPOSE, waiting),
    )
    return Outfit((*points, queue), devices)


def counted_zones(store_id: str, zones: Sequence[CountedZone], zone_ids: Sequence[str]) -> Outfit:
    """Return zones and the sensor above them, with two channels for each: persons present, and their mean stay."""
    device_id, points, observed = f"{store_id}-zone-sensor", [], []
    for number, (zone, zone_id) in enumerate(zip(zones, zone_ids, strict=True), start=1):
        points.append(Point(zone.point_id, "traffic", "counted_zone", zone_id))
        present = _gauge(device_id, "occupancy", Unit.COUNT, 60.0, f"region-{number}")
        stay = _gauge(device_id, "zone_dwell", Unit.SECOND, 300.0, f"region-{number}")
        observed += [ObservedSeries(series, zone.point_id, series.quantity) for series in (present, stay)]
    device = Device(device_id, "traffic", "simulated zone sensor", _PURPOSE, tuple(observed))
    return Outfit(tuple(points), (device,))


def _interval(device_id: str, quantity: str, channel: str = "") -> Series:
    return Series(
        device=device_id, quantity=quantity, channel=channel, unit=Unit.COUNT, kind=Kind.INTERVAL, period_s=300.0
    )


def _gauge(device_id: str, quantity: str, unit: Unit, period_s: float, channel: str = "") -> Series:
    return Series(device=device_id, quantity=quantity, channel=channel, unit=unit, kind=Kind.GAUGE, period_s=period_s)
