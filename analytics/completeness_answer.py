"""What an answer of the completeness ledger carries: readings and batches, each under the name of what became of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from analytics.results import ResultModel, Text, TimeWindow


class By(StrEnum):
    """What a row of the answer is of."""

    STORE = "store"
    AGENT = "agent"
    DEVICE = "device"
    DAY = "day"
    """A local day; a district's begins at midnight, a store's with its business day."""
    HOUR = "hour"
    """A local clock hour."""


class ReadingCounts(ResultModel):
    """Readings by the time that they are of. expected = heard + absent; absent = the three below it together."""

    expected: int = Field(
        description="One at each whole multiple of a series' period (UTC) while the series is registered, up to now; "
        "none of a series of single events, or without a period"
    )
    absent: int = Field(description="Of those: at which no reading speaks for the series")
    absent_declared_lost: int = Field(description="Of the absent: within a loss that the agent declared")
    absent_refused: int = Field(
        description="Of the others: sealed into a batch that was refused, as far as can be told"
    )
    absent_unexplained: int = Field(description="The rest of the absent: nothing declared or refused explains them")
    received: int = Field(
        description="Distinct readings in force; more than expected where changes or events are reported"
    )
    late: int = Field(description="Of the received: committed after their hour was closed (`settle_after_s`)")
    duplicates: int = Field(description="Came again with the same value, and were not stored")
    corrections: int = Field(description="Came again with another value, which is in force since")
    ratio: float | None = Field(description="Share of the expected that is not absent; null where none is expected")


class BatchCounts(ResultModel):
    """Batches by the hour in which their agent sealed them. sealed = committed + refused + declared_lost + missing."""

    sealed: int = Field(description="Numbers given to batches, as far as the platform knows")
    committed: int = Field(description="In the ledger")
    refused: int = Field(description="Kept with their reason, or sealed again in a batch that is committed")
    declared_lost: int = Field(description="Dropped by the agent, which says so")
    missing: int = Field(description="Neither: a gap in the chain of numbers, which the agent may still close")
    readings: int = Field(description="Readings in the committed batches")
    duplicates: int = Field(description="Of them: not stored, being equal to one stored before")
    corrections: int = Field(description="Of them: corrections of one stored before")
    refused_payloads: int = Field(description="Payloads of devices that decoders of the agent refused, each once")


class LedgerRow(ResultModel):
    """One row: of a store, an agent, a device, or an interval [start, end)."""

    store_id: str | None = None
    agent_id: str | None = None
    device_id: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    readings: ReadingCounts
    batches: BatchCounts | None = Field(description="Null for a device: a batch is of an agent and all its devices")


class CompletenessAnswer(ResultModel):
    """The completeness ledger of a store or district over a window."""

    store_id: str | None
    district_id: str
    name: Text
    window: TimeWindow
    by: By
    registry_version: int
    without_expectation: int = Field(description="Registered series of which nothing is expected at any time")
    total: LedgerRow
    rows: tuple[LedgerRow, ...]
    terms: dict[str, Text] = Field(description="Names of the counts")
