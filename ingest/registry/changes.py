"""What differs between two sets of the site model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ingest.registry.registry_set import ROW_TYPES, RegistrySet
from ingest.registry.rows import Agent, Device, RegistryRow


@dataclass(frozen=True, slots=True)
class TableChange:
    """The facts of one table that are in the earlier set alone, and those that are in the later one alone."""

    row_type: type[RegistryRow]
    ended: frozenset[RegistryRow]
    begun: frozenset[RegistryRow]


def compare(before: RegistrySet, after: RegistrySet) -> list[TableChange]:
    """Return the tables that differ; a fact that changed is one that ended and one that began."""
    changes = []
    for row_type in ROW_TYPES:
        old, new = frozenset(before.table(row_type)), frozenset(after.table(row_type))
        if old != new:
            changes.append(TableChange(row_type, old - new, new - old))
    return changes


def agents_with_more_rights(changes: list[TableChange]) -> list[str]:
    """Return the agents of which something may be taken now that was refused before, by name."""
    begun = [row for change in changes for row in change.begun]
    approved = {row.agent_id for row in begun if isinstance(row, Agent) and row.approved}
    return sorted(approved | {row.agent_id for row in begun if isinstance(row, Device)})


def approvals_withdrawn(before: RegistrySet, after: RegistrySet, on: date) -> list[str]:
    """Return the agents that were approved on a day by the earlier set and are not by the later one, by name."""
    return sorted(_approved(before, on) - _approved(after, on))


def _approved(registry: RegistrySet, on: date) -> set[str]:
    return {agent.agent_id for agent in registry.agents if agent.approved and agent.holds_on(on)}
