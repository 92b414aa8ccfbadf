"""The completeness account of a finished play: what the agents accepted, held against what the ledger has."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from standalone.site import Site


@dataclass(frozen=True)
class AgentAccount:
    """One agent: readings that it accepted, and where the platform's ledger has them."""

    agent: str
    accepted: int
    """Readings, by the agent's own count."""
    pending: int
    """Readings still in the spool."""
    sealed: int
    """Readings of the batches in the ledger."""
    duplicates: int
    corrections: int
    stored: int
    """Rows in the tables of readings."""
    refused_batches: int
    lost_readings: int
    missing_batches: int
    chain_breaks: int

    def problems(self) -> list[str]:
        """Say what does not add up: every accepted reading must be committed exactly once, or accounted for."""
        found = []
        if self.accepted != self.sealed + self.pending + self.lost_readings and not self.refused_batches:
            found.append(
                f"{self.agent}: accepted {self.accepted:,}, but committed {self.sealed:,}, pending {self.pending:,}, "
                f"declared lost {self.lost_readings:,}"
            )
        if self.stored != self.sealed - self.duplicates - self.corrections:
            found.append(
                f"{self.agent}: {self.stored:,} rows stored, but {self.sealed:,} committed less {self.duplicates:,} "
                f"duplicates and {self.corrections:,} corrections"
            )
        if self.missing_batches or self.chain_breaks:
            found.append(
                f"{self.agent}: {self.missing_batches} batches missing, {self.chain_breaks} breaks of the chain"
            )
        if self.refused_batches:
            found.append(f"{self.agent}: {self.refused_batches} batches refused; see smartstore-ingest refusals list")
        if self.pending or self.lost_readings:
            found.append(f"{self.agent}: {self.pending:,} readings pending, {self.lost_readings:,} declared lost")
        return found


def accounts(site: Site) -> list[AgentAccount]:
    """Return the account of every agent of a site whose agents have ended."""
    ledger = site.ingest_account()
    return [_account(site, agent, [s for s in ledger if s["agent"] == agent]) for agent in site.agents]


def _account(site: Site, agent: str, spools: list[dict[str, Any]]) -> AgentAccount:
    status = site.edge_status(agent)

    def total(key: str) -> int:
        return sum(int(spool[key]) for spool in spools)

    return AgentAccount(
        agent=agent,
        accepted=status["totals"]["accepted_readings"],
        pending=status["depth"]["readings"],
        sealed=total("readings_sealed"),
        duplicates=total("duplicates"),
        corrections=total("corrections"),
        stored=site.database.rows_stored(agent),
        refused_batches=total("refused"),
        lost_readings=status["totals"]["lost_readings"],
        missing_batches=total("missing"),
        chain_breaks=total("chain_breaks"),
    )


def as_table(found: list[AgentAccount]) -> str:
    """Return the accounts as a table, one agent a line."""
    header = ("agent", "accepted", "committed", "stored", "duplicates", "corrections", "lost", "pending", "missing")
    rows = [
        (
            a.agent,
            a.accepted,
            a.sealed,
            a.stored,
            a.duplicates,
            a.corrections,
            a.lost_readings,
            a.pending,
            a.missing_batches,
        )
        for a in found
    ]
    lines = [f"{header[0]:<16}" + "".join(f"{name:>12}" for name in header[1:])]
    lines += [f"{row[0]:<16}" + "".join(f"{number:>12,}" for number in row[1:]) for row in rows]
    return "\n".join(lines)


def as_json(found: list[AgentAccount]) -> list[dict[str, Any]]:
    """Return the accounts as JSON-ready objects."""
    return [asdict(account) for account in found]
