"""The alert rules stand on what the processes export, and fire when they should."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from telemetry_tools import exported, promql
from telemetry_tools.alert_rules import AlertRule, read

FILE = Path(__file__).parents[2] / "deploy" / "prometheus" / "alerts.yml"
RULES = read(FILE)


@pytest.fixture(scope="module")
def registered() -> dict[str, exported.Sample]:
    return exported.samples([exported.ingest(), exported.scheduler()])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.alert)
class TestRule:
    def test_it_uses_what_is_exported(self, rule: AlertRule, registered: dict[str, exported.Sample]) -> None:
        used = promql.read(rule.expr, registered)
        assert used.problems == []
        assert used.series
        named = {label for text in rule.annotations.values() for label in re.findall(r"\$labels\.(\w+)", text)}
        grouped = used.grouped_by or frozenset.intersection(*(registered[name].labels for name in used.series))
        assert named <= grouped, "a text names a label that the alert does not have"

    def test_it_says_what_to_do_in_both_languages(self, rule: AlertRule) -> None:
        assert set(rule.annotations) == {"summary", "summary_zh", "fix", "fix_zh"}
        chinese = {key: bool(re.search(r"[\u4e00-\u9fff]", text)) for key, text in rule.annotations.items()}
        assert chinese == {"summary": False, "summary_zh": True, "fix": False, "fix_zh": True}

    def test_it_has_a_severity(self, rule: AlertRule) -> None:
        assert rule.severity


def test_each_has_a_name_of_its_own() -> None:
    names = [rule.alert for rule in RULES]
    assert len(set(names)) == len(names) >= 6


def test_prometheus_takes_the_rules_and_they_fire() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool, a part of Prometheus, is not installed")
    check = subprocess.run([promtool, "check", "rules", FILE], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stderr + check.stdout
    cases = Path(__file__).parent / "alert_cases.yml"
    fired = subprocess.run([promtool, "test", "rules", cases], capture_output=True, text=True, check=False)
    assert fired.returncode == 0, fired.stderr + fired.stdout
