"""OpenEPaperLink access points: transfers to tags, from the log on their serial line or on their web socket.

A tag's only identity is its MAC address, which is not read: transfers are counted for the access point that the option
``device`` names. The serial log tells of this access point's own transfers; the web socket repeats those of the others
without saying so, which is why one log is chosen. Tag records (``tags``) name every tag; what could be counted over
them has no quantity, and they are passed over.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from edge.decoders.counting import Parts
from edge.decoders.decoder import Arrival, ClockOptions, Decoded, Decoder, MadeFrom, NamedOptions, PayloadRefusedError
from edge.decoders.device_series import series
from edge.decoders.device_time import clock_flags, epoch_us
from edge.decoders.json_parts import object_at
from edge.decoders.reading_json import count, json_object, text
from edge.wire.batch import Flag
from edge.wire.series import Kind

_SERIAL = re.compile(r"<(XFC|XTO) [0-9A-F]{16}\b|>SDA [0-9A-F]{16} TYPE 0x([0-9A-F]{2})\b")
_FIRMWARE = "03"
_COMPLETE = re.compile(r"^[0-9A-F]{16} reports xfer complete\s*$")
_TIMEOUT = re.compile(r"^< [0-9A-F]{16} xfer timeout\s*$")
_QUEUED = "new image: "
_MEMBERS = frozenset({"tags", "sys", "logMsg", "errMsg", "apitem", "upload", "console", "touch"})


class OpenEPaperLinkOptions(NamedOptions, ClockOptions):
    """Options of ``open_epaper_link``: the access point's name, and the log that its transfers are counted from."""

    log: Literal["serial", "websocket"] = "serial"


def decode(arrival: Arrival, options: OpenEPaperLinkOptions) -> Decoded:
    """Return the transfers that a piece of log, or a message of the web socket, tells of."""
    parts = Parts()
    outcomes: list[str] = []
    if arrival.payload.lstrip().startswith(b"{"):
        outcomes = _read_message(json_object(arrival.payload), arrival, options, parts)
    elif options.log == "serial":
        outcomes = _serial_outcomes(_log_text(arrival.payload))
    for outcome in outcomes:
        parts.add(series(options.device, f"label_updates_{outcome}", "", Kind.EVENT), arrival.at_us, 1.0)
    return parts.decoded()


def _log_text(payload: bytes) -> str:
    try:
        return payload.decode("ascii")
    except UnicodeDecodeError:
        raise PayloadRefusedError("not_a_text", "the log is not plain text") from None


def _serial_outcomes(log: str) -> list[str]:
    outcomes = []
    for match in _SERIAL.finditer(log):
        if match[1]:
            outcomes.append("confirmed" if match[1] == "XFC" else "failed")
        elif match[2] != _FIRMWARE:
            outcomes.append("requested")
    return outcomes


def _read_message(
    document: dict[str, Any], arrival: Arrival, options: OpenEPaperLinkOptions, parts: Parts
) -> list[str]:
    if not any(name in document for name in _MEMBERS):
        raise PayloadRefusedError("unknown_message", "the message has none of the members that an access point sends")
    if "sys" in document:
        with parts.part():
            _read_system(object_at(document, "sys"), arrival, options, parts)
    outcomes = []
    if options.log == "websocket":
        said, warned = _message(document, "logMsg", parts), _message(document, "errMsg", parts)
        outcomes += ["confirmed"] if _COMPLETE.match(said) else []
        outcomes += ["requested"] if said.startswith(_QUEUED) else []
        outcomes += ["failed"] if _TIMEOUT.match(warned) else []
    return outcomes


def _message(document: dict[str, Any], name: str, parts: Parts) -> str:
    with parts.part():
        return text(document.get(name, ""), name, longest=500)
    return ""


def _read_system(system: dict[str, Any], arrival: Arrival, options: OpenEPaperLinkOptions, parts: Parts) -> None:
    if "uptime" not in system:
        return
    uptime_s = count(system["uptime"], "uptime")
    t_us, flags = arrival.at_us, int(Flag.NONE)
    if "currtime" in system:
        t_us = epoch_us(count(system["currtime"], "currtime"))
        flags = clock_flags(t_us, arrival.at_us, options.clock_allowed_s)
    parts.add(series(options.device, "running_time"), t_us, uptime_s, flags)


OPEN_EPAPER_LINK = Decoder(
    name="open_epaper_link",
    title="OpenEPaperLink access points: transfer log (serial line or web socket)",
    made_from=MadeFrom.DOCUMENTATION,
    source="the access point's published source (log lines, message members, data types); no capture",
    options=OpenEPaperLinkOptions,
    decode=decode,
    fields=_MEMBERS | {"uptime", "currtime"},
)
