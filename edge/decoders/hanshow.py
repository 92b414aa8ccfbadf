"""Hanshow electronic labels: what ESL-Working answers to an update, and the result it sends to ``back_url`` later.

An answer's 0 and 1 say that the request was taken, not that the label shows it: it counts as requested, and the result
that comes to ``back_url``, which alone has a ``sid``, as confirmed or failed. 201 is a success that changed nothing
(the label already showed it). Answers to LED and page control look the same: only those to updates belong here. The
payload has no time, so what happened is dated by its arrival. Identities of labels and sessions are not read.
"""

from __future__ import annotations

from typing import Any

from edge.decoders.counting import Parts
from edge.decoders.decoder import Arrival, Decoded, Decoder, MadeFrom, NamedOptions, PayloadRefusedError
from edge.decoders.device_series import series
from edge.decoders.reading_json import count, json_object, text
from edge.wire.series import Kind

_OK, _IN_PROGRESS, _UP_TO_DATE = 0, 1, 201
NO_OP = "no_op"
"""Channel of updates that found the label as it should be: kept apart, as nothing was transmitted."""


class HanshowOptions(NamedOptions):
    """Options of ``hanshow``: ``device`` names the ESL-Working server, which no payload does."""


def decode(arrival: Arrival, options: HanshowOptions) -> Decoded:
    """Return what an answer or a result says of one update."""
    document = json_object(arrival.payload)
    status = _status(document)
    parts = Parts()

    def add(outcome: str, channel: str = "") -> None:
        parts.add(series(options.device, f"label_updates_{outcome}", channel, Kind.EVENT), arrival.at_us, 1.0)

    if "sid" in document:
        text(document["sid"], "sid", longest=200)
        if status in {_OK, _UP_TO_DATE}:
            add("confirmed")
        elif status != _IN_PROGRESS:
            add("failed")
    elif document.get("data"):
        raise PayloadRefusedError("many", "the answer speaks of several labels at once, which is not documented")
    elif status == _UP_TO_DATE:
        add("requested", NO_OP)
        add("confirmed", NO_OP)
    else:
        add("requested")
        if status not in {_OK, _IN_PROGRESS}:
            add("failed")
    return parts.decoded()


def _status(document: dict[str, Any]) -> int:
    """Return ``errno``, or ``status_no`` as versions before 2.5 and results spell it."""
    for name in ("errno", "status_no"):
        if name in document:
            return int(count(document[name], name))
    raise PayloadRefusedError("missing", "errno is missing, and so is status_no")


HANSHOW = Decoder(
    name="hanshow",
    title="Hanshow labels: answers and results of ESL-Working 2.5 (HTTP)",
    made_from=MadeFrom.DOCUMENTATION,
    source="integration notes and client of a third party for ESL-Working v2.5.3 (answer fields, codes, callback); no "
    "capture and no maker's documentation",
    options=HanshowOptions,
    decode=decode,
    fields=frozenset({"sid", "data", "errno", "status_no"}),
)
