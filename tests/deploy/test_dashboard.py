"""The dashboard shows what the processes export: a metric that is renamed, or shown nowhere, fails here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from telemetry_tools import exported, promql

FILE = Path(__file__).parents[2] / "deploy" / "grafana" / "ingest.json"
DASHBOARD: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
DATA_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
CHINESE = re.compile(r"[\u4e00-\u9fff]")
MACROS = {"$__rate_interval": "5m", "$worker": ".*"}


@pytest.fixture(scope="module")
def registered() -> dict[str, exported.Sample]:
    return exported.samples([exported.ingest(), exported.scheduler(), exported.web()])


def query(expression: str, registered: dict[str, exported.Sample]) -> promql.Query:
    for macro, value in MACROS.items():
        expression = expression.replace(macro, value)
    return promql.read(expression, registered)


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
class TestPanel:
    def test_its_queries_use_what_is_exported(
        self, panel: dict[str, Any], registered: dict[str, exported.Sample]
    ) -> None:
        assert panel["targets"]
        for target in panel["targets"]:
            used = query(target["expr"], registered)
            assert used.problems == []
            assert used.series
            legend = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", target["legendFormat"]))
            assert legend <= used.grouped_by, "a legend names what the query does not group by"

    def test_it_asks_the_chosen_data_source(self, panel: dict[str, Any]) -> None:
        assert panel["datasource"] == DATA_SOURCE
        assert all(target["datasource"] == DATA_SOURCE for target in panel["targets"])

    def test_it_is_described_in_both_languages(self, panel: dict[str, Any]) -> None:
        english, chinese = panel["description"].partition(CHINESE.search(panel["description"])[0])[::2]  # type: ignore[index]
        assert re.search(r"[a-z]{3}", english)
        assert chinese


def test_every_metric_of_every_process_is_shown(registered: dict[str, exported.Sample]) -> None:
    used = {
        name for panel in PANELS for target in panel["targets"] for name in query(target["expr"], registered).series
    }
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in used}
    for registry in (exported.ingest(), exported.scheduler(), exported.web()):
        assert {metric.name for metric in exported.metrics(registry)} - shown == set()


def test_it_can_be_imported_anywhere() -> None:
    assert DASHBOARD["schemaVersion"] == 42  # the last of this model
    assert DASHBOARD["uid"] == "smartstore-ingest"
    assert DASHBOARD["id"] is None
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    assert variables["worker"]["datasource"] == DATA_SOURCE


def test_the_choice_of_workers_is_made_from_what_is_exported(registered: dict[str, exported.Sample]) -> None:
    (variable,) = (each for each in DASHBOARD["templating"]["list"] if each["name"] == "worker")
    match = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"])
    assert match
    assert match[2] in registered[match[1]].labels


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken
        taken |= cells
