"""A decoder for tests of sources: JSON ``{"value": 5}``, a list of such, with ``t_us`` where the time is stated."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edge.decoders import registry
from edge.decoders.decoder import Arrival, Decoded, Decoder, DecoderOptions, MadeFrom, PayloadRefusedError
from edge.readings import Reading
from edge.wire.model import Identifier
from edge.wire.series import Kind, Series, Unit


class PlainOptions(DecoderOptions):
    device: Identifier
    factor: float = 1.0
    kind: Kind = Kind.GAUGE


def decode(arrival: Arrival, options: PlainOptions) -> Decoded:
    if arrival.payload == b"heartbeat":
        return Decoded()
    if arrival.payload == b"defect":
        raise ZeroDivisionError("a secret is in this text")
    try:
        document = json.loads(arrival.payload)
    except ValueError:
        raise PayloadRefusedError("not_json", "the payload is not JSON", "kept") from None
    series = Series(device=options.device, quantity="temperature", unit=Unit.CELSIUS, kind=options.kind)
    readings, refused = [], []
    for each in document if isinstance(document, list) else [document]:
        try:
            readings.append(
                Reading(series, int(each.get("t_us", arrival.at_us)), float(each["value"]) * options.factor)
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            refused.append(PayloadRefusedError("value", "value is not a number"))
    return Decoded(readings, refused)


PLAIN = Decoder(
    name="plain",
    title="A decoder for tests",
    made_from=MadeFrom.DOCUMENTATION,
    source="this file",
    options=PlainOptions,
    decode=decode,
    fields=frozenset({"value", "t_us"}),
)


def known(monkeypatch: pytest.MonkeyPatch, *decoders: Decoder[Any]) -> None:
    """Have these decoders known beside the project's own."""
    monkeypatch.setattr(registry, "DECODERS", dict(registry.DECODERS) | {each.name: each for each in decoders})
