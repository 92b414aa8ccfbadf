"""Irisys Vector 4D counters: logs of count registers, posted by HTTP as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge.decoders.counting import Parts, stated_interval
from edge.decoders.decoder import Arrival, ClockOptions, Decoded, Decoder, MadeFrom, NameableOptions
from edge.decoders.device_series import series
from edge.decoders.device_time import clock_flags, stated
from edge.decoders.identity import ChannelName, device_identity
from edge.decoders.json_parts import as_object, list_at
from edge.decoders.reading_json import count, json_object, member, text
from edge.wire.batch import Flag
from edge.wire.series import Kind, Reset

_UTC = ZoneInfo("UTC")


class Register(BaseModel):
    """What a count register counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quantity: Literal["entries", "exits", "passages"]
    channel: ChannelName = ""


class IrisysOptions(NameableOptions, ClockOptions):
    """Options of ``irisys_vector``; the counter's name is its own serial (FriendlyDeviceSerial) unless given."""

    registers: Annotated[dict[int, Register], Field(min_length=1)]
    """What each register, by its RegisterId, counts; a register that is not named here is not read."""
    count_from: Literal["total", "interval"] = "total"
    """What is counted: the registers, which only grow, or their growth in each log period (LogPeriodValue, of later
    firmware; the registers are then kept beside it as the device's own totals)."""

    @model_validator(mode="after")
    def _one_register_a_series(self) -> Self:
        if len(set(self.registers.values())) < len(self.registers):
            msg = "registers gives two registers one quantity and channel, which would count them as one"
            raise ValueError(msg)
        return self


class _Log(NamedTuple):
    """One log, whose it is, how far its time is to be trusted, and when the device's clock was set."""

    document: dict[str, Any]
    device: str
    flags: int
    clock_set_us: Sequence[int]


def decode(arrival: Arrival, options: IrisysOptions) -> Decoded:
    """Read a post: its newest log is live, those before it are history that could not be posted in time."""
    document = json_object(arrival.payload)
    device = device_identity(options.device, document.get("FriendlyDeviceSerial"), serial=True)
    parts = Parts()
    clock_set_us: list[int] = []
    logs: list[tuple[float, dict[str, Any]]] = []
    for entry in list_at(document, "CountLogs"):
        with parts.part():
            log = as_object(entry, "CountLogs")
            if "ClockChangedFrom" in log:
                set_us = _instant(log, "Timestamp")
                clock_set_us.append(set_us)
                ahead_s = (_instant(log, "ClockChangedFrom") - set_us) / 1_000_000
                parts.add(series(device, "clock_offset"), set_us, ahead_s)
            else:
                logs.append((_count(log, "LogEntryId"), log))
    newest = max((number for number, _ in logs), default=0)
    read = _registers if options.count_from == "total" else _growth
    for number, log in logs:
        with parts.part():
            end_us = _instant(log, "Timestamp")
            off = clock_flags(end_us, arrival.at_us, options.clock_allowed_s)
            flags = off if number == newest else Flag.LATE
            sequence = series(device, "message_sequence", "", Kind.CUMULATIVE, reset=Reset.UNKNOWN)
            parts.add(sequence, end_us, number, flags)
            read(parts, _Log(log, device, flags, clock_set_us), options)
    return parts.decoded()


def _registers(parts: Parts, log: _Log, options: IrisysOptions) -> None:
    end_us = _instant(log.document, "Timestamp")
    for entry in list_at(log.document, "Counts"):
        with parts.part():
            register = _register(entry, options)
            if register is not None:
                quantity, channel = register.quantity, register.channel
                total = series(log.device, quantity, channel, Kind.CUMULATIVE, reset=Reset.POWER_ON)
                parts.add(total, end_us, _count(entry, "Value"), log.flags)


def _growth(parts: Parts, log: _Log, options: IrisysOptions) -> None:
    start, end = _time(log.document, "StartTimestamp"), _time(log.document, "Timestamp")
    interval, end_us = stated_interval(start, end, _UTC), _instant(log.document, "Timestamp")
    # The clock was set within the log period, whose length that falsifies.
    falsified = any(interval.start_us < set_us <= end_us for set_us in log.clock_set_us)
    flags = log.flags | (Flag.CLOCK_SUSPECT if falsified else Flag.NONE)
    for entry in list_at(log.document, "Counts"):
        with parts.part():
            register = _register(entry, options)
            if register is None:
                continue
            quantity, channel = register.quantity, register.channel
            with parts.part():
                counted = series(log.device, quantity, channel, Kind.INTERVAL, interval.length_s)
                parts.add(counted, interval.start_us, _count(entry, "LogPeriodValue"), flags)
            total = series(log.device, f"{quantity}_total", channel, Kind.CUMULATIVE, reset=Reset.POWER_ON)
            parts.add(total, end_us, _count(entry, "Value"), log.flags)


def _register(entry: Any, options: IrisysOptions) -> Register | None:
    return options.registers.get(int(_count(as_object(entry, "Counts"), "RegisterId")))


def _count(entry: dict[str, Any], name: str) -> float:
    return count(member(entry, name), name)


def _time(log: dict[str, Any], name: str) -> str:
    return text(member(log, name), name)


def _instant(log: dict[str, Any], name: str) -> int:
    return stated(_time(log, name), _UTC)[0]


IRISYS_VECTOR = Decoder(
    name="irisys_vector",
    title="Irisys Vector 4D counters: count logs posted by HTTP, JSON",
    made_from=MadeFrom.CAPTURE,
    source=(
        "the maker's sample post (register values); posts of two deployments, published in 2020 and 2022 "
        "(log periods, clock changes); the maker's support pages (registers return to zero on power-off)"
    ),
    options=IrisysOptions,
    decode=decode,
    fields=frozenset(
        """
        FriendlyDeviceSerial CountLogs LogEntryId Timestamp StartTimestamp ClockChangedFrom Counts RegisterId Value
        LogPeriodValue
        """.split()
    ),
)
