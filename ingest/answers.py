"""What agents are told after a commit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from uuid import UUID

from edge.wire.acknowledgement import Acknowledgement, Refused, ranges_of
from ingest.store.entries import Written

Addressee = tuple[str, UUID | None]
"""An agent and one of its spools; None: what was refused names no spool."""


def acknowledgements(
    written: Written, wanted: Mapping[tuple[str, UUID], set[str]], at_us: int
) -> list[tuple[str, Acknowledgement]]:
    """Return for each agent and spool that a write touched its acknowledgement.

    Parameters
    ----------
    written
        A write that is committed: nothing else may be acknowledged.
    wanted
        Digests of the series tables that batches of an agent's spool wait for.
    at_us
        Time of the commit.
    """
    committed: dict[Addressee, list[int]] = defaultdict(list)
    for entry in written.committed:
        committed[entry.agent, entry.batch.spool].append(entry.batch.sequence)
    for agent, (spool, sequence) in written.redelivered:
        committed[agent, spool].append(sequence)
    refused: dict[Addressee, dict[tuple[bytes, str], Refused]] = defaultdict(dict)
    for refusal in written.refused:
        told = Refused(sha256=refusal.sha256.hex(), reason=refusal.reason, detail=refusal.detail[:500])
        refused[refusal.agent, refusal.spool][refusal.sha256, refusal.reason] = told
    addressees: set[Addressee] = {*committed, *refused, *wanted}
    return [
        (
            agent,
            Acknowledgement(
                spool=spool,
                committed=ranges_of(committed.get((agent, spool), [])),
                refused=list(refused.get((agent, spool), {}).values()),
                wanted_tables=sorted(wanted.get((agent, spool), ())) if spool else [],
                head=written.heads.get(spool) if spool and (agent, spool) in committed else None,
                at_us=at_us,
            ),
        )
        for agent, spool in sorted(addressees, key=str)
    ]
