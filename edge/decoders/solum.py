"""SoluM AIMS electronic labels: the answer of ``common/labels/detail``, which tells the last updates of one label.

A poll repeats what the one before it told: requests and results carry the server's own times, so that a repetition is
the same reading again. A label's code is its MAC address: the option ``labels`` gives each a number, which is the
ordinal that keeps the updates apart that many labels had at one instant. An old SUCCESS of another page says nothing of
the update asked for last: the active page decides, or, where none is named, all pages requested last.
"""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from edge.decoders.counting import Parts
from edge.decoders.decoder import Arrival, ClockOptions, Decoded, Decoder, MadeFrom, NamedOptions, PayloadRefusedError
from edge.decoders.device_series import series
from edge.decoders.device_time import stated
from edge.decoders.identity import by_plain_address, plain_address
from edge.decoders.json_parts import as_list, as_object
from edge.decoders.reading_json import json_object, member, text
from edge.wire.batch import Flag
from edge.wire.series import Kind

_DONE = frozenset({"SUCCESS", "OK"})
_FAILED = frozenset({"TIMEOUT", "ERROR", "FAIL", "FAILED"})
_NOTHING = frozenset({"", "NULL", "NONE", "N/A"})

Stamp = tuple[int, int]
"""Microseconds of UTC, and flags."""


class SolumOptions(NamedOptions, ClockOptions):
    """Options of ``solum``: ``device`` names the server; ``time_zone`` is the zone that its times are in.

    ``labels`` numbers the labels by their code; a number once given stays with its label, also after its end.
    """

    labels: dict[str, Annotated[int, Field(ge=0, lt=2**15)]] = Field(min_length=1)
    time_zone: ZoneInfo | None = None

    @field_validator("labels")
    @classmethod
    def _numbers_differ(cls, labels: dict[str, int]) -> dict[str, int]:
        return by_plain_address(labels, "a number")


def decode(arrival: Arrival, options: SolumOptions) -> Decoded:
    """Return the label's last updates; nothing where the server answers 204 without a body, which it does."""
    if not arrival.payload.strip():
        return Decoded()
    document = json_object(arrival.payload)
    if str(document.get("responseCode", "200")) != "200":
        raise PayloadRefusedError("answer", "the server answers with an error; its responseCode is not 200")
    ordinal = options.labels.get(plain_address(text(member(document, "labelCode"), "labelCode")))
    if ordinal is None:
        raise PayloadRefusedError("unknown_label", "the label has no number in the decoder's option labels")
    active = document.get("activePage")
    parts = Parts()
    updates: dict[tuple[str, int], tuple[float, int]] = {}
    for name in ("previousImage", "currentImage"):
        if document.get(name) is None and name == "previousImage":
            continue
        with parts.part():
            pages = [as_object(page, "a page") for page in as_list(member(document, name), name)]
            found = _update(pages, active, options)
            for outcome, (t_us, flags) in found.items():
                is_ahead = t_us - arrival.at_us > options.clock_allowed_s * 1_000_000
                suspect = Flag.CLOCK_SUSPECT if is_ahead else Flag.NONE
                updates[f"label_updates_{outcome}", t_us] = (1.0, flags | suspect)
            if "confirmed" in found and (latency_s := _latency_s(found["requested"], found["confirmed"])) is not None:
                t_us = found["confirmed"][0]
                updates["label_update_latency", t_us] = (latency_s, updates["label_updates_confirmed", t_us][1])
    for (quantity, t_us), (value, flags) in updates.items():
        parts.add(series(options.device, quantity, "", Kind.EVENT), t_us, value, flags, ordinal)
    return parts.decoded()


def _latency_s(requested: Stamp, confirmed: Stamp) -> float | None:
    """Return the seconds from a request to its result; None where either is in an hour that a local day has twice."""
    if (requested[1] | confirmed[1]) & Flag.AMBIGUOUS_LOCAL_TIME:
        return None
    return (confirmed[0] - requested[0]) / 1_000_000


def _update(pages: list[dict[str, Any]], active: Any, options: SolumOptions) -> dict[str, Stamp]:
    """Return the outcomes of the update that pages tell of, each with its time; a request may still be pending."""
    if not pages:
        return {}
    requested = {}
    for place, page in enumerate(pages):
        stamp = _time(page, "processUpdateTime", options)
        if stamp is not None:
            requested[place] = stamp
    if active is not None:
        chosen = [place for place, page in enumerate(pages) if page.get("index") == active]
    else:
        latest = max((t_us for t_us, _ in requested.values()), default=None)
        chosen = [place for place, (t_us, _) in requested.items() if t_us == latest]
    if not chosen or chosen[0] not in requested:
        raise PayloadRefusedError("missing", "the page that counts is missing, or has no processUpdateTime")
    return _outcome([pages[place] for place in chosen], requested[chosen[0]], options)


def _outcome(pages: list[dict[str, Any]], requested: Stamp, options: SolumOptions) -> dict[str, Stamp]:
    states = [text(member(page, "state"), "state").strip().upper() for page in pages]
    found = {"requested": requested}
    stamps = [_time(page, "statusUpdateTime", options) for page in pages]
    told = [stamp for stamp in stamps if stamp is not None]
    if any(state in _FAILED for state in states):
        # A time-out carries no time of its own: it is dated by its request, so that every poll tells the same.
        failed = [stamp for state, stamp in zip(states, stamps, strict=True) if state in _FAILED and stamp is not None]
        found["failed"] = max((stamp for stamp in failed if _answers(stamp, requested)), default=requested)
    elif all(state in _DONE for state in states):
        if len(told) != len(pages) or not _answers(max(told), requested):
            raise PayloadRefusedError("missing", "a success has no statusUpdateTime after its request")
        found["confirmed"] = max(told)
    return found


def _answers(stamp: Stamp, requested: Stamp) -> bool:
    """Whether a result can be that of a request: not before it, save for the hour that a local day has twice."""
    return stamp[0] >= requested[0] or bool(stamp[1] & Flag.AMBIGUOUS_LOCAL_TIME)


def _time(page: dict[str, Any], name: str, options: SolumOptions) -> Stamp | None:
    value = page.get(name)
    if value is None or (isinstance(value, str) and value.strip().upper() in _NOTHING):
        return None
    return stated(text(value, name).strip(), options.time_zone)


SOLUM = Decoder(
    name="solum",
    title="SoluM AIMS labels: common/labels/detail (HTTP, polled)",
    made_from=MadeFrom.CAPTURE,
    source="answers in the tests of a public third-party client of AIMS; the meaning of the two times as that client "
    "and the maker's page name them (requested date, completed date)",
    options=SolumOptions,
    decode=decode,
    fields=frozenset(
        """
        responseCode labelCode activePage previousImage currentImage index state processUpdateTime statusUpdateTime
        """.split()
    ),
)
