"""Shelf scales that publish by a Homie-style convention, as a self-service shop runs them (zeitlos).

The topic says of which scale a value is, the payload is the value as text: ``homie/<shelf>/scales/<scale>/mass`` in kg
by the shelf's own calibration, ``.../state`` and ``homie/<shelf>/state`` 1 or 0 by last will. A scale's id is a MAC
address: the option ``scales`` names device and channel of each. ``mass`` is retained by the broker: what comes upon
subscribing may be old, and a source must not hand it over as new.
"""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from edge.decoders.decoder import (
    Arrival,
    Decoded,
    Decoder,
    DecoderOptions,
    MadeFrom,
    NameableOptions,
    PayloadRefusedError,
)
from edge.decoders.device_series import series
from edge.decoders.identity import ChannelName, DeviceName, by_plain_address, device_identity, plain_address
from edge.decoders.reading_json import number, state
from edge.readings import Reading
from edge.wire.series import Kind

_TOPIC = re.compile(r"^homie/([^/]{1,64})/(?:scales/([^/]{1,32})/)?([^/]{1,64})$")


class ShelfScale(DecoderOptions):
    """The device and channel that stand for one scale."""

    device: DeviceName
    channel: ChannelName = ""


class HomieShelfOptions(NameableOptions):
    """Options of ``homie_shelf``: scales by their id, and the shelf's name where its topic's is not to be used."""

    scales: dict[str, ShelfScale] = Field(min_length=1)

    @field_validator("scales")
    @classmethod
    def _byplain_address(cls, scales: dict[str, ShelfScale]) -> dict[str, ShelfScale]:
        return by_plain_address(scales, "a device and channel")


def decode(arrival: Arrival, options: HomieShelfOptions) -> Decoded:
    """Return a mass or a state; nothing for the convention's other topics (raw values, calibration, commands)."""
    match = _TOPIC.match(arrival.topic)
    if match is None:
        if arrival.topic.startswith("homie/"):
            return Decoded()
        raise PayloadRefusedError("topic", "the topic is not homie/<shelf>/state or homie/<shelf>/scales/<scale>/...")
    shelf, scale, said = match[1], match[2], match[3]
    if said not in ({"mass", "state"} if scale else {"state"}):
        return Decoded()
    value = _text(arrival.payload)
    if scale is None:
        online = series(device_identity(options.device, shelf), "device_online", "", Kind.STATE)
        return Decoded((Reading(online, arrival.at_us, state(value, "state", on=("1",), off=("0",))),))
    named = options.scales.get(plain_address(scale))
    if named is None:
        raise PayloadRefusedError("unknown_scale", "the scale has no name in the decoder's option scales")
    if said == "state":
        online = series(named.device, "device_online", named.channel, Kind.STATE)
        return Decoded((Reading(online, arrival.at_us, state(value, "state", on=("1",), off=("0",))),))
    mass = series(named.device, "shelf_mass", named.channel)
    return Decoded((Reading(mass, arrival.at_us, number(value, "mass")),))


def _text(payload: bytes) -> str:
    if len(payload) > 64 or not payload.isascii():
        raise PayloadRefusedError("not_a_text", "the value is not a short plain text")
    return payload.decode("ascii").strip()


HOMIE_SHELF = Decoder(
    name="homie_shelf",
    title="Shelf scales of zeitlos, Homie-style MQTT: mass and state",
    made_from=MadeFrom.DOCUMENTATION,
    source="the shelf controller's README (topics, units, retained values) and its source for what is sent when; no "
    "capture",
    options=HomieShelfOptions,
    decode=decode,
    fields=frozenset(),
)
