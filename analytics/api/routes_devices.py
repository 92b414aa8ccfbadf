"""Devices of a store."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter

from analytics.api import examples
from analytics.api.database import DatabaseDep
from analytics.api.dependencies import AskedDayDep, StoreId
from analytics.api.models import Device, DeviceList
from analytics.api.problems import may_answer
from analytics.errors import UnknownStore
from ingest.store import registry

router = APIRouter(tags=["devices"])


@router.get(
    "/stores/{store_id}/devices",
    responses={**examples.of(examples.DEVICE_LIST), **may_answer("invalid_request", "unknown_store")},
)
def list_devices(c: DatabaseDep, store_id: StoreId, on: AskedDayDep) -> DeviceList:
    """List the devices of a store that are valid on a day, by id."""
    version = registry.current_version(c)
    if registry.store(c, store_id, on, version) is None:
        raise UnknownStore(store_id)
    facts = registry.devices(c, store_id, on, on + timedelta(days=1), version)
    devices = tuple(Device.of(fact) for fact in facts)
    return DeviceList(store_id=store_id, on=on, registry_version=version, devices=devices)
