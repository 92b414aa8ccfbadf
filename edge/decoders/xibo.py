"""Xibo signage players: the status that a player notifies, and its proof-of-play records.

Status is a JSON object; that it came says that the screen's player is on. Records are XML, ``<stats>`` of ``<stat>``,
in the player's local time without an offset. A layout's play and the plays of what is in it are told side by side:
``count_type`` chooses the one that counts. What the content management system passes over is refused or passed over
here too. Neither holds an identity: the option ``device`` names the screen. Names, addresses and places are not read.
"""

from __future__ import annotations

import re
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from edge.decoders.counting import Parts
from edge.decoders.decoder import Arrival, ClockOptions, Decoded, Decoder, MadeFrom, NamedOptions, PayloadRefusedError
from edge.decoders.device_series import series
from edge.decoders.device_time import stated
from edge.decoders.reading_json import count, json_object
from edge.decoders.reading_xml import xml_root
from edge.wire.batch import Flag
from edge.wire.series import Kind

_FORM = "%Y-%m-%d %H:%M:%S"
_LONGEST_US = 365 * 86_400 * 1_000_000
_NUMERAL = re.compile(r"^[0-9]{1,10}$")
_STATUS = frozenset({"currentLayoutId", "availableSpace", "totalSpace"})
_READ = ("fromdt", "todt", "type", "layoutid", "mediaid", "count")


class XiboOptions(NamedOptions, ClockOptions):
    """Options of ``xibo``.

    ``time_zone`` is the player's; ``aggregated_s`` is 3600 or 86400 where the player is set to aggregate its records by
    the hour or the day, and None where it sends each play; ``collect_interval_s`` is how often it reports.
    """

    time_zone: ZoneInfo | None = None
    count_type: Literal["layout", "media", "widget"] = "layout"
    aggregated_s: Literal[3600, 86400] | None = None
    collect_interval_s: float = Field(default=300, gt=0, le=86_400)


def decode(arrival: Arrival, options: XiboOptions) -> Decoded:
    """Return the screen's state of a status, or the plays of records."""
    parts = Parts()
    if arrival.payload.lstrip().startswith(b"<"):
        for record in _records(arrival.payload):
            with parts.part():
                _read_record(record, arrival, options, parts)
        return parts.decoded()
    document = json_object(arrival.payload)
    if not any(name in document for name in _STATUS):
        raise PayloadRefusedError("unknown_message", "neither a player's status nor its proof-of-play records")
    online = series(options.device, "screen_online", "", Kind.STATE, options.collect_interval_s)
    parts.add(online, arrival.at_us, 1.0)
    return parts.decoded()


def _records(payload: bytes) -> list[dict[str, str]]:
    """Return what is read of each record; a refusal where the payload is not well-formed, or not of records."""
    root = xml_root(payload, _READ)
    if root.tag != "stats":
        raise PayloadRefusedError("unknown_message", "the document is not one of proof-of-play records")
    return [record.attrib for record in root.iterfind("stat")]


def _read_record(record: dict[str, str], arrival: Arrival, options: XiboOptions, parts: Parts) -> None:
    if any(not record.get(name) for name in ("fromdt", "todt", "type")):
        raise PayloadRefusedError("missing", "a record lacks fromdt, todt or type")
    if record["type"].lower() != options.count_type:
        return
    shown = record.get("layoutid" if options.count_type == "layout" else "mediaid", "")
    if record.get("layoutid") == "splash" or shown == "background":
        return
    if not _NUMERAL.match(shown):
        raise PayloadRefusedError("identity", "a record does not say by a number what was shown")
    start_us, flags = stated(record["fromdt"], options.time_zone, _FORM)
    end_us, end_flags = stated(record["todt"], options.time_zone, _FORM)
    if not (flags | end_flags) & Flag.AMBIGUOUS_LOCAL_TIME and not 0 < end_us - start_us <= _LONGEST_US:
        raise PayloadRefusedError("time", "a record ends with or before its start, or is longer than a year")
    if start_us - arrival.at_us > options.clock_allowed_s * 1_000_000:
        flags |= Flag.CLOCK_SUSPECT
    plays = count(record["count"], "count") if record.get("count") else 1.0
    channel = f"{options.count_type}.{shown}"
    if options.aggregated_s is None:
        of = series(options.device, "screen_plays", channel, Kind.EVENT)
    else:
        of = series(options.device, "screen_plays", channel, Kind.INTERVAL, float(options.aggregated_s))
        if end_us - start_us != options.aggregated_s * 1_000_000:
            raise PayloadRefusedError("period", "a record is not as long as aggregated_s says")
    parts.add(of, start_us, plays, flags)


XIBO = Decoder(
    name="xibo",
    title="Xibo signage players: status notification (JSON) and proof of play (XML)",
    made_from=MadeFrom.DOCUMENTATION,
    source="the developer page on proof of play, and the published source of the management system (fields, what it "
    "passes over) and of the Linux player (attributes, form of times, status members); no capture",
    options=XiboOptions,
    decode=decode,
    fields=_STATUS.union(_READ, {"stats", "stat"}),
)
