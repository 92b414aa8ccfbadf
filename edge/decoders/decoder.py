"""What a decoder is: a pure function from a payload that arrived to readings, or to a refusal with its reason.

A decoder is an allow-list: it reads the fields that it names, and nothing else of a payload goes further, into refusals
neither. It keeps a device's counter kinds apart: ``entries`` and ``exits`` are what is to be summed; a total that the
device sends beside them is a series of its own (``entries_total``, ``exits_total``). Absent is not zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from edge.decoders.identity import DeviceName
from edge.decoders.keeping import keeping
from edge.decoders.payload import Arrival, Decoded, PayloadRefusedError

__all__ = [
    "Arrival",
    "ClockOptions",
    "Decoded",
    "Decoder",
    "DecoderOptions",
    "MadeFrom",
    "NameableOptions",
    "NamedOptions",
    "PayloadRefusedError",
]


class MadeFrom(StrEnum):
    """What a decoder was made from; no one of them was run on hardware unless it says so."""

    DOCUMENTATION = "documentation"
    CAPTURE = "capture"
    HARDWARE = "hardware"


class DecoderOptions(BaseModel):
    """Options of a decoder in the agent's configuration: closed and frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def further_fields(self) -> frozenset[str]:
        """Return the names that these options have the decoder read, beside its own ``fields``."""
        return frozenset()


class NamedOptions(DecoderOptions):
    """Options of a device whose payloads hold no identity that may leave the store."""

    device: DeviceName
    """Name of the device."""


class NameableOptions(DecoderOptions):
    """Options of a device whose payloads hold a usable identity."""

    device: DeviceName | None = None
    """Name of the device, instead of the one that payload or topic holds."""


class ClockOptions(DecoderOptions):
    """Options of a device that states the time of its live values."""

    clock_allowed_s: Annotated[float, Field(gt=0)] = 300.0
    """How far its clock may be from the arrival before a live value is flagged."""


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
    fields: frozenset[str]
    """Every name that it reads in payloads with names (JSON members, XML elements and attributes, form fields): its
    allow-list. A part's number is left out of a name: ``switch`` stands for ``switch:0``."""

    def read(self, arrival: Arrival, options: Options) -> Decoded:
        """Return what ``decode`` returns, with what may be kept of a refused payload in its first refusal.

        Raises ``PayloadRefusedError`` as ``decode`` does, filled likewise.
        """
        try:
            decoded = self.decode(arrival, options)
        except PayloadRefusedError as refused:
            raise keeping(refused, arrival, self.fields | options.further_fields()) from None
        if not decoded.refused:
            return decoded
        first, *others = decoded.refused
        kept = keeping(first, arrival, self.fields | options.further_fields())
        return Decoded(decoded.readings, (kept, *others))

    def configured(self, options: dict[str, Any]) -> Callable[[Arrival], Decoded]:
        """Return ``read`` with its options from a configuration file; raises pydantic's ``ValidationError``."""
        chosen = self.options.model_validate(options)
        return lambda arrival: self.read(arrival, chosen)
