"""The page of the metric catalogue, made from the records themselves."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from analytics.api.models import CatalogueEntry
from analytics.catalogue.all_metrics import METRICS
from analytics.web.page_answer import page_answer
from analytics.web.page_request import PageRequestDep

router = APIRouter(include_in_schema=False)


@router.get("/catalogue", response_class=HTMLResponse)
def catalogue_page(page: PageRequestDep) -> HTMLResponse:
    """Show every metric by area: unit, formula, source, edge cases, what it is made of."""
    return page_answer(page, "catalogue.html", metrics=[CatalogueEntry.of(metric) for metric in METRICS.values()])
