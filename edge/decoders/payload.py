"""What comes to a decoder and what it hands back: an arrival, and readings or the refusal of what cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.readings import Reading


@dataclass(frozen=True, slots=True)
class Arrival:
    """A payload as it came in: ``at_us`` by the agent's clock, ``topic`` the MQTT topic or HTTP path."""

    payload: bytes
    at_us: int
    topic: str = ""
    content_type: str = ""


class PayloadRefusedError(ValueError):
    """A payload, or a part of it, that is not what the decoder reads.

    ``reason`` is a short stable word, ``detail`` says what is wrong without repeating content. ``kept`` is the text
    that may be kept; a decoder leaves it empty, ``Decoder.read`` fills it with the allow-listed fields alone.
    """

    def __init__(self, reason: str, detail: str, kept: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.kept = kept


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a payload says: its readings, and the parts of it that are refused."""

    readings: Sequence[Reading] = ()
    refused: Sequence[PayloadRefusedError] = field(default=())
