"""Bosch TPS110 parking sensor over LoRaWAN, through The Things Stack.

It reports a change of its bay on port 1, a heartbeat with the same state on port 2, and its start with the state that
it found on port 3. The stack leaves out ``occupied`` where it is false: beside the type that proves the report, its
absence is that.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import Field

from edge.decoders.counting import Parts
from edge.decoders.decoder import Arrival, Decoded, Decoder, MadeFrom, PayloadRefusedError
from edge.decoders.device_series import series
from edge.decoders.reading_json import number
from edge.decoders.things_stack import ENVELOPE, Uplink, UplinkOptions, outcome, uplink
from edge.wire.series import Kind

_TYPES = {1: "parking status", 2: "heartbeat", 3: "startup"}
_STARTUP_BYTES = 17


class ParkingOptions(UplinkOptions):
    """Options of ``bosch_tps110``."""

    heartbeat_s: float | None = Field(default=None, gt=0, le=86_400)
    """Heartbeat as it is set in the device: the longest silence to expect of it."""


class _Report(NamedTuple):
    occupied: bool
    temperature: float | None
    started: bool


def _decode(arrival: Arrival, options: ParkingOptions) -> Decoded:
    up = uplink(arrival, options)
    report = _from_bytes(up) if up.payload else _from_fields(up.decoded)
    parts = Parts()
    bay = series(up.device, "bay_occupied", "", Kind.STATE, options.heartbeat_s)
    parts.add(bay, up.at_us, float(report.occupied), up.flags)
    if report.temperature is not None:
        parts.add(series(up.device, "temperature"), up.at_us, report.temperature, up.flags)
    if report.started:
        parts.add(series(up.device, "boot", kind=Kind.EVENT), up.at_us, 1.0, up.flags)
    return outcome(up, parts)


def _from_bytes(up: Uplink) -> _Report:
    kind, data = _TYPES.get(up.port), up.payload
    if kind is None:
        raise PayloadRefusedError("not_a_state", f"port {up.port} carries no state of the bay; ports 1 to 3 do")
    if kind == "startup":
        if len(data) < _STARTUP_BYTES:
            raise PayloadRefusedError("cut_off", "a start-up report has 17 bytes")
        return _Report(bool(data[_STARTUP_BYTES - 1] & 1), None, started=True)
    temperature = float(int.from_bytes(data[1:2], "little", signed=True)) if kind == "heartbeat" and data[1:] else None
    return _Report(bool(data[0] & 1), temperature, started=False)


def _from_fields(fields: dict[str, Any]) -> _Report:
    kind, occupied = fields.get("type"), fields.get("occupied", False)
    if kind not in _TYPES.values() or not isinstance(occupied, bool):
        raise PayloadRefusedError("not_a_state", "decoded_payload is no report of the bay's state")
    temperature = number(fields["temperature"], "temperature") if "temperature" in fields else None
    return _Report(occupied, temperature, started=kind == "startup")


TPS110 = Decoder(
    name="bosch_tps110",
    title="Bosch TPS110 parking sensor over LoRaWAN, through The Things Stack",
    made_from=MadeFrom.DOCUMENTATION,
    source="TheThingsNetwork/lorawan-devices, vendor/bosch, payload description and examples (facts only)",
    options=ParkingOptions,
    decode=_decode,
    fields=ENVELOPE | {"type", "occupied", "temperature"},
)
