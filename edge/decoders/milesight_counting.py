"""What Milesight's LoRaWAN people counters have in common: how their fields become counts, totals and occupancies.

Counts of a period become intervals that end when the device reported and last ``period_s``, as it is set in the
device; its running totals stay a series beside them. The counts of a period that a threshold alarm carries are those
of a period that is still running: they come again in the report that closes it, so they aren't read. Counts of
children aren't read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import Field

from edge.decoders.counting import Parts
from edge.decoders.decoder import Arrival, Decoded
from edge.decoders.device_series import series
from edge.decoders.device_time import clock_flags, epoch_us
from edge.decoders.milesight_lorawan import (
    FRAME_FIELDS,
    Frame,
    Gauge,
    PayloadFormat,
    Stamp,
    add_boot,
    add_gauges,
    frame_of,
    late,
    live,
)
from edge.decoders.reading_json import count, number
from edge.decoders.things_stack import ENVELOPE, Uplink, UplinkOptions, outcome, uplink
from edge.wire.batch import Flag
from edge.wire.series import Kind, Reset, Series

_MOST_IN_A_BYTE = 255
_RESETS = frozenset({"clear_total_count", "reset_cumulative", "reset_cumulative_in", "reset_cumulative_out"})
_COMMON = (
    ENVELOPE | FRAME_FIELDS | _RESETS | {"timestamp", "period_count_alarm", "people_count_all", "people_count_max"}
)


class CounterOptions(UplinkOptions):
    """Options of a people counter."""

    period_s: float = Field(gt=0, le=86_400)
    """Report interval as it is set in the device; the uplink doesn't state it."""
    history: bool = True
    """Whether history is read; switch it off where it is fetched by command though its live values arrived."""


class Flow(NamedTuple):
    """The four fields of one line: counts of the period, and running totals."""

    channel: str
    entries: str
    exits: str
    entries_total: str
    exits_total: str


class Model(NamedTuple):
    """What one decoder reads: payload format, lines, width of their totals, regions, and other levels."""

    form: PayloadFormat
    flows: tuple[Flow, ...]
    width_bits: Literal[16, 32]
    regions: int = 0
    gauges: tuple[Gauge, ...] = ()
    faults: Callable[[Frame], Sequence[tuple[str, bool]]] = lambda _: ()
    """Conditions under which counts may be wrong, by the channel that names them, as raised and released in turn."""
    fault_fields: frozenset[str] = frozenset()
    """What ``faults`` reads."""

    @property
    def fields(self) -> frozenset[str]:
        """What is read of the network's decoding."""
        regions = {f"region_{n}_{what}" for n in range(1, self.regions + 1) for what in ("count", "avg_dwell")}
        counted = {name for flow in self.flows for name in flow[1:]}
        levels = {gauge.field for gauge in self.gauges}
        return _COMMON.union(self.fault_fields, regions, counted, levels)


def decode(model: Model, arrival: Arrival, options: CounterOptions) -> Decoded:
    """Return what an uplink of a counter says; refusals as ``uplink`` raises them."""
    up = uplink(arrival, options)
    parts = Parts()
    frame = frame_of(up, model.form, parts)
    stamp = _stamp(frame, up, options, parts)
    faults = model.faults(frame)
    for channel, raised in faults:
        parts.add(series(stamp.device, "equipment_fault", channel, Kind.STATE), stamp.t_us, float(raised), stamp.flags)
    suspect = Flag.SUSPECT if any(raised for _, raised in faults) else Flag.NONE
    _add_counts(parts, model, options, stamp._replace(flags=stamp.flags | suspect), frame.fields)
    add_gauges(parts, stamp, frame.fields, model.gauges)
    for entry in frame.history if options.history else ():
        with parts.part():
            _add_counts(parts, model, options, late(up, entry), entry)
    _add_resets(parts, up, frame.fields)
    add_boot(parts, up, frame.fields)
    passed_over = frame.history or "period_count_alarm" in frame.fields
    return parts.decoded() if passed_over and parts.is_empty else outcome(up, parts)


def _stamp(frame: Frame, up: Uplink, options: CounterOptions, parts: Parts) -> Stamp:
    if "timestamp" in frame.fields:
        with parts.part():
            stated_us = epoch_us(number(frame.fields["timestamp"], "timestamp"))
            return Stamp(up.device, stated_us, clock_flags(stated_us, up.at_us, options.clock_allowed_s, up.flags))
    return live(up)


def _add_counts(parts: Parts, model: Model, options: CounterOptions, stamp: Stamp, fields: dict[str, Any]) -> None:
    start_us = stamp.t_us - round(options.period_s * 1_000_000)
    for flow in model.flows:
        for quantity, name in (("entries", flow.entries), ("exits", flow.exits)):
            if name in fields and "period_count_alarm" not in fields:
                with parts.part():
                    counted = series(stamp.device, quantity, flow.channel, Kind.INTERVAL, options.period_s)
                    parts.add(counted, start_us, count(fields[name], name), stamp.flags)
        for quantity, name in (("entries_total", flow.entries_total), ("exits_total", flow.exits_total)):
            if name in fields:
                with parts.part():
                    total = _total(stamp.device, quantity, flow.channel, model)
                    parts.add(total, stamp.t_us, count(fields[name], name), stamp.flags)
    _add_regions(parts, stamp, fields, model.regions)


def _total(device: str, quantity: str, channel: str, model: Model) -> Series:
    return series(device, quantity, channel, Kind.CUMULATIVE, reset=Reset.UNKNOWN, width_bits=model.width_bits)


def _add_regions(parts: Parts, stamp: Stamp, fields: dict[str, Any], regions: int) -> None:
    names = {f"region_{n}_count": f"region-{n}" for n in range(1, regions + 1)}
    levels = {name: ("occupancy", channel) for name, channel in {"people_count_all": "", **names}.items()}
    for name, (quantity, channel) in {**levels, "people_count_max": ("occupancy_max", "")}.items():
        if name in fields:
            with parts.part():
                present = count(fields[name], name)
                full = Flag.OUT_OF_RANGE if present >= _MOST_IN_A_BYTE else Flag.NONE
                parts.add(series(stamp.device, quantity, channel), stamp.t_us, present, stamp.flags | full)
    dwell = tuple(Gauge(f"region_{n}_avg_dwell", "zone_dwell", f"region-{n}") for n in range(1, regions + 1))
    add_gauges(parts, stamp, fields, dwell)


def _add_resets(parts: Parts, up: Uplink, fields: dict[str, Any]) -> None:
    one_side = {1: "in", 2: "out"}.get(side) if isinstance(side := fields.get("reset_cumulative"), int) else None
    commanded = {
        "": fields.get("clear_total_count") not in (None, 0, "no"),
        "in": one_side == "in" or fields.get("reset_cumulative_in") == "yes",
        "out": one_side == "out" or fields.get("reset_cumulative_out") == "yes",
    }
    for channel in (name for name, is_so in commanded.items() if is_so):
        parts.add(series(up.device, "counter_reset", channel, Kind.EVENT), up.at_us, 1.0, up.flags)
