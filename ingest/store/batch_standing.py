"""Where the batches of some agents stand, by range of sequences, from kept counts: the rules are those of ``account``.

What ``account`` finds in a pass over the whole ledger is found here from its kept ranges and the entries since.
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
class StandingRange:
    """Successive sequences of a spool, first and last included, that stand in one place.

    ``standing`` is ``committed``, ``refused``, ``declared_lost`` or ``missing``. ``known_at`` is when the spool, or a
    refusal where the spool is known by refusals alone, was first seen; ``refused_until`` is when its latest refusal
    came.
    """

    agent: str
    spool: UUID
    spool_id: int | None
    standing: str
    first: int
    last: int
    known_at: datetime
    refused_until: datetime | None


@dataclass(frozen=True, slots=True)
class SealedBatches:
    """The entries of an agent that it sealed in the hours which begin in one interval, by the interval's number."""

    agent: str
    interval: int
    batches: int
    readings: int
    duplicates: int
    corrections: int


_RANGES: LiteralString = """
with own as materialized (
    select spool_id, agent, spool, first_seen from spools where agent = any(%(agents)s)
), fresh as materialized (
    select o.spool_id, o.agent, l.sequence, l.resealed_spool, l.resealed_sequence
      from ledger l join own o using (spool_id) where l.entry_id > (select entry_id from batches_counted)
), committed as materialized (
    select spool_id, range_agg(ranges) as ranges
      from (select spool_id, committed as ranges from batch_ranges join own using (spool_id)
             union all
            select spool_id, nummultirange(numrange(sequence, sequence + 1::numeric)) from fresh) c
     group by spool_id
), gap_ends as (
    select spool_id, lower(island)::bigint as sequence
      from committed cross join unnest(ranges) as island where lower(island) > 1
), refusals_known as (
    select s.spool_id, r.agent, r.spool, r.sequence, r.received_at
      from refusals r left join spools s on s.spool = r.spool
     where r.agent = any(%(agents)s) and r.unit = 'batch' and r.sequence is not null
       and coalesce(s.agent, r.agent) = r.agent
    union all
    select spool_id, o.agent, o.spool, l.sequence - 1, r.received_at
      from gap_ends join ledger l using (spool_id, sequence) join own o using (spool_id)
      join refusals r on r.agent = o.agent and r.sha256 = l.previous
     where r.unit = 'batch' and r.sequence is null
    union all
    select s.spool_id, n.agent, n.spool, n.sequence, null
      from (select agent, spool, sequence from batches_resealed where agent = any(%(agents)s)
             union all
            select agent, resealed_spool, resealed_sequence from fresh where resealed_spool is not null) n
      left join spools s on s.spool = n.spool
     where coalesce(s.agent, n.agent) = n.agent
), refused as (
    select spool_id, agent, spool, range_agg(numrange(sequence, sequence + 1::numeric)) as ranges,
           min(received_at) as first_at, max(received_at) as last_at
      from refusals_known group by spool_id, agent, spool
), lost as (
    select spool_id, range_agg(numrange(first_sequence, last_sequence + 1::numeric)) as ranges
      from losses join own using (spool_id) group by spool_id
), known as (
    select o.spool_id, o.agent, o.spool, o.first_seen as known_at, coalesce(c.ranges, '{}') as committed,
           coalesce(r.ranges, '{}') as refused, r.last_at as refused_until, coalesce(l.ranges, '{}') as lost
      from own o
      left join committed c using (spool_id)
      left join refused r using (spool_id)
      left join lost l using (spool_id)
    union all
    select null, agent, spool, coalesce(first_at, now()), '{}', ranges, last_at, '{}'
      from refused where spool_id is null
), standing as (
    select spool_id, agent, spool, known_at, refused_until, committed, refused - committed as refused,
           lost - committed - refused as lost,
           nummultirange(numrange(1, upper(committed + refused + lost))) - committed - refused - lost as missing
      from known where not isempty(committed + refused + lost)
)
select s.agent, s.spool, s.spool_id, p.standing, lower(range)::bigint as first, (upper(range) - 1)::bigint as last,
       s.known_at, s.refused_until
  from standing s
 cross join lateral (values ('committed', s.committed), ('refused', s.refused), ('declared_lost', s.lost),
                            ('missing', s.missing)) as p (standing, ranges)
 cross join lateral unnest(p.ranges) as range
 order by s.agent, s.spool, 5"""


def standing_ranges(c: Database, agents: Sequence[str]) -> list[StandingRange]:
    """Return every sequence of these agents' spools in exactly one range, by agent, spool and sequence."""
    with c.cursor(row_factory=class_row(StandingRange)) as cursor:
        return cursor.execute(_RANGES, {"agents": list(agents)}).fetchall()


def sealed_at(c: Database, entries: Sequence[tuple[int, int]]) -> dict[tuple[int, int], datetime]:
    """Return when the batches of these ledger entries, given by number of spool and sequence, were sealed."""
    if not entries:
        return {}
    spools, sequences = zip(*entries, strict=True)
    rows = c.execute(
        """select spool_id, sequence, sealed_at
             from ledger
             join unnest(%s::integer[], %s::bigint[]) as k (spool_id, sequence) using (spool_id, sequence)""",
        [list(spools), list(sequences)],
    )
    return {(spool, sequence): at for spool, sequence, at in rows}


def sealed_batches(c: Database, agents: Sequence[str], bounds: Sequence[datetime]) -> list[SealedBatches]:
    """Return the entries of these agents by intervals between ascending bounds, those not counted yet included."""
    with c.cursor(row_factory=class_row(SealedBatches)) as cursor:
        return cursor.execute(
            """select agent, width_bucket(hour, %(bounds)s::timestamptz[]) - 1 as interval,
                      sum(batches)::bigint as batches, sum(readings)::bigint as readings,
                      sum(duplicates)::bigint as duplicates, sum(corrections)::bigint as corrections
                 from (select spool_id, hour, batches, readings, duplicates, corrections from batch_hours
                        union all
                       select spool_id, date_bin('1 hour', sealed_at, '0001-01-01 00:00:00Z'), 1, readings, duplicates,
                              corrections
                         from ledger where entry_id > (select entry_id from batches_counted)) b
                 join spools s using (spool_id)
                where s.agent = any(%(agents)s) and hour >= %(start)s and hour < %(end)s
                group by 1, 2""",
            {"agents": list(agents), "bounds": list(bounds), "start": bounds[0], "end": bounds[-1]},
        ).fetchall()


def refused_payloads(c: Database, agents: Sequence[str], start: datetime, end: datetime) -> list[tuple[str, datetime]]:
    """Return agent and hour, in [start, end), of each payload that an agent's decoders refused and that is kept.

    It is the hour in which the batch was sealed with which the refusal travelled.
    """
    return c.execute(
        """select agent, hour
             from (select r.agent, date_bin('1 hour', l.sealed_at, '0001-01-01 00:00:00Z') as hour
                     from refusals r join spools s on s.spool = r.spool
                     join ledger l on l.spool_id = s.spool_id and l.sequence = r.sequence
                    where r.agent = any(%s) and r.unit = 'reading') p
            where hour >= %s and hour < %s""",
        [list(agents), start, end],
    ).fetchall()
