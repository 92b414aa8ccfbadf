"""Self-checkout events of the RTSF at Checkout reference design (EdgeX): scans, payments, the security scale.

By MQTT an event is JSON text inside a JSON wrapper, ``{"name": ..., "cmd": "scale-item", "scale-item": "{...}"}``; by
REST it is the body, and the path ends with its kind. ``event_time`` is documented as nanoseconds, the documented
samples are in units of 100 microseconds, the scale's driver sends milliseconds and the tests seconds: the unit is the
one that puts the time between the years 2000 and 2100; no two of them can. A paid basket is one transaction, counted
at ``payment-success`` alone. Customers, employees, baskets and products are not read.
"""

from __future__ import annotations

import re
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from edge.decoders.decoder import Arrival, ClockOptions, Decoded, Decoder, MadeFrom, NamedOptions, PayloadRefusedError
from edge.decoders.device_series import series
from edge.decoders.device_time import clock_flags
from edge.decoders.identity import looks_like_mac
from edge.decoders.json_parts import as_object
from edge.decoders.measuring import scaled
from edge.decoders.reading_json import count, json_object, member, number, text
from edge.readings import Reading
from edge.wire.series import Kind

_KINDS = frozenset(
    {
        "basket-open",
        "scanned-item",
        "payment-start",
        "payment-success",
        "basket-close",
        "scale-item",
        "cv-roi-event",
        "rfid-roi-event",
    }
)
_KILOGRAMS = MappingProxyType(
    {"kg": Decimal(1), "g": Decimal("0.001"), "lbs": Decimal("0.45359237"), "oz": Decimal("0.028349523125")}
)
_PIECES = frozenset({"EA", "Each"})
_TICKS_PER_SECOND = (1, 1_000, 10_000, 1_000_000, 1_000_000_000)
_YEAR_2000_S, _YEAR_2100_S = 946_684_800, 4_102_444_800
_NAME = re.compile(r"^[A-Za-z0-9_-]{1,15}$")


class RtsfCheckoutOptions(NamedOptions, ClockOptions):
    """Options of ``rtsf_checkout``: ``device`` names the checkout system; its lanes are the channels."""


def decode(arrival: Arrival, options: RtsfCheckoutOptions) -> Decoded:
    """Return the scan, payment or mass that an event tells of; nothing for the other events of the design."""
    kind, event = _event(json_object(arrival.payload), arrival.topic)
    if kind not in {"scanned-item", "payment-success", "scale-item"}:
        return Decoded()
    t_us = _event_us(event)
    flags = clock_flags(t_us, arrival.at_us, options.clock_allowed_s)
    lane = _name(event, "lane_id")
    if kind == "scale-item":
        # The documented event has scale_id, the documented wrapper's ScaleId: one field, two spellings.
        scale = _name(event, "scale_id" if "scale_id" in event else "ScaleId")
        of, value = series(options.device, "scale_mass", f"{lane}.{scale}"), _kilograms(event)
    elif kind == "scanned-item":
        of, value = series(options.device, "items_scanned", lane, Kind.EVENT), _items(event)
    else:
        of, value = series(options.device, "transactions", lane, Kind.EVENT), 1.0
    return Decoded((Reading(of, t_us, value, flags),))


def _event(document: dict[str, Any], topic: str) -> tuple[str, dict[str, Any]]:
    """Return an event's kind and content, unwrapped where it came in a wrapper."""
    if "cmd" not in document:
        return _known(topic.rpartition("/")[2]), document
    kind = _known(text(document["cmd"], "cmd"))
    inner = member(document, kind)
    if isinstance(inner, str):
        return kind, json_object(inner.encode("utf-8", "replace"))
    return kind, as_object(inner, kind)


def _known(kind: str) -> str:
    if kind not in _KINDS:
        raise PayloadRefusedError("unknown_event", "neither cmd nor the path's end is an event of the design")
    return kind


def _event_us(event: dict[str, Any]) -> int:
    ticks = number(member(event, "event_time"), "event_time")
    for per_second in _TICKS_PER_SECOND:
        if _YEAR_2000_S <= ticks / per_second < _YEAR_2100_S:
            return round(ticks * (1_000_000 / per_second))
    raise PayloadRefusedError("time", "event_time is not between the years 2000 and 2100 in any unit that is sent")


def _name(event: dict[str, Any], name: str) -> str:
    found = text(member(event, name), name)
    if not _NAME.match(found) or looks_like_mac(found):
        raise PayloadRefusedError(
            "identity", f"{name} is not 1 to 15 letters, digits, - or _, or is a hardware address"
        )
    return found


def _items(event: dict[str, Any]) -> float:
    """Return the pieces of a scan; goods sold by mass are one item, whatever they weigh."""
    unit = text(member(event, "quantity_unit"), "quantity_unit")
    if unit in _PIECES:
        return count(member(event, "quantity"), "quantity")
    if unit in _KILOGRAMS:
        return 1.0
    raise PayloadRefusedError("unit", "quantity_unit is not one of EA, Each, lbs, g, kg and oz")


def _kilograms(event: dict[str, Any]) -> float:
    unit = text(member(event, "units"), "units")
    if unit not in _KILOGRAMS:
        raise PayloadRefusedError("unit", "units is not one of lbs, g, kg and oz")
    return scaled(number(member(event, "total"), "total"), _KILOGRAMS[unit])


RTSF_CHECKOUT = Decoder(
    name="rtsf_checkout",
    title="RTSF at Checkout self-checkout events (EdgeX, REST or MQTT)",
    made_from=MadeFrom.DOCUMENTATION,
    source="the reference design's pages on events and device services, its data dictionary, and its source where the "
    "pages contradict themselves (time unit, scale_id); no capture",
    options=RtsfCheckoutOptions,
    decode=decode,
    fields=_KINDS
    | {"cmd", "event_time", "lane_id", "scale_id", "ScaleId", "total", "units", "quantity", "quantity_unit"},
)
