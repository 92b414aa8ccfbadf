"""ACME gates: passages of the last minute as JSON, ``{"gate": "north", "at": 1772413500, "in": "3", "out": "5"}``."""

from __future__ import annotations

from edge.decoders.counting import Parts
from edge.decoders.decoder import Arrival, ClockOptions, Decoded, Decoder, MadeFrom, NameableOptions
from edge.decoders.device_series import series
from edge.decoders.device_time import clock_flags, epoch_us
from edge.decoders.identity import device_identity
from edge.decoders.reading_json import count, json_object, member, number
from edge.wire.series import Kind

_MINUTE_S = 60.0


class AcmeGateOptions(NameableOptions, ClockOptions):
    """Options of ``acme_gate``; the gate's name is its own unless given."""


def decode(arrival: Arrival, options: AcmeGateOptions) -> Decoded:
    """Return the passages of a minute."""
    document = json_object(arrival.payload)
    device = device_identity(options.device, document.get("gate"))
    start_us = epoch_us(number(member(document, "at"), "at"))
    flags = clock_flags(start_us, arrival.at_us, options.clock_allowed_s)
    parts = Parts()
    for name, quantity in (("in", "entries"), ("out", "exits")):
        with parts.part():
            counted = series(device, quantity, "", Kind.INTERVAL, _MINUTE_S)
            parts.add(counted, start_us, count(member(document, name), name), flags)
    return parts.decoded()


ACME_GATE = Decoder(
    name="acme_gate",
    title="ACME gates, JSON over MQTT",
    made_from=MadeFrom.DOCUMENTATION,
    source="ACME gate protocol 1.2, section 4",
    options=AcmeGateOptions,
    decode=decode,
    fields=frozenset({"gate", "at", "in", "out"}),
)
