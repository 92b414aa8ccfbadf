"""The handbook's page of metrics lists what the processes export, and the reasons that there are: no more, no less."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from telemetry_tools import exported

from edge.wire.acknowledgement import RefusalReason
from edge.wire.batch import LossReason
from ingest.agent_lags import MOST_AGENTS
from ingest.progress import STANDS_STILL_AFTER_S

PAGE = (Path(__file__).parents[2] / "analytics" / "handbook" / "en" / "metrics.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(?P<name>\w+)(?:\{(?P<labels>[\w,]+)\})?` \| (?P<kind>\w+) \|", re.MULTILINE)


@pytest.mark.parametrize(
    ("prefix", "registry"),
    [
        ("smartstore_ingest_", exported.ingest),
        ("smartstore_scheduler_", exported.scheduler),
        ("smartstore_web_", exported.web),
    ],
)
def test_the_page_lists_every_metric_with_its_kind_and_labels(
    prefix: str, registry: Callable[[], CollectorRegistry]
) -> None:
    listed = [
        (row["name"], row["kind"], row["labels"] or "") for row in ROW.finditer(PAGE) if row["name"].startswith(prefix)
    ]
    metrics = [(metric.name, metric.kind, ",".join(metric.labels)) for metric in exported.metrics(registry())]
    assert listed == sorted(metrics)


def test_the_page_lists_every_reason_of_a_refusal() -> None:
    (table,) = re.findall(r"^\| reason \|.*?(?:\n\n|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(RefusalReason)


def test_the_page_names_every_reason_of_a_loss_and_the_bounds_that_hold() -> None:
    assert [reason for reason in LossReason if f"`{reason}`" not in PAGE] == []
    assert f"for {STANDS_STILL_AFTER_S:.0f} s" in PAGE
    assert f"of the {MOST_AGENTS} agents" in PAGE
