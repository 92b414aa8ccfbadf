"""Builders of points and devices: what stands in a simulated store, facility by facility."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from edge.simulator.cold_chain import CHILLED_KIND, FROZEN_KIND
from edge.simulator.energy import MAIN, RESOLUTION_KWH
from edge.simulator.site import AirZone, Cabinet, Circuit, Device, Door, ObservedSeries, Outage, Point
from edge.wire.series import Counter, Kind, Reset, Series, Unit

CARBON_DIOXIDE_ACCURACY_PPM = 50.0
PROBE_ACCURACY_C = 0.3


class Outfit(NamedTuple):
    """Points of a facility area and the devices on them."""

    points: tuple[Point, ...]
    devices: tuple[Device, ...]


def doors(doors: Sequence[Door], outage: Outage | None = None) -> Outfit:
    """Return a counting line and a counter for each door."""
    points = [Point(f"{d.door_id}-line", "traffic", "door_line", d.zone_id, d.door_id) for d in doors]
    devices = []
    for door, point in zip(doors, points, strict=True):
        device_id = f"{door.door_id}-counter"
        observed = tuple(
            ObservedSeries(_interval(device_id, quantity, 300.0), point.point_id, quantity)
            for quantity in ("entries", "exits")
        )
        purpose = "counting people who pass, without identity"
        devices.append(Device(device_id, "traffic", "simulated door counter", purpose, observed, outage=outage))
    return Outfit(tuple(points), tuple(devices))


def shelves(store_id: str, zone_id: str, gateways: int, positions: int) -> Outfit:
    """Return shelves of ``positions`` positions each; a shelf is one device with a channel for each position."""
    points, devices = [], []
    for gateway in range(1, gateways + 1):
        device_id = f"{store_id}-shelf-{gateway}"
        observed = []
        for position in range(1, positions + 1):
            point = Point(f"{device_id}-position-{position}", "shelves", "shelf_position", zone_id)
            points.append(point)
            series = _gauge(device_id, "stock_units", Unit.COUNT, channel=f"position-{position}")
            observed.append(ObservedSeries(series, point.point_id, "stock"))
        devices.append(
            Device(
                device_id, "shelves", "simulated weighing shelf", "stock on the shelf", tuple(observed), accuracy=0.0
            )
        )
    return Outfit(tuple(points), tuple(devices))


def labels(store_id: str, zone_id: str, count: int, *, timed: bool = False) -> Outfit:
    """Return ``count`` shelf labels and the gateway that counts their updates; ``timed``: and tells what each took."""
    point = labels_without_gateway(store_id, zone_id, count).points[0]
    device_id = f"{store_id}-label-gateway"
    observed = tuple(
        ObservedSeries(_interval(device_id, f"label_updates_{outcome}", 900.0), point.point_id, outcome, count)
        for outcome in ("requested", "confirmed", "failed")
    )
    if timed:
        latency = Series(device=device_id, quantity="label_update_latency", unit=Unit.SECOND, kind=Kind.EVENT)
        observed += (ObservedSeries(latency, point.point_id, "latency", count),)
    device = Device(device_id, "labels", "simulated label gateway", "price labels", observed)
    return Outfit((point,), (device,))


def labels_without_gateway(store_id: str, zone_id: str, count: int) -> Outfit:
    """Return labels that exist by declaration alone."""
    return Outfit((Point(f"{store_id}-labels", "labels", "shelf_label", zone_id, point_count=count),), ())


def meters(store_id: str, zone_id: str, circuits: Sequence[Circuit], *, sub_meters: bool) -> Outfit:
    """Return a main meter and, if wanted, a sub meter for each circuit."""
    roles = [MAIN, *(circuit.name for circuit in circuits)] if sub_meters else [MAIN]
    points, devices = [], []
    for role in roles:
        point = Point(f"{store_id}-power-{role}", "energy", "main_meter" if role == MAIN else "sub_meter", zone_id)
        device_id = f"{store_id}-meter-{role}"
        series = Series(
            device=device_id,
            quantity="active_energy",
            unit=Unit.KILOWATT_HOUR,
            kind=Kind.CUMULATIVE,
            period_s=900.0,
            counter=Counter(width_bits=None, reset=Reset.NEVER),
        )
        points.append(point)
        observed = (ObservedSeries(series, point.point_id, role),)
        devices.append(
            Device(device_id, "energy", "simulated meter", "energy of the building", observed, accuracy=RESOLUTION_KWH)
        )
    return Outfit(tuple(points), tuple(devices))


def air(zones: Sequence[AirZone], zone_ids: Sequence[str], off: Sequence[str] = ()) -> Outfit:
    """Return a sensor for each zone of air; those of the points in ``off`` are always off."""
    points, devices = [], []
    for zone, zone_id in zip(zones, zone_ids, strict=True):
        device_id = f"{zone.point_id}-sensor"
        series = (
            _gauge(device_id, "carbon_dioxide", Unit.PPM),
            _gauge(device_id, "temperature", Unit.CELSIUS),
            _gauge(device_id, "relative_humidity", Unit.PERCENT),
        )
        points.append(Point(zone.point_id, "air", "air_zone", zone_id))
        devices.append(
            Device(
                device_id,
                "air",
                "simulated air sensor",
                "quality of the air",
                tuple(ObservedSeries(each, zone.point_id, each.quantity) for each in series),
                accuracy=CARBON_DIOXIDE_ACCURACY_PPM,
                outage=Outage(0, 24) if zone.point_id in off else None,
            )
        )
    return Outfit(tuple(points), tuple(devices))


def cabinets(cabinets: Sequence[Cabinet], zone_id: str, outage: Outage | None = None) -> Outfit:
    """Return a probe for each cabinet; a cabinet whose mean is below zero is a frozen one."""
    points, devices = [], []
    for cabinet in cabinets:
        kind = FROZEN_KIND if cabinet.mean_c < 0 else CHILLED_KIND
        device_id = f"{cabinet.point_id}-probe"
        points.append(Point(cabinet.point_id, "cold_chain", kind, zone_id))
        observed = (ObservedSeries(_gauge(device_id, "temperature", Unit.CELSIUS), cabinet.point_id, "air"),)
        devices.append(
            Device(
                device_id,
                "cold_chain",
                "simulated probe",
                "temperature of goods",
                observed,
                accuracy=PROBE_ACCURACY_C,
                outage=outage,
            )
        )
    return Outfit(tuple(points), tuple(devices))


def parking(store_id: str, zone_id: str, bays: int) -> Outfit:
    """Return bays and one controller with a channel for each."""
    device_id = f"{store_id}-bay-controller"
    points = tuple(Point(f"{store_id}-bay-{bay}", "parking", "parking_bay", zone_id) for bay in range(1, bays + 1))
    observed = tuple(
        ObservedSeries(
            Series(
                device=device_id,
                quantity="bay_occupied",
                channel=f"bay-{bay}",
                unit=Unit.STATE,
                kind=Kind.STATE,
                period_s=3600.0,
            ),
            point.point_id,
            "bay",
        )
        for bay, point in enumerate(points, start=1)
    )
    device = Device(device_id, "parking", "simulated bay controller", "occupancy of bays, without plates", observed)
    return Outfit(points, (device,))


def screens(store_id: str, zone_id: str, count: int) -> Outfit:
    """Return screens, each with a player of its own."""
    points = tuple(Point(f"{store_id}-screen-{n}", "screens", "screen", zone_id) for n in range(1, count + 1))
    devices = []
    for point in points:
        device_id = f"{point.point_id}-player"
        series = (_state(device_id, "screen_online"), _interval(device_id, "screen_plays", 900.0))
        observed = tuple(ObservedSeries(each, point.point_id, each.quantity) for each in series)
        devices.append(Device(device_id, "screens", "simulated signage player", "what screens play", observed))
    return Outfit(points, tuple(devices))


def checkouts(store_id: str, zone_id: str, count: int) -> Outfit:
    """Return self-checkouts and the one system that speaks for them, with a channel for each."""
    device_id = f"{store_id}-checkout-system"
    points, observed = [], []
    for lane in (f"lane-{n}" for n in range(1, count + 1)):
        point = Point(f"{store_id}-checkout-{lane}", "checkout", "self_checkout", zone_id)
        points.append(point)
        series = (
            _state(device_id, "equipment_running", lane),
            _state(device_id, "equipment_fault", lane),
            _interval(device_id, "transactions", 900.0, lane),
            _interval(device_id, "items_scanned", 900.0, lane),
        )
        observed += [ObservedSeries(each, point.point_id, each.quantity) for each in series]
    purpose = "state of self-checkouts and sums of baskets, without customers"
    return Outfit(
        tuple(points), (Device(device_id, "checkout", "simulated checkout system", purpose, tuple(observed)),)
    )


def _state(device_id: str, quantity: str, channel: str = "") -> Series:
    return Series(
        device=device_id, quantity=quantity, channel=channel, unit=Unit.STATE, kind=Kind.STATE, period_s=300.0
    )


def _interval(device_id: str, quantity: str, period_s: float, channel: str = "") -> Series:
    return Series(
        device=device_id, quantity=quantity, channel=channel, unit=Unit.COUNT, kind=Kind.INTERVAL, period_s=period_s
    )


def _gauge(device_id: str, quantity: str, unit: Unit, channel: str = "") -> Series:
    return Series(device=device_id, quantity=quantity, channel=channel, unit=unit, kind=Kind.GAUGE, period_s=60.0)
