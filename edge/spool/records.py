"""What the spool takes and answers, and how it fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from edge.wire.acknowledgement import Refused


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """Bounds of a spool: bytes and age of what is pending, and readings in one batch; and how batches are sealed."""

    max_bytes: int
    max_age_s: float
    batch_readings: int
    compress: bool = False
    """Whether a batch is sealed as a zlib stream where that is worth it."""


@dataclass(frozen=True, slots=True)
class SealedBatch:
    """A batch as it is sent, always with the same bytes; ``sha256`` and ``series_table`` in lower-case hexadecimal."""

    sequence: int
    payload: bytes = field(repr=False)
    sha256: str
    readings: int
    sealed_us: int
    series_table: str


@dataclass(frozen=True, slots=True)
class Depth:
    """What is pending; ``oldest_us`` is when the oldest pending batch was sealed (None: nothing is pending)."""

    batches: int
    bytes: int
    readings: int
    oldest_us: int | None


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What an acknowledgement did: sequences that are pending no more, and the refusals that were of this spool.

    ``renewal`` is a refusal after which the spool has to go on under a new id (None: no such one); ``to_renew`` are the
    sequences so refused, which stay pending until then.
    """

    committed: int = 0
    refused: list[Refused] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)
    renewal: Refused | None = None
    to_renew: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SpoolTotals:
    """Counters since the file was made, over all its ids, pending ones included.

    ``made = committed + refused + lost + resealed + pending`` in batches; a batch that is sealed again under a new id
    counts as made anew, its first identity as resealed. ``accepted = committed + refused + lost + pending`` in
    readings.
    """

    accepted_readings: int
    made_batches: int
    committed_batches: int
    committed_readings: int
    refused_batches: int
    refused_readings: int
    lost_batches: int
    lost_readings: int
    resealed_batches: int
    pending_batches: int
    pending_readings: int
    withheld: int
    """Readings and refused payloads that the deny-list stopped."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The end of the spool's chain: its id, the number of the next batch, and digest and kind of the last one."""

    spool: UUID
    next_sequence: int
    previous: str | None
    last_table: str | None
    last_origin: str | None


class SpoolError(Exception):
    """A spool that cannot do what was asked; ``fix`` tells an operator what to do."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(f"{problem}; {fix}")
        self.problem = problem
        self.fix = fix


class SpoolUnavailable(SpoolError):  # noqa: N818 - a state that passes, not an error of the program
    """The file cannot be written now; what was to be accepted is not accepted, and may be tried again."""


class SpoolCorrupt(SpoolError):  # noqa: N818 - as above
    """The file is damaged; the next start sets it aside."""


class SpoolInUse(SpoolError):  # noqa: N818 - as above
    """Another process has the file."""
