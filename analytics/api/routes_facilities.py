"""The smart facilities of a store or district as a whole, and one metric of a store."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from analytics import evaluate, facilities
from analytics.api import examples
from analytics.api.database import DatabaseDep
from analytics.api.dependencies import AskedDistrictDep, AskedStoreDep
from analytics.api.problems import WINDOW_CODES, may_answer
from analytics.results import DistrictAnswer, FacilitiesAnswer, Result

router = APIRouter(tags=["facilities"])

_MetricName = Annotated[
    str, Path(alias="name", description="Name of a metric in the catalogue", examples=["footfall_entries"])
]


@router.get(
    "/stores/{store_id}/facilities",
    responses={
        **examples.of(examples.STORE_ANSWER),
        **may_answer("invalid_request", "unknown_store", *WINDOW_CODES),
    },
)
def store_facilities(c: DatabaseDep, asked: AskedStoreDep) -> FacilitiesAnswer:
    """Answer the smart facilities of a store over a window, area by area."""
    return facilities.store_answer(c, asked.fact.store_id, asked.window)


@router.get(
    "/stores/{store_id}/metrics/{name}",
    responses={
        **examples.of(examples.RESULT),
        **may_answer("invalid_request", "unknown_store", "unknown_metric", *WINDOW_CODES),
    },
)
def store_metric(c: DatabaseDep, asked: AskedStoreDep, name: _MetricName) -> Result:
    """Answer one metric of a store over a window."""
    return evaluate.evaluate(c, name, asked.fact.store_id, asked.window)


@router.get(
    "/districts/{district_id}/facilities",
    responses={
        **examples.of(examples.DISTRICT_ANSWER),
        **may_answer("invalid_request", "unknown_district", *WINDOW_CODES),
    },
)
def district_facilities(c: DatabaseDep, asked: AskedDistrictDep) -> DistrictAnswer:
    """Answer the smart facilities of a district over a window: its stores by areas, and measured sums."""
    return facilities.district_answer(c, asked.fact.district_id, asked.window)
