"""Dated annotations of a store or district: read here; entered and withdrawn on the command line of the platform.

The interfaces know no user and hold a connection that cannot write, so nobody enters anything through them.
"""

from __future__ import annotations

from fastapi import APIRouter

from analytics.annotations import annotations_of
from analytics.api import examples, examples_comparison
from analytics.api.database import DatabaseDep
from analytics.api.dependencies import AskedDistrictDep, AskedStoreDep
from analytics.api.problems import WINDOW_CODES, may_answer
from analytics.comparison.answer import AnnotationList
from ingest.store import registry

router = APIRouter(tags=["annotations"])

_EXAMPLE = examples.of(examples_comparison.ANNOTATIONS)


@router.get(
    "/stores/{store_id}/annotations",
    responses={**_EXAMPLE, **may_answer("invalid_request", "unknown_store", *WINDOW_CODES)},
)
def store_annotations(c: DatabaseDep, asked: AskedStoreDep) -> AnnotationList:
    """List what was noted of a store, and of its district, in a window."""
    found = annotations_of(c, [asked.fact.store_id], asked.fact.district_id, [asked.window])
    return AnnotationList(annotations=found)


@router.get(
    "/districts/{district_id}/annotations",
    responses={**_EXAMPLE, **may_answer("invalid_request", "unknown_district", *WINDOW_CODES)},
)
def district_annotations(c: DatabaseDep, asked: AskedDistrictDep) -> AnnotationList:
    """List what was noted of a district and its stores in a window."""
    stores = registry.stores(c, asked.fact.district_id, asked.window.first_date)
    places = [store.store_id for store in stores]
    return AnnotationList(annotations=annotations_of(c, places, asked.fact.district_id, [asked.window]))
