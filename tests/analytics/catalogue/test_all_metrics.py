import re

import pytest

from analytics.catalogue.all_metrics import METRICS
from analytics.catalogue.metric import Metric
from analytics.catalogue.nominal_periods import NOMINAL_PERIOD_S
from analytics.results import Facility
from edge.wire.quantities import QUANTITIES
from ingest.registry.points import FACILITY_KINDS, POINT_KINDS

UNITS = {"count", "ratio", "kWh", "h", "persons", "min", "s", "person_min_per_m2"}


def test_every_area_has_metrics_in_the_order_of_the_answer() -> None:
    order = [metric.facility for metric in METRICS.values()]
    assert list(dict.fromkeys(order)) == list(Facility)
    assert order == sorted(order, key=list(Facility).index)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS.keys())
def test_a_record_is_whole(metric: Metric) -> None:
    assert re.search(r"[\u4e00-\u9fff]", metric.name_zh)
    assert min(map(len, (metric.formula, metric.source, metric.edge_cases, metric.name_en))) > 5
    assert metric.unit in UNITS
    assert metric.quantities
    assert set(metric.quantities) <= set(QUANTITIES) & set(NOMINAL_PERIOD_S)
    assert 0 < metric.completeness_floor <= 1
    assert metric.measure.__doc__
    if metric.point_kinds:
        kinds = metric.point_kinds | metric.beside
        assert metric.point_kinds & FACILITY_KINDS[metric.facility]
        assert kinds <= set(POINT_KINDS)
        assert all(any(q in POINT_KINDS[kind] for kind in kinds) for q in metric.quantities)


def test_every_quantity_that_a_metric_needs_has_a_nominal_period() -> None:
    needed = {quantity for metric in METRICS.values() for quantity in metric.quantities}
    assert needed <= set(NOMINAL_PERIOD_S) <= set(QUANTITIES)
