"""What endpoints are given: the store, district and window that a request names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import Depends, Path, Query

from analytics.api.database import DatabaseDep
from analytics.errors import UnknownDistrict, UnknownStore
from analytics.window_text import AskedWindow
from analytics.windows import Window
from edge.wire.model import Identifier
from ingest.store import registry

StoreId = Annotated[Identifier, Path(description="Id of the store in the registry", examples=["north-gate"])]
DistrictId = Annotated[Identifier, Path(description="Id of the district in the registry", examples=["riverside"])]

_BOUND = (
    "ISO 8601 with a zone offset, such as 2026-03-02T09:00:00+08:00 (a plus sign in an address is written %2B), "
    "or a bare local date, which is the start of that business day"
)
_From = Annotated[str, Query(alias="from", description=f"Start of the window. {_BOUND}", examples=["2026-03-02"])]
_To = Annotated[str, Query(alias="to", description=f"End, not included. {_BOUND}", examples=["2026-03-03"])]
_On = Annotated[
    date | None,
    Query(
        description="Day on which the registry's facts are valid; today in UTC if left out",
        ge=date(1970, 1, 1),
        le=date(9000, 12, 31),
    ),
]


@dataclass(frozen=True, slots=True)
class AskedStore:
    """A store as it is in the window, and the window in its zone."""

    fact: registry.StoreFact
    window: Window


@dataclass(frozen=True, slots=True)
class AskedDistrict:
    """A district as it is in the window, and the window in its zone."""

    fact: registry.DistrictFact
    window: Window


def asked_window(start: _From, end: _To) -> AskedWindow:
    """Read ``from`` and ``to``."""
    return AskedWindow.read(start, end)


def asked_store(c: DatabaseDep, store_id: StoreId, window: Annotated[AskedWindow, Depends(asked_window)]) -> AskedStore:
    """Look the store up on the window's first day, else its last, and place the window in the store's calendar."""
    first, last = window.days
    fact = registry.store(c, store_id, first) or registry.store(c, store_id, last)
    if fact is None:
        raise UnknownStore(store_id)
    return AskedStore(fact, window.at(fact.time_zone, fact.business_day_start, datetime.now(UTC)))


def asked_district(
    c: DatabaseDep, district_id: DistrictId, window: Annotated[AskedWindow, Depends(asked_window)]
) -> AskedDistrict:
    """Look the district up likewise; its days start at midnight."""
    first, last = window.days
    fact = registry.district(c, district_id, first) or registry.district(c, district_id, last)
    if fact is None:
        raise UnknownDistrict(district_id)
    return AskedDistrict(fact, window.at(fact.time_zone, datetime.min.time(), datetime.now(UTC)))


def asked_day(on: _On = None) -> date:
    """Return the day asked for, today in UTC if none was."""
    return on or datetime.now(UTC).date()


AskedStoreDep = Annotated[AskedStore, Depends(asked_store)]
AskedDistrictDep = Annotated[AskedDistrict, Depends(asked_district)]
AskedDayDep = Annotated[date, Depends(asked_day)]
