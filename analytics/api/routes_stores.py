"""Stores of the registry."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from analytics.api import examples
from analytics.api.database import DatabaseDep
from analytics.api.dependencies import AskedDayDep, StoreId
from analytics.api.models import Store, StoreList
from analytics.api.problems import may_answer
from analytics.errors import UnknownStore
from edge.wire.model import Identifier
from ingest.store import registry

router = APIRouter(tags=["stores"])

_District = Annotated[Identifier | None, Query(description="Only the stores of this district")]


@router.get("/stores", responses={**examples.of(examples.STORE_LIST), **may_answer("invalid_request")})
def list_stores(c: DatabaseDep, on: AskedDayDep, district: _District = None) -> StoreList:
    """List the stores valid on a day, by id."""
    version = registry.current_version(c)
    facts = registry.stores(c, district, on, version)
    return StoreList(on=on, registry_version=version, stores=tuple(Store.of(fact) for fact in facts))


@router.get(
    "/stores/{store_id}",
    responses={**examples.of(examples.STORE), **may_answer("invalid_request", "unknown_store")},
)
def show_store(c: DatabaseDep, store_id: StoreId, on: AskedDayDep) -> Store:
    """Show a store as it is valid on a day."""
    fact = registry.store(c, store_id, on)
    if fact is None:
        raise UnknownStore(store_id)
    return Store.of(fact)
