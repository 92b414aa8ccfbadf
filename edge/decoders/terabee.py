"""Terabee People Flow Counting L and XL over LoRaWAN, through The Things Stack.

The counters grow from power-on, in 32 bits, and there are no counts of a period beside them. Bytes are big-endian.
"""

from __future__ import annotations

import struct
from typing import Any

from edge.decoders.counting import Parts
from edge.decoders.decoder import Arrival, Decoded, Decoder, MadeFrom, PayloadRefusedError
from edge.decoders.device_series import series
from edge.decoders.json_parts import object_if_there
from edge.decoders.reading_json import count, member
from edge.decoders.things_stack import ENVELOPE, Uplink, UplinkOptions, complete, outcome, uplink
from edge.wire.batch import Flag
from edge.wire.series import Kind, Reset

_COUNTS_PORT, _COMMANDS_PORT = 1, 2
_CONDITIONS = ("TPC_STOPPED", "TPC_STUCK", "MULTI_DEV_ISSUE")
"""Bits 0 to 2 of the flags: counting stopped, or stuck, or devices that are joined don't work together."""
_RESET_DONE = b"\xff\x01"
_RESET_FAILED = 0xFF


def _decode(arrival: Arrival, options: UplinkOptions) -> Decoded:
    up = uplink(arrival, options)
    parts = Parts()
    if _is_reset(up):
        parts.add(series(up.device, "counter_reset", kind=Kind.EVENT), up.at_us, 1.0, up.flags)
        return outcome(up, parts)
    counts, suspect = _counts(up)
    flags = up.flags | (Flag.SUSPECT if suspect else Flag.NONE)
    for quantity, name in (("entries", "count_in"), ("exits", "count_out")):
        with parts.part():
            total = series(up.device, quantity, kind=Kind.CUMULATIVE, reset=Reset.POWER_ON, width_bits=32)
            parts.add(total, up.at_us, count(member(counts, name), name), flags)
    return outcome(up, parts)


def _is_reset(up: Uplink) -> bool:
    """Return whether the device confirms that it was told to return its counters to zero."""
    if up.payload:
        return up.port == _COMMANDS_PORT and up.payload[:2] == _RESET_DONE and up.payload[2:3] != bytes([_RESET_FAILED])
    command = object_if_there(up.decoded, "cmd") or {}
    return command.get("name") == "CMD_CNT_RST" and command.get("success") is True


def _counts(up: Uplink) -> tuple[dict[str, Any], bool]:
    if up.payload:
        if up.port != _COUNTS_PORT:
            raise PayloadRefusedError(
                "not_a_count", f"port {up.port} carries answers to commands; counts are on port 1"
            )
        try:
            count_in, count_out, bits = struct.unpack(">IIB", up.payload)
        except struct.error:
            raise PayloadRefusedError("cut_off", "a count has nine bytes") from None
        return {"count_in": count_in, "count_out": count_out}, bool(bits & 0b111)
    # Both counts and the flags are one field of nine bytes: the presence of any of them proves that all were sent.
    counts = complete(up.decoded, (("count_in", "count_out", "flags"),))
    if "count_in" not in counts:
        raise PayloadRefusedError("not_a_count", "decoded_payload holds no counts")
    raised = object_if_there(up.decoded, "flags") or {}
    return counts, any(raised.get(name) not in (None, 0, False) for name in _CONDITIONS)


TERABEE = Decoder(
    name="terabee_people_flow",
    title="Terabee People Flow Counting L and XL over LoRaWAN, through The Things Stack",
    made_from=MadeFrom.DOCUMENTATION,
    source="TheThingsNetwork/lorawan-devices, vendor/terabee, payload description and examples (facts only)",
    options=UplinkOptions,
    decode=_decode,
    fields=ENVELOPE.union(_CONDITIONS, {"cmd", "name", "success", "count_in", "count_out", "flags"}),
)
