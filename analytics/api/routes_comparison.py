"""A window against another: comparisons of a metric, and what a change of a footfall consists of."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from analytics.api import examples, examples_comparison
from analytics.api.database import DatabaseDep
from analytics.api.dependencies import AskedDistrictDep, AskedStoreDep
from analytics.api.problems import COMPARISON_CODES, may_answer
from analytics.comparison.alignment import Against, Alignment
from analytics.comparison.answer import Comparison, DistrictComparison
from analytics.comparison.compare import ComparisonQuestion, compare_district, compare_store
from analytics.day_types import Holiday
from analytics.explain.answer import Explanation
from analytics.explain.explain import explain_district, explain_store
from analytics.window_text import AskedWindow, WindowRefusedError

router = APIRouter(tags=["comparison"])

_Against = Annotated[Against, Query(description="By what the window is aligned with the one it is compared with")]
_Year = Annotated[int | None, Query(ge=1970, le=8999, description="Year to compare with; the year before if left out")]
_Holiday = Annotated[
    Holiday | None, Query(description="Holiday to align by; the one in or near the window if left out")
]
_At = Annotated[date | None, Query(description="The day that parts before from after")]
_OtherFrom = Annotated[str | None, Query(description="Start of the other window, for against=window")]
_OtherTo = Annotated[str | None, Query(description="End of the other window, not included")]
_Metric = Annotated[str, Query(description="Name of a metric in the catalogue", examples=["footfall_entries"])]
_Footfall = Annotated[str, Query(description="footfall_entries or footfall_exits")]
_Like = Annotated[bool, Query(description="Only what is in both windows throughout; what that leaves out is named")]
_STORE_CODES = ("invalid_request", "unknown_store", "unknown_metric", *COMPARISON_CODES)
_DISTRICT_CODES = ("invalid_request", "unknown_district", "unknown_metric", *COMPARISON_CODES)


def asked_alignment(  # noqa: PLR0913, PLR0917 - a question of a form has its fields
    against: _Against = Against.LIKE_PERIOD,
    base_year: _Year = None,
    holiday: _Holiday = None,
    at: _At = None,
    against_from: _OtherFrom = None,
    against_to: _OtherTo = None,
) -> Alignment:
    """Read what to compare with."""
    if (against_from is None) != (against_to is None):
        raise WindowRefusedError("comparison_needs", against=against, name="against_from, against_to")
    other = None if against_from is None or against_to is None else AskedWindow.read(against_from, against_to)
    return Alignment(against, base_year, holiday, at, other)


_Alignment = Annotated[Alignment, Depends(asked_alignment)]


@router.get(
    "/stores/{store_id}/comparison",
    responses={**examples.of(examples_comparison.COMPARISON), **may_answer(*_STORE_CODES)},
)
def store_comparison(
    c: DatabaseDep, asked: AskedStoreDep, alignment: _Alignment, metric: _Metric, like_for_like: _Like = False
) -> Comparison:
    """Compare a metric of a store over a window with another window, with both coverages and completenesses."""
    question = ComparisonQuestion(metric, alignment, like_for_like)
    return compare_store(c, asked.fact.store_id, asked.window, question)


@router.get(
    "/districts/{district_id}/comparison",
    responses={**examples.of(examples_comparison.DISTRICT_COMPARISON), **may_answer(*_DISTRICT_CODES)},
)
def district_comparison(
    c: DatabaseDep, asked: AskedDistrictDep, alignment: _Alignment, metric: _Metric, like_for_like: _Like = False
) -> DistrictComparison:
    """Compare a metric of a district's stores over two windows; stores whose intervals overlap are not ranked."""
    question = ComparisonQuestion(metric, alignment, like_for_like)
    return compare_district(c, asked.fact.district_id, asked.window, question)


@router.get(
    "/stores/{store_id}/explain",
    responses={**examples.of(examples_comparison.EXPLANATION), **may_answer(*_STORE_CODES)},
)
def store_explanation(
    c: DatabaseDep, asked: AskedStoreDep, alignment: _Alignment, metric: _Footfall = "footfall_entries"
) -> Explanation:
    """Split the change of a store's footfall between two windows into parts that sum exactly."""
    return explain_store(c, asked.fact.store_id, asked.window, metric, alignment)


@router.get(
    "/districts/{district_id}/explain",
    responses={**examples.of(examples_comparison.EXPLANATION), **may_answer(*_DISTRICT_CODES)},
)
def district_explanation(
    c: DatabaseDep, asked: AskedDistrictDep, alignment: _Alignment, metric: _Footfall = "footfall_entries"
) -> Explanation:
    """Split the change of the footfall of a district's stores likewise, store by store."""
    return explain_district(c, asked.fact.district_id, asked.window, metric, alignment)
