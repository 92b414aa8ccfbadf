"""The metric catalogue (the process's own figures for Prometheus are at /metrics)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from analytics.api import examples
from analytics.api.models import Catalogue, CatalogueEntry
from analytics.api.problems import may_answer
from analytics.catalogue.all_metrics import METRICS
from analytics.errors import UnknownMetric

router = APIRouter(tags=["metrics"])

_Name = Annotated[str, Path(description="Name of a metric", examples=["footfall_entries"])]


@router.get("/metrics-catalogue", responses={**examples.of(examples.CATALOGUE), **may_answer()})
def list_metrics() -> Catalogue:
    """List every metric with its names, unit, formula, source and completeness floor."""
    return Catalogue(metrics=tuple(CatalogueEntry.of(metric) for metric in METRICS.values()))


@router.get(
    "/metrics-catalogue/{name}",
    responses={**examples.of(examples.CATALOGUE_ENTRY), **may_answer("invalid_request", "unknown_metric")},
)
def show_metric(name: _Name) -> CatalogueEntry:
    """Describe one metric."""
    if name not in METRICS:
        raise UnknownMetric(name)
    return CatalogueEntry.of(METRICS[name])
