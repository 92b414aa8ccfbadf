"""Districts of the registry."""

from __future__ import annotations

from fastapi import APIRouter

from analytics.api import examples
from analytics.api.database import DatabaseDep
from analytics.api.dependencies import AskedDayDep, DistrictId
from analytics.api.models import District, DistrictList
from analytics.api.problems import may_answer
from analytics.errors import UnknownDistrict
from ingest.store import registry

router = APIRouter(tags=["districts"])


@router.get("/districts", responses={**examples.of(examples.DISTRICT_LIST), **may_answer("invalid_request")})
def list_districts(c: DatabaseDep, on: AskedDayDep) -> DistrictList:
    """List the districts valid on a day, by id."""
    version = registry.current_version(c)
    facts = registry.districts(c, on, version)
    return DistrictList(on=on, registry_version=version, districts=tuple(District.of(fact) for fact in facts))


@router.get(
    "/districts/{district_id}",
    responses={**examples.of(examples.DISTRICT), **may_answer("invalid_request", "unknown_district")},
)
def show_district(c: DatabaseDep, district_id: DistrictId, on: AskedDayDep) -> District:
    """Show a district as it is valid on a day."""
    fact = registry.district(c, district_id, on)
    if fact is None:
        raise UnknownDistrict(district_id)
    return District.of(fact)
