import re
from types import CodeType, FunctionType, ModuleType

import pytest

from analytics.catalogue.all_metrics import METRICS
from analytics.catalogue.metric import Metric
from analytics.catalogue.nominal_periods import NOMINAL_PERIOD_S
from analytics.results import Facility
from analytics.wording import texts
from edge.wire.quantities import QUANTITIES
from ingest.registry.points import FACILITY_KINDS, POINT_KINDS


def test_every_area_has_metrics_in_the_order_of_the_answer() -> None:
    order = [metric.facility for metric in METRICS.values()]
    assert list(dict.fromkeys(order)) == list(Facility)
    assert order == sorted(order, key=list(Facility).index)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS.keys())
def test_a_record_is_whole(metric: Metric) -> None:
    assert re.search(r"[\u4e00-\u9fff]", metric.name_zh)
    assert min(map(len, (metric.formula, metric.source, metric.edge_cases, metric.name_en))) > 5
    assert {f"unit.{metric.unit}", f"unit_name.{metric.unit}"} & set(texts.catalogue()), "a unit has its words"
    assert metric.quantities or not metric.point_kinds
    assert set(metric.quantities) <= set(QUANTITIES) & set(NOMINAL_PERIOD_S)
    assert 0 <= metric.completeness_floor <= 1
    assert metric.measure.__doc__
    if metric.point_kinds:
        kinds = metric.point_kinds | metric.beside
        assert metric.point_kinds & FACILITY_KINDS[metric.facility]
        assert kinds <= set(POINT_KINDS)
        assert all(any(q in POINT_KINDS[kind] for kind in kinds) for q in metric.quantities)


def test_every_quantity_that_a_metric_needs_has_a_nominal_period() -> None:
    needed = {quantity for metric in METRICS.values() for quantity in metric.quantities}
    needed |= {quantity for of_kind in POINT_KINDS.values() for quantity in of_kind}  # some metrics take every one
    assert needed <= set(NOMINAL_PERIOD_S) <= set(QUANTITIES)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS.keys())
def test_what_it_computes_has_an_example_that_runs(metric: Metric) -> None:
    """Pytest runs every docstring's example; of each metric one is in what its function calls, or in itself."""
    seen: set[object] = set()
    waiting: list[object] = [metric.measure]
    while waiting:
        function = waiting.pop()
        if ">>>" in (getattr(function, "__doc__", None) or ""):
            return
        seen.add(function)
        waiting += [called for called in _called(function) if called not in seen]
    pytest.fail(f"no function that {metric.name} calls shows an example")


def _called(function: object) -> list[object]:
    """Return the functions and classes of analytics.metrics that a function names."""
    if not isinstance(function, FunctionType):
        return []
    codes, names = [function.__code__], set[str]()
    while codes:
        code = codes.pop()
        names |= set(code.co_names)
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    found = [function.__globals__.get(name) for name in names]
    ours = [each for each in found if isinstance(each, ModuleType) and each.__name__.startswith("analytics.")]
    found += [getattr(module, name) for module in ours for name in names if hasattr(module, name)]
    return [each for each in found if getattr(each, "__module__", "").startswith("analytics.metrics")]
