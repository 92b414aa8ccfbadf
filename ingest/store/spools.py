"""Spools: who owns each, and the head of its ledger, chained over the entries in the order of their commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from edge.wire.acknowledgement import LedgerHead
from ingest.store.connection import Database
from ingest.store.entries import Entry


@dataclass(slots=True)
class Spool:
    """A spool as the ledger knows it; ``head`` is the digest over its ``entries``.

    ``open_refusals`` tells whether its agent has a refusal that is open, which a batch may settle.
    """

    number: int
    agent: str
    entries: int
    head: bytes
    open_refusals: bool

    def advance(self, payload_sha256: bytes, row_root: bytes) -> None:
        """Chain one more entry to the head."""
        self.head = sha256(self.head + payload_sha256 + row_root).digest()
        self.entries += 1

    def ledger_head(self) -> LedgerHead:
        """Return the head as an acknowledgement carries it."""
        return LedgerHead(entries=self.entries, digest=self.head.hex())


def lock_spools(connection: Database, entries: Sequence[Entry]) -> dict[UUID, Spool]:
    """Open the spools that are new, the first agent owning each, and lock all that a write concerns in one order."""
    first_agents: dict[UUID, str] = {}
    for entry in entries:
        for spool in entry.spools:
            first_agents.setdefault(spool, entry.agent)
    if not first_agents:
        return {}
    locked = _locked(connection, list(first_agents))
    missing = [spool for spool in first_agents if spool not in locked]
    if missing:
        connection.execute(
            """insert into spools (spool, agent)
               select * from unnest(%s::uuid[], %s::text[]) order by 1
               on conflict (spool) do nothing""",
            [missing, [first_agents[spool] for spool in missing]],
        )
        # Two workers that open the same spools can deadlock here; one of them is then told to write again.
        locked |= _locked(connection, missing)
    return locked


def _locked(connection: Database, spools: Sequence[UUID]) -> dict[UUID, Spool]:
    rows = connection.execute(
        """select spool, spool_id, agent, entries, head,
                  exists (select from refusals r where r.agent = spools.agent and r.state = 'open')
             from spools where spool = any(%b) order by spool_id for update""",
        [spools],
    )
    return {spool: Spool(*particulars) for spool, *particulars in rows}


def store_heads(connection: Database, changed: Sequence[Spool]) -> None:
    """Store the heads of spools whose ledger grew."""
    if changed:
        connection.execute(
            """update spools s set entries = n.entries, head = n.head
                 from unnest(%s::integer[], %s::bigint[], %s::bytea[]) as n (spool_id, entries, head)
                where s.spool_id = n.spool_id""",
            [[s.number for s in changed], [s.entries for s in changed], [s.head for s in changed]],
        )
