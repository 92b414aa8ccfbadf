"""IMBuildings people counter over LoRaWAN, through The Things Stack.

Counters a and b are the two orders in which its beams are broken, not in and out, so an option says which is which.
A report has the counts since the report before it and 16-bit running totals (variant 6), totals alone (variant 7), or
the battery alone (variant 8). Bytes are big-endian; a report with the vendor's header names its variant, one without
it is known by its port.
"""

from __future__ import annotations

import struct
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from edge.decoders.counting import Parts
from edge.decoders.decoder import Arrival, Decoded, Decoder, MadeFrom, PayloadRefusedError
from edge.decoders.device_series import series
from edge.decoders.reading_json import count, number
from edge.decoders.things_stack import ENVELOPE, Uplink, UplinkOptions, complete, outcome, uplink
from edge.wire.series import Kind, Reset

_HEADER = 10
_PEOPLE_COUNTER = 2
_FORMS = {
    6: (
        ">xHHHxHHB",
        ("battery_voltage", "counter_a", "counter_b", "total_counter_a", "total_counter_b", "payload_counter"),
    ),
    7: (">xHH", ("total_counter_a", "total_counter_b")),
    8: (">xHx", ("battery_voltage",)),
}
_VARIANT_OF_PORT = {26: 6, 27: 7, 28: 8}
_RESET = Reset.UNKNOWN
_SENT_TOGETHER = (("counter_a", "counter_b"), ("total_counter_a", "total_counter_b"))


class ImbuildingsOptions(UplinkOptions):
    """Options of ``imbuildings_people_counter``."""

    entries: Literal["a", "b"]
    """Which of the device's counters counts entries; the other one counts exits."""
    count_from: Literal["interval", "total"] = "interval"
    """Which of the two is counted: ``total`` where reports are also made on events, or without counts of a period."""
    period_s: float | None = Field(default=None, gt=0, le=86_400)
    """Report interval as it is set in the device; the uplink doesn't state it."""

    @model_validator(mode="after")
    def _interval_has_a_length(self) -> Self:
        if self.count_from == "interval" and self.period_s is None:
            msg = "name period_s, the report interval as it is set in the device, or count_from = 'total'"
            raise ValueError(msg)
        return self


def _decode(arrival: Arrival, options: ImbuildingsOptions) -> Decoded:
    up = uplink(arrival, options)
    fields = _fields(up)
    parts = Parts()
    sides = {"entries": options.entries, "exits": "b" if options.entries == "a" else "a"}
    for quantity, side in sides.items():
        _add_interval(parts, up, options, quantity, fields.get(f"counter_{side}"))
        _add_total(parts, up, options, quantity, fields.get(f"total_counter_{side}"))
    if "battery_voltage" in fields:
        with parts.part():
            voltage = number(fields["battery_voltage"], "battery_voltage")
            parts.add(series(up.device, "battery_voltage"), up.at_us, voltage, up.flags)
    if "payload_counter" in fields:
        with parts.part():
            report = series(up.device, "message_sequence", "report", Kind.CUMULATIVE, reset=_RESET, width_bits=8)
            parts.add(report, up.at_us, count(fields["payload_counter"], "payload_counter"), up.flags)
    return outcome(up, parts)


def _add_interval(parts: Parts, up: Uplink, options: ImbuildingsOptions, quantity: str, value: Any) -> None:
    if value is None or options.count_from == "total" or options.period_s is None:
        return
    with parts.part():
        counted = series(up.device, quantity, "", Kind.INTERVAL, options.period_s)
        parts.add(counted, up.at_us - round(options.period_s * 1_000_000), count(value, quantity), up.flags)


def _add_total(parts: Parts, up: Uplink, options: ImbuildingsOptions, quantity: str, value: Any) -> None:
    if value is None:
        return
    name = quantity if options.count_from == "total" else f"{quantity}_total"
    with parts.part():
        total = series(up.device, name, kind=Kind.CUMULATIVE, reset=_RESET, width_bits=16)
        parts.add(total, up.at_us, count(value, name), up.flags)


def _fields(up: Uplink) -> dict[str, Any]:
    if not up.payload:
        return complete(up.decoded, _SENT_TOGETHER)
    variant, body = _variant_and_body(up)
    form, names = _FORMS[variant]
    fields: dict[str, Any] = dict(zip(names, struct.unpack(form, body), strict=True))
    if "battery_voltage" in fields:
        fields["battery_voltage"] /= 100
    return fields


def _variant_and_body(up: Uplink) -> tuple[int, bytes]:
    """Return the variant and the report without its header; a refusal ``unknown_report`` where it is none of ours."""
    payload = up.payload
    for variant, (form, _) in _FORMS.items():
        size = struct.calcsize(form)
        if payload[:2] == bytes((_PEOPLE_COUNTER, variant)) and len(payload) == _HEADER + size:
            return variant, payload[_HEADER:]
        if _VARIANT_OF_PORT.get(up.port) == variant and len(payload) == size:
            return variant, payload
    raise PayloadRefusedError("unknown_report", "the uplink is not a people counter's report of variant 6, 7 or 8")


IMBUILDINGS = Decoder(
    name="imbuildings_people_counter",
    title="IMBuildings people counter over LoRaWAN, through The Things Stack",
    made_from=MadeFrom.DOCUMENTATION,
    source="TheThingsNetwork/lorawan-devices, vendor/imbuildings, payload description and example (facts only)",
    options=ImbuildingsOptions,
    decode=_decode,
    fields=ENVELOPE.union(*_SENT_TOGETHER, {"battery_voltage", "payload_counter"}),
)
