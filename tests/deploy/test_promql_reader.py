"""The reader of queries finds what is wrong with them, so that the checks which stand on it can fail."""

from __future__ import annotations

import pytest
from telemetry_tools import promql
from telemetry_tools.exported import TARGET_LABELS, Sample

EXPORTED = {
    sample.name: sample
    for sample in (
        Sample("depth", "gauge", TARGET_LABELS),
        Sample("refusals_total", "counter", TARGET_LABELS | {"reason"}),
        Sample("latency_seconds_bucket", "histogram", TARGET_LABELS | {"le"}),
    )
}


@pytest.mark.parametrize(
    ("expression", "series", "grouped_by"),
    [
        ('depth{instance=~"a.*"} > 0.8', {"depth"}, set()),
        ("sum by (reason) (increase(refusals_total[15m])) > 0", {"refusals_total"}, {"reason"}),
        ("sum(depth) by (instance) / on (instance) depth", {"depth"}, {"instance"}),
        (
            "histogram_quantile(0.99, sum by (le) (rate(latency_seconds_bucket[5m])))",
            {"latency_seconds_bucket"},
            {"le"},
        ),
        ("(sum(depth) or vector(0)) < 1", {"depth"}, set()),
        ("time() - topk(3, max by (job) (depth))", {"depth"}, {"job"}),
    ],
)
def test_what_a_query_uses(expression: str, series: set[str], grouped_by: set[str]) -> None:
    query = promql.read(expression, EXPORTED)
    assert (query.series, query.grouped_by, query.problems) == (series, grouped_by, [])


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("dept > 0", "dept is not exported"),
        ('depth{reason="x"}', "depth has no label reason"),
        ("sum by (reason) (depth)", "grouped by reason"),
        ("sum by (le) (rate(refusals_total[5m]))", "grouped by le"),
        ("refusals_total > 0", "refusals_total only grows"),
        ("rate(depth[5m])", "depth is no counter"),
    ],
)
def test_what_is_wrong_with_a_query(expression: str, problem: str) -> None:
    assert promql.read(expression, EXPORTED).problems == [problem]


@pytest.mark.parametrize(
    "expression",
    [
        "sum(depth",
        "depth)",
        "rate(depth)",
        "depth[5m]",
        "quantile_over_time(depth)",
        "depth offset 5m",
        'depth{instance="a}',
        "sum by instance (depth)",
        "sum by (instance (depth))",
        'depth{instance~"a"}',
        "depth ; depth",
    ],
)
def test_what_is_not_read_is_an_error(expression: str) -> None:
    with pytest.raises(promql.QueryError):
        promql.read(expression, EXPORTED)
