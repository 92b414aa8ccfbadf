"""Retention removes rows and nothing else: accounts, proofs, buckets and increments stay whatever happens meanwhile."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import numpy as np
import psycopg
import pytest
from ingest_steps import Steps, instant
from sealed_batches import SealingAgent, counter_series, delivery, gauge, interval, register
from storage_tools import dying_run
from storage_tools.dying_run import KEEP_DAYS
from storage_tools.sealed_leaves import leaves_told, sealed_leaves, tree_root

from analytics.increments import fetch_increments
from analytics.scheduler.aggregation import Aggregation
from analytics.scheduler.compression import Compression
from analytics.scheduler.hearing import Hearing
from analytics.scheduler.rollup import Rollup
from edge.wire.series import Kind, Origin, Series, SeriesTable, Unit
from ingest.backup.facts import sampled_roots
from ingest.retention import Retention, Stage, UnprovenError
from ingest.store import compression, ledger
from ingest.store import retention as store
from ingest.store.account import account, rows_by_spool
from ingest.store.buckets import Measure, fetch_buckets
from ingest.store.connection import connect
from ingest.store.readings import fetch_series
from ingest.store.retention import LeavesMissingError, ReadingsRemovedError, Removed
from ingest.store.series import retention_class
from ingest.store.watermarks import watermarks

START_US = 1_735_689_600_000_000  # 2025-01-01T00:00:00Z
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
DAYS = 8
SEALED_US = START_US + DAYS * DAY_US
NOW = instant(SEALED_US)
"""By the clock of the tests: eight days after the first reading, so that readings of five go."""
GONE_BEFORE = instant(START_US + 5 * DAY_US)
TABLE = SeriesTable.of([gauge("m1"), gauge("m2"), interval("m3"), counter_series("m4")])
KEYS = [("m1", "temperature", ""), ("m2", "temperature", ""), ("m3", "entries", ""), ("m4", "active_energy", "")]
M1, COUNTER = (next(n for n, s in enumerate(TABLE.series) if s.device == device) for device in ("m1", "m4"))
BUCKETS = [f"buckets_{width}_{of}" for width in ("15m", "60m", "480m") for of in ("count", "state", "archive")]


@dataclass
class Site:
    """An agent with what it sealed, and the steps of ingest."""

    steps: Steps
    agent: SealingAgent
    sealed: dict[int, bytes] = field(default_factory=dict)
    """Payloads by sequence."""

    @property
    def connection(self) -> psycopg.Connection[Any]:
        return self.steps.connection

    def take(self, rows: list[tuple[int, int, float]], origin: Origin = Origin.MEASURED, **given: Any) -> None:
        """Commit rows of (series, µs after the start, value) as a batch, sealed at its latest reading."""
        payload = self.agent.seal(
            rows, base_us=START_US, origin=origin, sealed_us=START_US + max(us for _, us, _ in rows), **given
        )
        self.sealed[self.agent.sequence] = payload
        self.steps.take("a", payload)

    def remove(self, **given: Any) -> list[Removed]:
        removed: list[Removed] = []
        Retention(self.connection, KEEP_DAYS, report=removed.append, **given).run(NOW)
        return removed


@pytest.fixture
def site(database: str) -> Iterator[Site]:
    with closing(connect(database, "test")) as connection:
        if compression.has_chunks(connection):
            compression.set_chunk_interval(connection, timedelta(days=1))
        register(connection, "a", ["m1", "m2", "m3", "m4"])
        agent, steps = SealingAgent("a", TABLE), Steps(connection)
        steps.take("a", agent.table_payload)
        yield Site(steps, agent)


def live(site: Site, days: int = DAYS) -> None:
    """Commit a reading of each series every half hour, in batches that reach over midnight."""
    for begin in range(0, days * 48, 9):
        moments = range(begin, min(begin + 9, days * 48))
        site.take([(n, m * HOUR_US // 2, float(m * (n + 1))) for m in moments for n in range(4)])


def otherwise(site: Site, seed: int) -> None:
    """Commit what is not each a new row, or lies over days: again, different, both in one batch, old imports."""
    made = random.Random(seed)

    def moment() -> int:
        return made.randrange(DAYS * 48) * HOUR_US // 2

    for _ in range(6):
        rows = [(n, moment() + made.choice([0, 0, 60_000_000]), float(made.randrange(400))) for n in range(4)]
        again = [(n, us, value + made.choice([0, 1])) for n, us, value in rows]
        site.take([*rows, *again, *rows[:2]], flags=[made.randrange(2) for _ in range(10)])
        site.take(again)
        site.take(rows, Origin.IMPORTED)
    for n in range(3):  # over all days, new rows alone
        site.take([(made.randrange(4), day * DAY_US + n * 60_000_000 + 7, 3.0) for day in range(DAYS)])


def settle(site: Site) -> None:
    compute(site)
    while Hearing(site.connection).run():
        pass


def compute(site: Site) -> None:
    while Aggregation(site.connection).run(instant(SEALED_US - DAY_US)):
        pass
    while Rollup(site.connection).run():
        pass


def proofs_hold(site: Site) -> None:
    """Every ledger entry's row root follows from the leaves told here, which are those of what was sealed."""
    entries = site.steps.rows("select entry_id, sequence, row_root, duplicates from ledger order by sequence")
    assert len(entries) == len(site.sealed)
    for entry_id, sequence, row_root, _ in entries:
        told = leaves_told(site.connection, entry_id)
        assert told == sealed_leaves(site.sealed[sequence], TABLE), sequence
        assert tree_root([told[definition] for definition in sorted(told)]) == row_root


def accounted(site: Site) -> None:
    (of,) = account(site.connection)
    removed = store.removed_by_spool(site.connection).get(of.spool, 0)
    stored = rows_by_spool(site.connection).get(of.spool, 0)
    assert of.readings_sealed == stored + of.duplicates + of.corrections + removed
    assert of.missing == of.chain_breaks == 0


def computed(site: Site) -> dict[str, list[tuple[Any, ...]]]:
    return {
        name: site.steps.rows(f"select * from {name} order by 1, 2")  # noqa: S608 - own names
        for name in [*BUCKETS, "increments_15m", "heard"]
    }


def rows(site: Site, of: str, where: str = "true") -> list[tuple[Any, ...]]:
    return site.steps.rows(f"select * from readings_{of} where {where} order by series_id, t, ordinal")  # noqa: S608


@pytest.mark.parametrize("seed", [1, 2])
def test_rows_go_and_accounts_proofs_buckets_and_increments_stay(site: Site, seed: int) -> None:
    live(site)
    otherwise(site, seed)
    settle(site)
    proofs_hold(site)
    before = account(site.connection), computed(site), rows(site, "archive")
    gone = f"t < '{GONE_BEFORE.isoformat()}'"
    kept = {of: rows(site, of, f"not {gone}") for of in ("count", "state")}
    going = {of: len(rows(site, of, gone)) for of in ("count", "state")}
    corrections = site.steps.rows(
        f"""select count(*) from corrections join series using (series_id)
             where not (retention_class <> 'archive' and {gone})"""  # noqa: S608 - own text
    )
    removed = site.remove()
    assert {of: sum(r.readings for r in removed if r.range.retention_class == of) for of in going} == going
    assert all(going.values())
    assert {of: rows(site, of) for of in kept} == kept
    assert site.steps.rows("select count(*) from corrections") == corrections
    assert (account(site.connection), computed(site), rows(site, "archive")) == before
    accounted(site)
    proofs_hold(site)
    assert {mark.removed_before for mark in store.marks(site.connection).values()} == {GONE_BEFORE}
    backed_up, differing = sampled_roots(site.connection)
    assert len(backed_up) > 20
    assert differing == []
    assert site.remove() == []
    settle(site)
    assert computed(site) == before[1]


def test_batches_from_before_leaves_were_kept_at_once(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Their leaves follow from rows and corrections; but for duplicates, of which nothing tells what they were."""
    live(site)
    otherwise(site, 4)
    settle(site)
    site.connection.execute("delete from leaves")
    unprovable = site.steps.rows("select entry_id from ledger where duplicates > 0 and origin = 'measured'")
    assert site.remove()
    accounted(site)
    assert any(record.message == "leaves_not_known" for record in caplog.records)
    kept = [entry_id for (entry_id,) in site.steps.rows("select entry_id from leaves")]
    assert not set(kept) & {entry_id for (entry_id,) in unprovable}
    for entry_id, sequence, row_root in site.steps.rows("select entry_id, sequence, row_root from ledger"):
        if entry_id in kept:
            told = leaves_told(site.connection, entry_id)
            assert told == sealed_leaves(site.sealed[sequence], TABLE)
            assert tree_root([told[definition] for definition in sorted(told)]) == row_root
    gone = site.steps.rows(
        "select entry_id from ledger where last_t < %s and duplicates = 0 and origin = 'measured'", GONE_BEFORE
    )
    assert {entry_id for (entry_id,) in gone} <= set(kept)


def test_nothing_goes_that_nobody_asked_to_remove(site: Site) -> None:
    live(site)
    settle(site)
    before = rows(site, "count"), rows(site, "state")
    removed: list[Removed] = []
    Retention(site.connection, {"count": None, "state": None}, report=removed.append).run(NOW)
    Retention(site.connection, KEEP_DAYS, report=removed.append).run(None)
    assert removed == []
    assert (rows(site, "count"), rows(site, "state")) == before
    assert {mark.closed_before for mark in store.marks(site.connection).values()} == {None}


def test_whole_chunks_go(timescaledb: None, site: Site) -> None:
    live(site)
    settle(site)
    assert {r.range.chunks for r in site.remove()} == {1}
    left = site.steps.rows(
        "select min(range_start) from timescaledb_information.chunks where hypertable_name in"
        " ('readings_count', 'readings_state') group by hypertable_name"
    )
    assert left == [(GONE_BEFORE,), (GONE_BEFORE,)]


def test_compressed_chunks_go_too(community: None, site: Site, database: str) -> None:
    live(site)
    otherwise(site, 3)
    settle(site)
    with closing(connect(database, "watch")) as second:
        Compression(site.connection, second, after=timedelta(days=1), chunk_interval=timedelta(days=1)).run()
    before = computed(site)
    assert site.remove()
    accounted(site)
    proofs_hold(site)
    assert computed(site) == before


def test_what_is_not_computed_yet_stays(site: Site) -> None:
    live(site)
    assert site.remove() == []
    assert {mark.closed_before for mark in store.marks(site.connection).values()} == {None}
    settle(site)
    site.take([(M1, HOUR_US + 1, 1.0)])  # touches an hour of the class of states
    assert {r.range.retention_class for r in site.remove()} == {"count"}
    settle(site)
    assert {r.range.retention_class for r in site.remove()} == {"state"}
    accounted(site)


def test_what_is_not_noted_as_heard_yet_stays(site: Site) -> None:
    live(site)
    compute(site)
    assert site.remove() == []
    settle(site)
    site.take([(M1, HOUR_US + 1, 1.0)])
    compute(site)
    assert {r.range.retention_class for r in site.remove()} == {"count"}
    settle(site)
    assert {r.range.retention_class for r in site.remove()} == {"state"}


def test_late_readings_of_a_removed_time_are_counted_and_not_stored(site: Site) -> None:
    live(site)
    settle(site)
    site.remove()
    before = computed(site)
    number = {of: len(rows(site, of)) for of in ("count", "state")}
    site.connection.execute("set role smartstore_ingest")  # its rights are enough
    site.take([(n, HOUR_US, 2.0) for n in range(4)])  # some equal what was removed, some differ
    site.take([(M1, HOUR_US + 1, 2.0), (M1, 7 * DAY_US + 1, 2.0)])  # one new, one of a time that is kept
    site.connection.execute("reset role")
    late = site.steps.rows("select past_retention, duplicates, corrections from ledger order by entry_id desc limit 2")
    assert late == [(1, 0, 0), (4, 0, 0)]
    assert site.steps.written[-1].past_retention == 1
    settle(site)
    assert computed(site) == before  # the one that is stored lies in an hour that is open
    assert len(rows(site, "count")) == number["count"]
    assert len(rows(site, "state")) == number["state"] + 1
    accounted(site)
    proofs_hold(site)


def test_recordings_and_imports_of_any_age_are_stored(site: Site) -> None:
    live(site)
    settle(site)
    site.remove()
    site.take([(n, HOUR_US, 5.0) for n in range(4)], Origin.IMPORTED)
    assert len(rows(site, "archive")) == 4


def test_a_clock_put_back_does_not_open_what_was_removed(site: Site) -> None:
    live(site)
    settle(site)
    site.remove()
    before = computed(site)
    Aggregation(site.connection).run(instant(START_US + DAY_US))
    marks = watermarks(site.connection)
    assert marks.aggregated_until == marks.closed_until == GONE_BEFORE + timedelta(days=1)
    settle(site)
    assert computed(site) == before


def test_answers_come_from_buckets_or_say_that_readings_are_removed(site: Site) -> None:
    live(site)
    settle(site)
    hours_us = START_US + np.arange(0, 7 * 24 + 1) * HOUR_US
    quarters_us = START_US, START_US + 7 * DAY_US

    def answers() -> tuple[Any, ...]:
        buckets = fetch_buckets(site.connection, KEYS, hours_us)
        increments = fetch_increments(site.connection, KEYS, *quarters_us)
        return (
            [{m: values.tolist() for m, values in one.measures.items()} for one in buckets],
            [(one.increments.bucket_us.tolist(), one.increments.amount.tolist()) for one in increments],
        )

    before = answers()
    site.remove()
    assert answers() == before
    with pytest.raises(ReadingsRemovedError, match="removed, and buckets can't tell"):
        fetch_buckets(site.connection, KEYS, np.array([START_US + 1, START_US + 2 * DAY_US]))
    fetch_buckets(site.connection, KEYS, np.array([START_US + 5 * DAY_US, START_US + 6 * DAY_US + 1]), [Measure.N])
    site.take([(n, 6 * HOUR_US, 1.0) for n in range(4)], Origin.IMPORTED)  # two classes of one definition
    with pytest.raises(ReadingsRemovedError):
        fetch_buckets(site.connection, KEYS, hours_us)
    with pytest.raises(ReadingsRemovedError):
        fetch_increments(site.connection, KEYS, *quarters_us)


def test_increments_after_the_edge_stand_on_the_readings_of_the_margin(site: Site) -> None:
    """What comes late right after the time that is closed is computed as if nothing had been removed."""
    live(site)
    settle(site)
    edge_us = 6 * DAY_US
    site.remove()
    assert store.marks(site.connection)["count"].closed_before == instant(START_US + edge_us)
    ((before,),) = site.steps.rows("select sum(amount) from increments_15m")
    site.take([(COUNTER, edge_us + HOUR_US // 4, (edge_us // (HOUR_US // 2) + 0.5) * (COUNTER + 1))])
    settle(site)
    ((after,),) = site.steps.rows("select sum(amount) from increments_15m")
    assert after == pytest.approx(before, rel=1e-12)


def test_rows_that_do_not_give_their_row_root_stay(site: Site) -> None:
    live(site)
    settle(site)
    site.connection.execute(
        "update readings_count set value = value + 1 where t = %s", [instant(START_US + 30 * HOUR_US)]
    )
    before = rows(site, "count", f"t >= '{instant(START_US + DAY_US).isoformat()}'")
    with pytest.raises(UnprovenError, match="do not give its row root"):
        site.remove()
    assert rows(site, "count", f"t >= '{instant(START_US + DAY_US).isoformat()}'") == before
    marks = store.marks(site.connection).values()  # the same batches hold readings of both
    assert {mark.removed_before for mark in marks} == {instant(START_US + DAY_US)}
    accounted(site)


def test_rows_without_leaves_are_never_removed(site: Site) -> None:
    live(site)
    settle(site)
    oldest = store.next_range(site.connection, "state", GONE_BEFORE)
    assert oldest
    before = rows(site, "state")
    with pytest.raises(LeavesMissingError), site.connection.transaction():
        store.remove(site.connection, oldest, timedelta(seconds=1))
    assert rows(site, "state") == before


def test_a_write_under_way_is_waited_for(database: str, site: Site) -> None:
    """It looked before the time was closed, and commits to it after it was."""
    live(site)
    settle(site)
    looked, may_commit = Event(), Event()
    payload = site.agent.seal([(M1, HOUR_US + 5, 1.0)], base_us=START_US)
    site.sealed[site.agent.sequence] = payload
    prepared = next(iter(site.steps.preparation.prepare(site.connection, [delivery("a", payload)])))

    def pause() -> None:
        looked.set()
        assert may_commit.wait(60)

    def write() -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            ledger.write(connection, prepared.write, pause)

    thread = threading.Thread(target=write)
    thread.start()
    assert looked.wait(60)
    assert site.remove(longest_wait_s=0.2) == []
    may_commit.set()
    thread.join()
    assert {r.range.retention_class for r in site.remove()} == {"count"}  # an hour of the other one was touched
    settle(site)
    assert {r.range.retention_class for r in site.remove()} == {"state"}
    accounted(site)
    proofs_hold(site)
    assert site.steps.rows("select past_retention from ledger order by entry_id desc limit 1") == [(0,)]


def test_who_reads_a_chunk_is_not_waited_for_at_length(timescaledb: None, database: str, site: Site) -> None:
    live(site)
    settle(site)
    with psycopg.connect(database) as reader:
        reader.execute("select count(*) from readings_state")
        assert {r.range.retention_class for r in site.remove()} == {"count"}
        site.take([(n, 7 * DAY_US + 3, 1.0) for n in range(4)])  # writers go on
    assert {r.range.retention_class for r in site.remove()} == {"state"}
    accounted(site)


DEATHS = [*((stage, 1) for stage in Stage), (Stage.LEAVES_KEPT, 4), (Stage.REMOVING, 4)]


@pytest.mark.fault
@pytest.mark.parametrize(("stage", "nth"), DEATHS)
def test_kill_9_at_each_stage(database: str, site: Site, stage: Stage, nth: int) -> None:
    live(site)
    otherwise(site, 5)
    settle(site)
    before = account(site.connection), computed(site)
    assert dying_run.run(database, stage, nth, NOW) == -9
    assert (account(site.connection), computed(site)) == before
    accounted(site)
    proofs_hold(site)
    site.take([(n, 3 * HOUR_US, 9.0) for n in range(4)])  # late, closed or not
    settle(site)
    accounted(site)
    site.remove()
    accounted(site)
    proofs_hold(site)
    assert not rows(site, "count", f"t < '{GONE_BEFORE.isoformat()}'")
    assert not rows(site, "state", f"t < '{GONE_BEFORE.isoformat()}'")
    assert account(site.connection)[0].readings_sealed == before[0][0].readings_sealed + 4


def test_the_time_is_what_both_server_and_agents_say(site: Site) -> None:
    assert store.vouched_now(site.connection) is None
    live(site, 2)
    now: datetime | None = store.vouched_now(site.connection)
    assert now is not None
    assert now < instant(START_US + 2 * DAY_US)  # nothing came since
    site.take([(0, 40_000 * DAY_US, 1.0)])  # one clock of a century ahead
    assert store.vouched_now(site.connection) < instant(START_US + 2 * DAY_US)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("kind", "origin", "expected"),
    [
        (Kind.INTERVAL, Origin.MEASURED, "count"),
        (Kind.CUMULATIVE, Origin.SIMULATED, "count"),
        (Kind.EVENT, Origin.MEASURED, "count"),  # a person at a door, a label update confirmed
        (Kind.GAUGE, Origin.MEASURED, "state"),
        (Kind.STATE, Origin.ENTERED, "state"),
        *((kind, origin, "archive") for kind in Kind for origin in (Origin.IMPORTED, Origin.REPLAYED)),
    ],
)
def test_the_class_of_a_reading(kind: Kind, origin: Origin, expected: str) -> None:
    assert retention_class(origin, kind) == expected


def test_events_of_the_class_before_and_of_the_one_now_are_one_series(site: Site) -> None:
    """Rows that an earlier release put among the states stay there; each event counts once, whatever comes again."""
    event = Series(device="m3", quantity="entries", unit=Unit.COUNT, kind=Kind.EVENT)
    table = SeriesTable.of([event])
    agent = SealingAgent("a", table)
    site.connection.execute(
        """insert into series (definition, device, quantity, channel, unit, kind, retention_class)
           values (%s, 'm3', 'entries', '', 'count', 'event', 'state')""",
        [event.definition],
    )
    site.steps.take("a", agent.table_payload, agent.seal([(0, 0, 1.0), (0, 1, 1.0)], base_us=START_US))
    moved = "insert into readings_state select r.t, r.value, r.entry_id, s.series_id, r.flags, r.ordinal"
    site.connection.execute(
        f"""with gone as (delete from readings_count returning *)
            {moved} from gone r, series s where s.definition = %s and s.retention_class = 'state'""",  # noqa: S608
        [event.definition],
    )
    site.steps.take("a", agent.seal([(0, 1, 1.0), (0, 2, 1.0)], base_us=START_US))
    assert [len(rows(site, of)) for of in ("state", "count")] == [2, 2]
    (read,) = fetch_series(site.connection, [("m3", "entries", "")], instant(START_US), NOW)
    assert (read.t_us - START_US).tolist() == [0, 1, 2]
