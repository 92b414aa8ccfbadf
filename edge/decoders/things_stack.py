"""The envelope in which The Things Stack v3 delivers an uplink of a LoRaWAN device, over MQTT or by webhook.

The stack leaves out what is 0, false or empty. What absence means is therefore decided field by field:

- ``f_cnt`` and ``f_port``: absent is 0 (the first uplink after a join has no ``f_cnt``).
- ``frm_payload``: the device's own bytes, in which nothing is left out. They are read wherever they are there, and
  ``decoded_payload``, which the network's formatter made of them, only where they are not.
- a measured value in ``decoded_payload``: absent is absent, and no reading comes of it, with one exception: of values
  that a device sends in one indivisible field, such as entries and exits of a period, the presence of one proves that
  the other was sent, so its absence is the zero that was left out.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from edge.decoders.counting import Parts
from edge.decoders.decoder import Arrival, ClockOptions, Decoded, NameableOptions, PayloadRefusedError
from edge.decoders.device_series import series
from edge.decoders.device_time import clock_flags, stated
from edge.decoders.identity import eui_64
from edge.decoders.reading_json import count, json_object, text
from edge.wire.series import Kind, Reset

_OTHER_MESSAGES = (
    "join_accept",
    "downlink_ack",
    "downlink_nack",
    "downlink_sent",
    "downlink_failed",
    "downlink_queued",
    "downlink_queue_invalidated",
    "location_solved",
    "service_data",
    "uplink_normalized",
)

ENVELOPE = frozenset(
    """
    uplink_message simulated received_at end_device_ids dev_eui f_port f_cnt frm_payload decoded_payload
    """.split()
).union(_OTHER_MESSAGES)
"""What is read of every envelope."""


class UplinkOptions(NameableOptions, ClockOptions):
    """What every decoder of a LoRaWAN device can be told; its name is its ``dev_eui`` in lower case unless given."""


@dataclass(frozen=True, slots=True)
class Uplink:
    """An uplink: ``at_us`` is when the network received it; either ``payload`` or ``decoded`` is there."""

    device: str
    at_us: int
    flags: int
    port: int
    sequence: float
    payload: bytes
    decoded: dict[str, Any]


def uplink(arrival: Arrival, options: UplinkOptions) -> Uplink:
    """Return the uplink in an envelope.

    Refusals: ``not_an_uplink`` for the stack's other messages, ``simulated`` for one that no device sent,
    ``empty_uplink`` without data, ``device``, ``time``, ``not_base64``, and those of reading JSON.
    """
    document = json_object(arrival.payload)
    message = document.get("uplink_message")
    if not isinstance(message, dict):
        kind = next((name for name in _OTHER_MESSAGES if name in document), "another message")
        raise PayloadRefusedError("not_an_uplink", f"the envelope holds {kind}, not uplink_message")
    if document.get("simulated"):
        raise PayloadRefusedError("simulated", "the stack says that this uplink was simulated; no device sent it")
    payload, decoded = _data(message)
    if not payload and not decoded:
        raise PayloadRefusedError("empty_uplink", "the uplink has neither frm_payload nor decoded_payload")
    at_us, flags = _received(message.get("received_at", document.get("received_at")), arrival, options)
    ids = document.get("end_device_ids")
    device = eui_64(options.device, ids.get("dev_eui") if isinstance(ids, dict) else None)
    port, sequence = (count(message.get(name, 0), name) for name in ("f_port", "f_cnt"))
    return Uplink(device, at_us, flags, int(port), sequence, payload, decoded)


def outcome(up: Uplink, parts: Parts) -> Decoded:
    """Return what was collected of an uplink, with the uplink's own number; a refusal where nothing was."""
    parts.outcome()
    number = series(up.device, "message_sequence", "", Kind.CUMULATIVE, reset=Reset.UNKNOWN, width_bits=32)
    parts.add(number, up.at_us, up.sequence, up.flags)
    return parts.decoded()


def _data(message: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    decoded = message.get("decoded_payload", {})
    if not isinstance(decoded, dict):
        raise PayloadRefusedError("not_an_object", "decoded_payload is not an object")
    try:
        payload = base64.b64decode(text(message.get("frm_payload", ""), "frm_payload", 1024), validate=True)
    except (binascii.Error, ValueError) as error:
        if isinstance(error, PayloadRefusedError):
            raise
        raise PayloadRefusedError("not_base64", "frm_payload is not base64") from None
    return payload, decoded


def _received(stamp: Any, arrival: Arrival, options: UplinkOptions) -> tuple[int, int]:
    if stamp is None:
        return arrival.at_us, 0
    at_us, flags = stated(text(stamp, "received_at"), None)
    return at_us, clock_flags(at_us, arrival.at_us, options.clock_allowed_s, flags)


def complete(decoded: dict[str, Any], fields_sent_together: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
    """Return the fields with the zeros that the stack left out of fields that a device sends together.

    Examples
    --------
    >>> complete({"period_in": 4}, (("period_in", "period_out"), ("total_in", "total_out")))
    {'period_in': 4, 'period_out': 0}
    """
    completed = decoded.copy()
    for group in fields_sent_together:
        if any(name in decoded for name in group):
            completed.update({name: 0 for name in group if name not in decoded})
    return completed
