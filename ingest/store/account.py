"""The completeness account: for every spool, where each sequence of its agent's batches stands.

A sequence stands in the first that holds: committed (in the ledger), refused (kept with its reason, whatever has become
of it since, or sealed again under the agent's next spool and committed there), declared lost (in a batch of this spool
or of the agent's next one), missing. The four add up to the highest sequence known; what an agent still holds in its
spool beyond that is not known here.

A refusal under a spool that belongs to another agent is not that spool's: its sender goes on under a new spool. A
refused payload whose sequence could not be read is recognised by the batch after it, which names its digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from ingest.store.connection import Database


@dataclass(frozen=True, slots=True)
class SpoolAccount:
    """The account of one spool: batches up to ``missing``, then readings, and breaks of the chain of batches.

    ``chain_breaks`` counts batches whose ``previous`` is not the digest of the batch before, where that one is known.
    """

    agent: str
    spool: UUID
    highest_sequence: int
    committed: int
    refused: int
    declared_lost: int
    missing: int
    readings_sealed: int
    duplicates: int
    corrections: int
    chain_breaks: int


@dataclass(frozen=True, slots=True)
class LossFact:
    """A declared loss that was not committed after all, with the time that its readings span."""

    agent: str
    first_t: datetime
    last_t: datetime
    readings: int
    reason: str


_ACCOUNT: LiteralString = """
with totals as materialized (  -- one pass over the ledger
    select spool_id, max(sequence) as highest, count(*) as batches, sum(readings) as readings,
           sum(duplicates) as duplicates, sum(corrections) as corrections,
           count(*) filter (where before = sequence - 1 and previous is distinct from before_sha256)
               as breaks,
           array_agg(sequence) filter (where sequence > 1 and before is distinct from sequence - 1) as ends
      from (select spool_id, sequence, sha256, previous, readings, duplicates, corrections,
                   lag(sequence) over by_sequence as before, lag(sha256) over by_sequence as before_sha256
              from ledger
            window by_sequence as (partition by spool_id order by sequence)) entries
     group by spool_id
), gap_ends as (  -- the entries whose predecessor is not in the ledger
    select spool_id, l.sequence, l.previous
      from totals t cross join unnest(t.ends) as sequence
      join ledger l using (spool_id, sequence)
), refusals_known as materialized (
    select s.spool_id, r.agent, r.spool, r.sequence, r.sha256
      from refusals r left join spools s on s.spool = r.spool
     where r.unit = 'batch' and r.sequence is not null and coalesce(s.agent, r.agent) = r.agent
    union
    select spool_id, s.agent, s.spool, e.sequence - 1, e.previous
      from gap_ends e
      join spools s using (spool_id)
      join refusals r on r.sha256 = e.previous and r.agent = s.agent
     where r.unit = 'batch' and r.sequence is null
), refused as materialized (
    select spool_id, agent, spool, sequence
      from (select spool_id, agent, spool, sequence from refusals_known
             union
            select o.spool_id, s.agent, l.resealed_spool, l.resealed_sequence
              from ledger l
              join spools s using (spool_id)
              left join spools o on o.spool = l.resealed_spool
             where l.resealed_spool is not null and coalesce(o.agent, s.agent) = s.agent) k
     where not exists (select from ledger l where l.spool_id = k.spool_id and l.sequence = k.sequence)
), islands as materialized (  -- the union of the declared ranges
    select spool_id, lower(range)::bigint as first_sequence, (upper(range) - 1)::bigint as last_sequence
      from (select spool_id, unnest(range_agg(numrange(first_sequence, last_sequence::numeric + 1))) as range
              from losses group by spool_id) d
), refused_in_islands as (
    select spool_id, count(*) as batches
      from refused r join islands i using (spool_id)
     where r.sequence between i.first_sequence and i.last_sequence
     group by spool_id
), lost as (  -- the islands, less what is committed or refused in them
    select i.spool_id, max(i.last_sequence) as highest,
           (sum(i.last_sequence::numeric - i.first_sequence + 1
                - (select count(*) from ledger l
                    where l.spool_id = i.spool_id and l.sequence between i.first_sequence and i.last_sequence))
            - coalesce(f.batches, 0))::bigint as batches
      from islands i left join refused_in_islands f on f.spool_id = i.spool_id
     group by i.spool_id, f.batches
), digests as (
    select spool_id, sequence, array_agg(sha256) as known
      from (select spool_id, sequence, sha256 from refusals_known where spool_id is not null
             union
            select spool_id, last_sequence, last_digest from losses) d
     group by spool_id, sequence
), breaks as (
    select e.spool_id, count(*) filter (where not coalesce(e.previous = any (d.known), false)) as breaks
      from gap_ends e join digests d on d.spool_id = e.spool_id and d.sequence = e.sequence - 1
     group by e.spool_id
), refused_totals as (
    select agent, spool, count(*) as batches, max(sequence) as highest from refused group by agent, spool
), spools_known as (
    select spool_id, agent, spool from spools
    union all
    select null, r.agent, r.spool
      from refused_totals r where not exists (select from spools s where s.spool = r.spool)
), standing as (
    select k.spool_id, k.agent, k.spool,
           greatest(t.highest, r.highest, o.highest, 0) as highest_sequence,
           coalesce(t.batches, 0) as committed, coalesce(r.batches, 0) as refused,
           coalesce(o.batches, 0) as declared_lost,
           coalesce(t.readings, 0) as readings_sealed, coalesce(t.duplicates, 0) as duplicates,
           coalesce(t.corrections, 0) as corrections,
           coalesce(t.breaks, 0) + coalesce(b.breaks, 0) as chain_breaks
      from spools_known k
      left join totals t on t.spool_id = k.spool_id
      left join lost o on o.spool_id = k.spool_id
      left join breaks b on b.spool_id = k.spool_id
      left join refused_totals r on r.agent = k.agent and r.spool = k.spool
)
select agent, spool, highest_sequence, committed, refused, declared_lost,
       highest_sequence - committed - refused - declared_lost as missing,
       readings_sealed, duplicates, corrections, chain_breaks
  from standing
 order by agent, spool_id nulls last, spool"""


def account(c: Database) -> list[SpoolAccount]:
    """Return the account of every spool, by agent and then by first appearance, in one consistent look."""
    with c.cursor(row_factory=class_row(SpoolAccount)) as cursor:
        return cursor.execute(_ACCOUNT).fetchall()


def missing_ranges(c: Database, agent: str, spool: UUID, limit: int = 20) -> list[tuple[int, int]]:
    """Return the first closed ranges of sequences of a spool that are neither committed, refused nor declared lost."""
    return c.execute(
        """
        with known as (
            select numrange(l.sequence, l.sequence + 1::numeric) as range
              from ledger l join spools s using (spool_id) where s.spool = %(spool)s and s.agent = %(agent)s
            union all
            select numrange(r.sequence, r.sequence + 1::numeric)
              from refusals r left join spools s on s.spool = r.spool
             where r.spool = %(spool)s and r.agent = %(agent)s and r.unit = 'batch' and r.sequence is not null
               and coalesce(s.agent, r.agent) = r.agent
            union all
            select numrange(l.sequence - 1, l.sequence)
              from ledger l
              join spools s using (spool_id)
              join refusals r on r.sha256 = l.previous and r.agent = s.agent
             where s.spool = %(spool)s and s.agent = %(agent)s and l.sequence > 1
               and r.unit = 'batch' and r.sequence is null
            union all
            select numrange(l.resealed_sequence, l.resealed_sequence + 1::numeric)
              from ledger l
              join spools s using (spool_id)
              left join spools o on o.spool = l.resealed_spool
             where l.resealed_spool = %(spool)s and s.agent = %(agent)s and coalesce(o.agent, s.agent) = s.agent
            union all
            select numrange(o.first_sequence, o.last_sequence + 1::numeric)
              from losses o join spools s using (spool_id) where s.spool = %(spool)s and s.agent = %(agent)s
        )
        select lower(gap)::bigint, (upper(gap) - 1)::bigint
          from (select unnest(nummultirange(numrange(1, max(upper(range)))) - range_agg(range)) as gap from known) gaps
         order by 1 limit %(limit)s""",
        {"spool": spool, "agent": agent, "limit": limit},
    ).fetchall()


def rows_by_spool(c: Database, agent: str | None = None) -> dict[UUID, int]:
    """Return how many stored readings came in the batches of each spool (of one agent); it looks at every reading.

    A spool's rows, duplicates, corrections and what retention removed add up to its sealed readings.
    """
    rows = c.execute(
        """
        select s.spool, sum(r.rows)::bigint
          from (select entry_id, count(*) as rows
                  from (select entry_id from readings_count
                         union all select entry_id from readings_state
                         union all select entry_id from readings_archive) readings
                 group by entry_id) r
          join ledger l using (entry_id)
          join spools s using (spool_id)
         where %(agent)s::text is null or s.agent = %(agent)s
         group by s.spool""",
        {"agent": agent},
    ).fetchall()
    return dict(rows)


def rows_stored(c: Database, agent: str) -> int:
    """Return how many stored readings came in an agent's batches; it looks at every reading."""
    return sum(rows_by_spool(c, agent).values())


def losses(c: Database, agents: Sequence[str], start: datetime, end: datetime) -> list[LossFact]:
    """Return the declared losses of these agents whose readings may lie in [start, end), in the order of time.

    A loss whose batches were all committed in the end is none; a commit always counts before a declaration. Numbers
    that are committed with another content (a spool restored from a copy made them twice) leave the loss as it is.
    """
    with c.cursor(row_factory=class_row(LossFact)) as cursor:
        return cursor.execute(
            """
            select s.agent, o.first_t, o.last_t, o.readings, o.reason
              from losses o join spools s using (spool_id)
             where s.agent = any(%(agents)s) and o.first_t < %(end)s and o.last_t >= %(start)s
               and ((select count(*) from ledger l
                      where l.spool_id = o.spool_id and l.sequence between o.first_sequence and o.last_sequence)
                    <= o.last_sequence - o.first_sequence
                    or not exists (select from ledger l where l.spool_id = o.spool_id and l.sequence = o.last_sequence
                                                          and l.sha256 = o.last_digest))
             order by o.first_t, o.last_t, s.agent, o.first_sequence""",
            {"agents": list(agents), "start": start, "end": end},
        ).fetchall()
