"""What a decoder is: a pure function from a payload that arrived to readings, or to a refusal with its reason.

A decoder is an allow-list: it reads the fields that it names, and nothing else of a payload goes further, into refusals
neither. It keeps a device's counter kinds apart: ``entries`` and ``exits`` are what is to be summed; a total that the
device sends beside them is a series of its own (``entries_total``, ``exits_total``). Absent is not zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from edge.readings import Reading


class MadeFrom(StrEnum):
    """What a decoder was made from; no one of them was run on hardware unless it says so."""

    DOCUMENTATION = "documentation"
    CAPTURE = "capture"
    HARDWARE = "hardware"


class DecoderOptions(BaseModel):
    """Options of a decoder in the agent's configuration: closed and frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A payload as it came in: ``at_us`` by the agent's clock, ``topic`` the MQTT topic or HTTP path."""

    payload: bytes
    at_us: int
    topic: str = ""
    content_type: str = ""


class PayloadRefusedError(ValueError):
    """A payload, or a part of it, that is not what the decoder reads.

    ``reason`` is a short stable word, ``detail`` says what is wrong without repeating content, and ``kept`` is the text
    that may be kept: the allow-listed fields alone.
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


Options = TypeVar("Options", bound=DecoderOptions)


@dataclass(frozen=True, slots=True)
class Decoder(Generic[Options]):
    """A decoder as the registry and the handbook name it."""

    name: str
    """As in the configuration, such as ``milesight_vs125``."""
    title: str
    """Vendor, models and transport, for a person."""
    made_from: MadeFrom
    source: str
    """The document or capture that it was made from."""
    options: type[Options]
    decode: Callable[[Arrival, Options], Decoded]
    """Raises ``PayloadRefusedError`` where nothing of the payload can be read; never anything else."""

    def configured(self, options: dict[str, Any]) -> Callable[[Arrival], Decoded]:
        """Return the decoder with its options from a configuration file; raises pydantic's ``ValidationError``."""
        chosen = self.options.model_validate(options)
        return lambda arrival: self.decode(arrival, chosen)
