"""``smartstore-edge try``: what a map makes of a payload, before the agent runs with it."""

from __future__ import annotations

import argparse
import struct
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from edge.configuration import ConfigurationError, read_configuration
from edge.decoders.decoder import Arrival, Decoded, PayloadRefusedError
from edge.readings import Reading
from edge.wire.batch import Flag

if TYPE_CHECKING:
    from edge.decoders.modbus_map import ModbusMap

_READ, _REFUSED, _UNUSABLE = 0, 1, 2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNNAMED = "device"
"""Name in what is shown, where neither map nor command names the device."""


class _AnyMap(BaseModel):
    """The one key that tells the kinds of map apart."""

    model_config = ConfigDict(extra="ignore")

    format: Literal["json", "modbus", "bacnet"]


def add_parser(commands: Any) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser("try", help="show the readings that a map makes of a payload, or why it is refused")
    parser.add_argument("map", type=Path, help="the map's TOML file")
    parser.add_argument(
        "payload", help="file with the payload, or - for standard input; of Modbus, JSON of a block or registers in hex"
    )
    parser.add_argument("--device", help="name of the device, where the map names none")
    parser.add_argument("--topic", default="", help="MQTT topic or HTTP path on which the payload would arrive")
    parser.add_argument("--at", type=_instant, help="when it would arrive, ISO 8601 with an offset; now unless given")
    parser.add_argument(
        "--start", type=int, help="address of the first register in hex, from 0; the map's lowest unless given"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the readings, or the reasons in words; returns 0, 1 where something is refused, 2 where a file is wrong."""
    try:
        decoded = _decode(options)
    except (ConfigurationError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return _UNUSABLE
    except PayloadRefusedError as refused:
        decoded = Decoded(refused=(refused,))
    lines = [_told(reading) for reading in decoded.readings]
    lines += [f"refused  {refused.reason}: {refused.detail}" for refused in decoded.refused]
    sys.stdout.write("".join(f"{line}\n" for line in lines or ["nothing to read: the map ignores what is there"]))
    return _REFUSED if decoded.refused else _READ


def _decode(options: argparse.Namespace) -> Decoded:
    from edge.decoders import bacnet_map, json_map, modbus_map  # noqa: PLC0415 - other commands start without the decoders

    payload = sys.stdin.buffer.read() if options.payload == "-" else Path(options.payload).read_bytes()
    at_us = time.time_ns() // 1000 if options.at is None else (options.at - _EPOCH) // timedelta(microseconds=1)
    form = read_configuration(options.map, _AnyMap).format
    if form == "json":
        paths = read_configuration(options.map, json_map.JsonMap)
        return json_map.decode_with(paths, Arrival(payload, at_us, options.topic), options.device)
    if form == "bacnet":
        objects = read_configuration(options.map, bacnet_map.BacnetMap)
        return bacnet_map.decode_with(objects, Arrival(payload, at_us), options.device or objects.device or _UNNAMED)
    registers = read_configuration(options.map, modbus_map.ModbusMap)
    device = options.device or registers.device or _UNNAMED
    return modbus_map.decode_with(registers, Arrival(_block(registers, payload, options.start), at_us), device)


def _block(described: ModbusMap, payload: bytes, start: int | None) -> bytes:
    """Return a block as JSON: the payload itself, or the registers that it writes in hexadecimal, two bytes each."""
    from edge.decoders.modbus_registers import RegisterBlock  # noqa: PLC0415 - as above

    if payload.lstrip().startswith(b"{"):
        return payload
    try:
        packed = bytes.fromhex(payload.decode().replace("0x", " "))
        registers = struct.unpack(f">{len(packed) // 2}H", packed)
    except (ValueError, struct.error):
        raise PayloadRefusedError("not_hex", "the payload is neither JSON nor registers in hexadecimal") from None
    first = described.requests()[0]
    return RegisterBlock(first.table, first.start if start is None else start, registers).payload()


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        msg = "the time needs an offset, such as Z or +08:00"
        raise argparse.ArgumentTypeError(msg)
    return moment


def _told(reading: Reading) -> str:
    of = reading.series
    instant = (_EPOCH + timedelta(microseconds=reading.t_us)).isoformat().replace("+00:00", "Z")
    channel = f"[{of.channel}]" if of.channel else ""
    period = f" of {of.period_s:g} s" if of.period_s is not None else ""
    flags = " ".join(flag.name.lower() for flag in Flag if flag and reading.flags & flag and flag.name)
    told = f"reading  {of.device} {of.quantity}{channel} = {reading.value:.12g} {of.unit.value}"
    return f"{told} ({of.kind.value}{period}) at {instant}{f' flagged {flags}' if flags else ''}"
