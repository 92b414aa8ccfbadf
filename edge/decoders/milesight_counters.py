"""Milesight's LoRaWAN people counters VS121, VS133, VS135, VS350, VS351 and VS360, through The Things Stack."""

from __future__ import annotations

from functools import partial

from edge.decoders.decoder import Decoder, MadeFrom
from edge.decoders.milesight_counting import CounterOptions, Flow, Model, decode
from edge.decoders.milesight_lorawan import (
    ATTRIBUTES,
    BATTERY,
    SOURCE,
    TEMPERATURE,
    Channel,
    Frame,
    Gauge,
    Into,
    PayloadFormat,
)

_RESET_ONE_SIDE = Channel("B", ("reset_cumulative",))
_PERIOD = Channel("HH", ("period_in", "period_out"))
_TOTAL = Channel("HH", ("total_in", "total_out"))
_OCCLUSIONS = {
    "master_occlusion_alarm": "occlusion-master",
    "node_0_occlusion_alarm": "occlusion-master",
    **{f"node_{n}_occlusion_alarm": f"occlusion-node-{n}" for n in range(1, 5)},
}
_BEAM_FAULTS = {
    "counting anomaly": "counting",
    "node device without response": "node",
    "devices misaligned": "alignment",
}


def _occlusions(frame: Frame) -> list[tuple[str, bool]]:
    """Return the occlusion alarms of a VS133 or VS135, whose node 0 is the master."""
    states = ((channel, frame.fields.get(name)) for name, channel in _OCCLUSIONS.items())
    known = (1, "alarm_triggered"), (0, "alarm_released")
    return [(channel, state in known[0]) for channel, state in states if state in known[0] or state in known[1]]


def _beam_faults(frame: Frame) -> list[tuple[str, bool]]:
    """Return the alarms of a VS360's pair of beams, in the order in which they were raised and released."""
    found = []
    for event in frame.events:
        kind, status = event.get("type"), event.get("status")
        by_number = dict(enumerate(_BEAM_FAULTS.values()))
        channel = _BEAM_FAULTS.get(kind.lower()) if isinstance(kind, str) else None
        channel = by_number.get(kind) if isinstance(kind, int) else channel
        if channel is not None and status in (0, 1, "Alarm", "Alarm Release"):
            found.append((channel, status in (1, "Alarm")))
    return found


def _octet(first: int, bytes_n: int) -> Channel:
    """Return a channel of one count a region, from region ``first`` on."""
    return Channel(f"{bytes_n}B", tuple(f"region_{n}_count" for n in range(first, first + bytes_n)))


_DWELL = Channel("BH2x", ("{}", "region_{}_avg_dwell"))

_VS121 = Model(
    PayloadFormat(
        ATTRIBUTES
        | {
            b"\x04\xc9": Channel("B3x", ("people_count_all",)),
            b"\x05\xcc": Channel("HH", ("people_in", "people_out")),
            b"\x06\xcd": Channel("B", ("people_count_max",)),
            b"\x07\xd5": _octet(1, 8),
            b"\x08\xd5": _octet(9, 8),
            b"\x09\xda": Channel("8x"),
            b"\x0a\xda": Channel("8x"),
            b"\x0b\xda": Channel("8x"),
            b"\x0c\xda": Channel("8x"),
            b"\x0d\xcc": Channel("HH", ("people_total_in", "people_total_out")),
            b"\x0e\xe4": _DWELL,
            b"\x0f\x85": Channel("I", ("timestamp",)),
            b"\x10\xf7": Channel("4x"),
        },
        {
            0x01: Channel("B3x", ("people_count_all",)),
            0x02: Channel("HH", ("people_in", "people_out")),
            0x03: Channel("B", ("people_count_max",)),
            **{0x04 + n: _octet(1 + 4 * n, 4) for n in range(4)},
            **{n: Channel("4x") for n in (*range(0x08, 0x10), 0x12)},
            0x10: Channel("HH", ("people_total_in", "people_total_out")),
            0x11: _DWELL,
        },
        (("people_in", "people_out"), ("people_total_in", "people_total_out")),
    ),
    (Flow("", "people_in", "people_out", "people_total_in", "people_total_out"),),
    width_bits=16,
    regions=16,
)


def _line(n: int, side: str) -> Channel:
    return Channel("I", (f"line_{n}_total_{side}",))


def _line_period(n: int) -> Channel:
    return Channel("HH", (f"line_{n}_period_in", f"line_{n}_period_out"))


_VS133_LINES = {
    id_: channel
    for n in range(1, 5)
    for id_, channel in ((3 * n, _line(n, "in")), (3 * n + 1, _line(n, "out")), (3 * n + 2, _line_period(n)))
}
_VS133_TYPES = {3: 0xD2, 4: 0xD2, 5: 0xCC}
_OF_CHILDREN = Channel("4x")

_VS133 = Model(
    PayloadFormat(
        ATTRIBUTES
        | {bytes((id_, _VS133_TYPES[3 + id_ % 3])): channel for id_, channel in _VS133_LINES.items()}
        | {bytes((id_, _VS133_TYPES[3 + (id_ - 0x11) % 3])): _OF_CHILDREN for id_ in range(0x11, 0x1D)}
        | {
            b"\x0f\xe3": _octet(1, 4),
            b"\x10\xe4": _DWELL,
            b"\x1d\xe3": _OF_CHILDREN,
            b"\x1e\xe4": Channel("5x"),
            b"\x50\xfc": Channel("xBB", ("{}", "node_{}_occlusion_alarm")),
            b"\xff\x51": Channel("B", ("clear_total_count",)),
            b"\xfe\x51": Channel("B", ("clear_total_count",)),
        },
        {
            **_VS133_LINES,
            0x0F: _octet(1, 4),
            0x10: Channel("BH", ("{}", "region_{}_avg_dwell")),
            0x20: Channel("3x"),
            **dict.fromkeys(range(0x11, 0x1E), _OF_CHILDREN),
            0x1E: Channel("3x"),
            0x3C: Channel("3x"),
        },
        (
            *((f"line_{n}_period_in", f"line_{n}_period_out") for n in range(1, 5)),
            tuple(f"region_{n}_count" for n in range(1, 5)),
        ),
    ),
    tuple(
        Flow(f"line-{n}", f"line_{n}_period_in", f"line_{n}_period_out", f"line_{n}_total_in", f"line_{n}_total_out")
        for n in range(1, 5)
    ),
    width_bits=32,
    regions=4,
    faults=_occlusions,
    fault_fields=frozenset(_OCCLUSIONS),
)

_SINGLE_LINE = {
    b"\x04\xcc": _TOTAL,
    b"\x05\xcc": _PERIOD,
    b"\x0a\xef": Channel("I", ("timestamp",)),
    b"\x84\xcc": Channel("HHx", ("total_in", "total_out")),
    b"\x85\xcc": Channel("HHB", ("period_in", "period_out", "period_count_alarm")),
    b"\xff\xa8": _RESET_ONE_SIDE,
    b"\xfe\xa8": _RESET_ONE_SIDE,
}
_SINGLE_LINE_HISTORY = {0: _PERIOD, 1: Channel("HHHH", (*_PERIOD.names, *_TOTAL.names))}
_SINGLE_LINE_FLOW = (Flow("", *_PERIOD.names, *_TOTAL.names),)

_VS350 = Model(
    PayloadFormat(
        ATTRIBUTES
        | _SINGLE_LINE
        | {
            b"\x01\x75": BATTERY,
            b"\x03\x67": TEMPERATURE,
            b"\x81\xee": Channel("x"),
            b"\x83\x67": Channel("hx", ("temperature",), (10,)),
        },
        _SINGLE_LINE_HISTORY,
        (_PERIOD.names, _TOTAL.names),
    ),
    _SINGLE_LINE_FLOW,
    width_bits=16,
    gauges=(Gauge("battery", "battery"), Gauge("temperature", "temperature")),
)

_VS360 = Model(
    PayloadFormat(
        ATTRIBUTES
        | _SINGLE_LINE
        | {
            b"\x01\x75": Channel("B", ("battery_main",)),
            b"\x02\x75": Channel("B", ("battery_node",)),
            b"\x03\xf4": Channel("BB", ("type", "status"), into=Into.EVENT),
        },
        _SINGLE_LINE_HISTORY,
        (_PERIOD.names, _TOTAL.names),
    ),
    _SINGLE_LINE_FLOW,
    width_bits=16,
    gauges=(Gauge("battery_main", "battery", "main"), Gauge("battery_node", "battery", "node")),
    faults=_beam_faults,
    fault_fields=frozenset({"type", "status"}),
)


def _decoder(name: str, title: str, model: Model) -> Decoder[CounterOptions]:
    return Decoder(
        name=name,
        title=f"Milesight {title} over LoRaWAN, through The Things Stack",
        made_from=MadeFrom.DOCUMENTATION,
        source=SOURCE,
        options=CounterOptions,
        decode=partial(decode, model),
        fields=model.fields,
    )


VS121 = _decoder("milesight_vs121", "VS121 occupancy sensor", _VS121)
VS133 = _decoder("milesight_vs133", "VS133 and VS135 people counters", _VS133)
VS350 = _decoder("milesight_vs350", "VS350 and VS351 passage counters", _VS350)
VS360 = _decoder("milesight_vs360", "VS360 beam counter", _VS360)
