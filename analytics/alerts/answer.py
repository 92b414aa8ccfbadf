"""The alerts of a store or a district as they are answered: what was found, where it stands, and what to do."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from analytics.results import ResultModel, Text
from analytics.wording.texts import both
from ingest.store.alerts import StoredAlert, alerts_of_stores
from ingest.store.connection import Database
from ingest.store.registry import current_version

MOST_ALERTS = 1_000


class AlertState(StrEnum):
    """Where an alert stands."""

    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"


class ClearedBecause(StrEnum):
    """Why an alert is cleared."""

    ENDED = "ended"
    WITHDRAWN = "withdrawn"


class Acknowledgement(ResultModel):
    """Who has seen an alert, and what that person says of it."""

    at: datetime
    by: str
    why: str


class Alert(ResultModel):
    """Something that a detector found in the hours of one series. Times are UTC."""

    alert_id: int
    store_id: str
    detector: str
    name: Text
    device_id: str
    quantity: str
    channel: str
    state: AlertState
    started_at: datetime = Field(description="Begin of the first hour in which it is seen")
    ended_at: datetime = Field(description="End of the last hour in which it is seen")
    raised_at: datetime
    measured: float | None = Field(description="In its worst hour, in the unit of the series; of `swapped`: days")
    expected: float | None = Field(description="What that was held against, where there is such a value")
    acknowledged: Acknowledgement | None
    cleared_at: datetime | None
    cleared_because: ClearedBecause | None = Field(
        description="`ended`: no longer seen; `withdrawn`: readings that came late have removed its cause"
    )
    what_to_do: Text

    @classmethod
    def of(cls, stored: StoredAlert) -> Alert:
        """Return an alert as it is answered."""
        device, quantity, channel = stored.subject.split("/", 2)
        return cls(
            alert_id=stored.alert_id,
            store_id=stored.store_id,
            detector=stored.detector,
            name=both(f"alert_name.{stored.detector}"),
            device_id=device,
            quantity=quantity,
            channel=channel,
            state=_state(stored),
            started_at=stored.started_at,
            ended_at=stored.ended_at,
            raised_at=stored.raised_at,
            measured=stored.measured,
            expected=stored.expected,
            acknowledged=_acknowledgement(stored),
            cleared_at=stored.cleared_at,
            cleared_because=None if stored.cleared_because is None else ClearedBecause(stored.cleared_because),
            what_to_do=both(f"alert_to_do.{stored.detector}"),
        )


def _state(stored: StoredAlert) -> AlertState:
    if stored.cleared_at is not None:
        return AlertState.CLEARED
    return AlertState.RAISED if stored.acknowledged_at is None else AlertState.ACKNOWLEDGED


def _acknowledgement(stored: StoredAlert) -> Acknowledgement | None:
    if stored.acknowledged_at is None or stored.acknowledged_by is None or stored.acknowledged_why is None:
        return None
    return Acknowledgement(at=stored.acknowledged_at, by=stored.acknowledged_by, why=stored.acknowledged_why)


class AlertList(ResultModel):
    """Alerts of a store or district, the one that began last first."""

    store_id: str | None = None
    district_id: str | None = None
    registry_version: int
    with_cleared: bool
    alerts: tuple[Alert, ...] = Field(description=f"At most {MOST_ALERTS}")


def list_alerts(c: Database, store_ids: list[str], *, with_cleared: bool) -> tuple[Alert, ...]:
    """Return the alerts of stores: the open ones, with those that are cleared where they are asked for."""
    found = alerts_of_stores(c, store_ids, MOST_ALERTS, with_cleared=with_cleared)
    return tuple(Alert.of(each) for each in found)


def store_alerts(c: Database, store_id: str, *, with_cleared: bool) -> AlertList:
    """Return the alerts of a store."""
    return AlertList(
        store_id=store_id,
        registry_version=current_version(c),
        with_cleared=with_cleared,
        alerts=list_alerts(c, [store_id], with_cleared=with_cleared),
    )
