"""Alerts of a store, and of the stores of a district."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from analytics.alerts.answer import AlertList, list_alerts, store_alerts
from analytics.api import examples
from analytics.api.database import DatabaseDep
from analytics.api.dependencies import AskedDayDep, DistrictId, StoreId
from analytics.api.problems import may_answer
from analytics.errors import UnknownDistrict, UnknownStore
from ingest.store import registry

router = APIRouter(tags=["alerts"])

_Cleared = Annotated[bool, Query(description="Whether alerts that are cleared are listed too")]


@router.get(
    "/stores/{store_id}/alerts",
    responses={**examples.of(examples.ALERTS), **may_answer("unknown_store", "invalid_request")},
)
def alerts_of_store(c: DatabaseDep, store_id: StoreId, on: AskedDayDep, cleared: _Cleared = False) -> AlertList:
    """List what detectors found in a store."""
    if registry.store(c, store_id, on) is None:
        raise UnknownStore(store_id)
    return store_alerts(c, store_id, with_cleared=cleared)


@router.get(
    "/districts/{district_id}/alerts",
    responses={**examples.of(examples.ALERTS), **may_answer("unknown_district", "invalid_request")},
)
def alerts_of_district(
    c: DatabaseDep, district_id: DistrictId, on: AskedDayDep, cleared: _Cleared = False
) -> AlertList:
    """List what detectors found in the stores that belong to a district on a day."""
    version = registry.current_version(c)
    if registry.district(c, district_id, on, version) is None:
        raise UnknownDistrict(district_id)
    stores = [store.store_id for store in registry.stores(c, district_id, on, version)]
    return AlertList(
        district_id=district_id,
        registry_version=version,
        with_cleared=cleared,
        alerts=list_alerts(c, stores, with_cleared=cleared),
    )
