"""Every fault, in the order of the table."""

from __future__ import annotations

from fnmatch import fnmatch

from faults.suite import broker_faults, database_faults, deliveries, doubtful_commits, kills, lines, workers
from faults.suite.scenario import Scenario

EVERY: tuple[Scenario, ...] = (
    *kills.SCENARIOS,
    *doubtful_commits.SCENARIOS,
    *broker_faults.SCENARIOS,
    *lines.SCENARIOS,
    *database_faults.SCENARIOS,
    *deliveries.SCENARIOS,
    *workers.SCENARIOS,
)


def chosen(pattern: str) -> list[Scenario]:
    """Return the faults whose names match a pattern, or hold it as a text."""
    return [scenario for scenario in EVERY if pattern in scenario.name or fnmatch(scenario.name, pattern)]
