"""A sealed batch: parallel arrays over its readings, one origin, and the losses and refusals that travel with it."""

from __future__ import annotations

from enum import IntFlag, StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from edge.wire.model import WIRE_VERSION, Count, InstantUs, Sequence, Sha256Hex, WireModel
from edge.wire.series import MAX_SERIES, Origin

MAX_READINGS = 10_000
MAX_PAYLOAD_BYTES = 1024 * 1024


class Flag(IntFlag):
    """What is known about one reading; a flagged reading is kept, the flag says how far to trust it."""

    NONE = 0
    AMBIGUOUS_LOCAL_TIME = 1
    """The device stated a local time of a repeated hour; the first of the two was taken."""
    CLOCK_SUSPECT = 2
    """The device's clock and the agent's disagreed by more than the source allows."""
    OUT_OF_RANGE = 4
    """Outside the range that the device declares."""
    SUSPECT = 8
    """The device itself reported a condition under which the value may be wrong."""
    LATE = 16
    """History that the device delivered after a later value."""


class LossReason(StrEnum):
    """Why an agent gave up readings that it had accepted."""

    SPOOL_FULL = "spool_full"
    SPOOL_AGE = "spool_age"
    SPOOL_CORRUPT = "spool_corrupt"


class Loss(WireModel):
    """A declared loss: batches that the agent dropped, by its stated policy, before a commit."""

    first_sequence: Sequence
    last_sequence: Sequence
    readings: Count
    reason: LossReason
    last_digest: Sha256Hex
    first_us: InstantUs | None
    """Time of the earliest reading lost (None: the batches held none)."""
    last_us: InstantUs | None
    spool: UUID | None = Field(default=None, exclude_if=lambda spool: spool is None)
    """Spool that the sequences are of: one that this agent has abandoned; None: the spool of the declaring batch."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.last_sequence < self.first_sequence:
            msg = "last_sequence is before first_sequence"
            raise ValueError(msg)
        return self


class DecoderRefusal(WireModel):
    """A payload that a decoder of the agent refused, kept as text with the reason."""

    source: Annotated[str, StringConstraints(max_length=64)]
    reason: Annotated[str, StringConstraints(max_length=64)]
    detail: Annotated[str, StringConstraints(max_length=500)]
    payload: Annotated[str, StringConstraints(max_length=4096)]
    at_us: InstantUs


class ResealedFrom(WireModel):
    """The batch of an abandoned spool identity whose readings this batch carries on."""

    spool: UUID
    sequence: Sequence
    sha256: Sha256Hex


class Batch(WireModel):
    """A sealed batch, the unit of acknowledgement; its identity is (spool, sequence), its proof the payload's SHA-256.

    ``series``, ``offset_us``, ``value``, ``flags`` are parallel; ``ordinal`` is empty where every ordinal is 0.
    A reading's time is ``base_us + offset_us[i]``; ``previous`` is the SHA-256 of the batch before it in the spool.
    """

    type: Literal["batch"] = "batch"
    version: Literal[1] = WIRE_VERSION
    spool: UUID
    sequence: Sequence
    previous: Sha256Hex | None
    series_table: Sha256Hex
    origin: Origin
    boot: UUID
    """Identity of the agent's boot; ``monotonic_us`` compares within one boot only."""
    sealed_us: InstantUs
    """The agent's wall clock at sealing."""
    monotonic_us: Count
    base_us: InstantUs
    series: list[Annotated[int, Field(ge=0, lt=MAX_SERIES)]] = Field(max_length=MAX_READINGS)
    offset_us: list[InstantUs] = Field(max_length=MAX_READINGS)
    value: list[float] = Field(max_length=MAX_READINGS)
    flags: list[Annotated[int, Field(ge=0, lt=2**15)]] = Field(max_length=MAX_READINGS)
    ordinal: list[Annotated[int, Field(ge=0, lt=2**15)]] = Field(default=[], max_length=MAX_READINGS)
    losses: list[Loss] = Field(default=[], max_length=1000)
    refusals: list[DecoderRefusal] = Field(default=[], max_length=1000)
    resealed_from: ResealedFrom | None = None

    @model_validator(mode="after")
    def _parallel(self) -> Self:
        n = len(self.series)
        if not (len(self.offset_us) == len(self.value) == len(self.flags) == n):
            msg = "series, offset_us, value and flags differ in length"
            raise ValueError(msg)
        if len(self.ordinal) not in {0, n}:
            msg = "ordinal must be empty or as long as series"
            raise ValueError(msg)
        if (self.previous is None) != (self.sequence == 1):
            msg = "previous must be null for sequence 1 and only there"
            raise ValueError(msg)
        return self
