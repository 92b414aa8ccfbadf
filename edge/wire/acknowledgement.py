"""What ingest tells an agent after a commit."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from edge.wire.model import WIRE_VERSION, Count, InstantUs, Sequence, Sha256Hex, WireModel


class RefusalReason(StrEnum):
    """Why a payload was refused; the same words in tables, API and pages."""

    UNDECODABLE = "undecodable"
    VERSION_UNKNOWN = "version_unknown"
    TOO_LARGE = "too_large"
    AGENT_NOT_APPROVED = "agent_not_approved"
    DEVICE_NOT_REGISTERED = "device_not_registered"
    SERIES_OUT_OF_TABLE = "series_out_of_table"
    SEQUENCE_REUSED = "sequence_reused"
    SPOOL_OF_ANOTHER_AGENT = "spool_of_another_agent"
    PERSONAL_DATA = "personal_data"
    DATABASE_REJECTED = "database_rejected"


RENEWAL_REASONS = frozenset({RefusalReason.SEQUENCE_REUSED, RefusalReason.SPOOL_OF_ANOTHER_AGENT})
"""Refusals after which the agent must go on under a new spool id, and send the refused readings there."""


class Refused(WireModel):
    """A payload kept raw at the platform with this reason, named by its digest since it may have no sequence."""

    sha256: Sha256Hex
    reason: RefusalReason
    detail: Annotated[str, StringConstraints(max_length=500)]


class LedgerHead(WireModel):
    """State of the ledger for one spool after the commit: number of entries, and the digest chained over them."""

    entries: Count
    digest: Sha256Hex


class Acknowledgement(WireModel):
    """Ranges of sequences that are committed, payloads that are refused, and what the agent has to do."""

    type: Literal["acknowledgement"] = "acknowledgement"
    version: Literal[1] = WIRE_VERSION
    spool: UUID | None
    """None where the payload could not be read far enough to know its spool."""
    committed: list[tuple[Sequence, Sequence]] = Field(default=[])
    """Closed ranges, ascending."""
    refused: list[Refused] = Field(default=[])
    wanted_tables: list[Sha256Hex] = Field(default=[])
    """Series tables that ingest does not know; batches that name them stay unacknowledged until they arrive."""
    head: LedgerHead | None = None
    at_us: InstantUs

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        ends = [edge for low, high in self.committed for edge in (low, high)]
        if any(low > high for low, high in self.committed) or ends != sorted(ends):
            msg = "committed must be ascending closed ranges"
            raise ValueError(msg)
        return self


def ranges_of(sequences: list[int]) -> list[tuple[int, int]]:
    """Return the closed ranges that cover these sequences, ascending.

    Examples
    --------
    >>> ranges_of([5, 3, 4, 9])
    [(3, 5), (9, 9)]
    """
    ranges: list[tuple[int, int]] = []
    for sequence in sorted(set(sequences)):
        if ranges and ranges[-1][1] + 1 == sequence:
            ranges[-1] = (ranges[-1][0], sequence)
        else:
            ranges.append((sequence, sequence))
    return ranges
