"""The completeness ledger of a store that loses, repeats and delays, against a count reading by reading."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import psycopg
import pytest
from ingest_steps import Steps
from sealed_batches import SealingAgent
from session_server import SessionServer
from storage_tools import troubled_store as made
from storage_tools.troubled_store import END_US, HOUR_US, HOURS, START_US, TroubledStore, agent_of, at, instants

from analytics.completeness_answer import BatchCounts, By, CompletenessAnswer, LedgerRow, ReadingCounts
from analytics.completeness_ledger import Question, district_completeness, store_completeness
from analytics.errors import UnknownDevice
from analytics.scheduler.aggregation import Aggregation
from analytics.scheduler.batch_counting import BatchCounting
from analytics.scheduler.hearing import Hearing
from analytics.window_text import WindowRefusedError
from analytics.windows import Window, to_us
from edge.wire.series import Series, SeriesTable
from ingest.store.account import account

ZONE = "Asia/Shanghai"
WHOLE = (START_US, END_US)
PART = (START_US + 10 * HOUR_US, START_US + 71 * HOUR_US)
LATER = at(END_US) + timedelta(days=3)
Cell = tuple[str, str, int]
"""Device, agent, hour."""
EXPECTED_OF = [made.PROBE, made.COUNTER, made.MOVING, made.DOOR]


@pytest.fixture
def steps(database: str) -> Iterator[Steps]:
    with psycopg.connect(database, autocommit=True) as connection:
        made.register_store(connection)
        yield Steps(connection)


class Scheduler:
    """Does the jobs of the scheduler once."""

    def __init__(self, steps: Steps) -> None:
        self._connection = steps.connection
        self._counting = BatchCounting()

    def run(self, hours: int) -> None:
        until = at(START_US + hours * HOUR_US)
        self._counting.run(self._connection, Event())
        while Aggregation(self._connection).run(until):
            pass
        Hearing(self._connection).run()


class Oracle:
    """Counts what a troubled store sent up to now, one by one."""

    def __init__(self, store: TroubledStore, now_us: int) -> None:
        self.store = store
        self.now_us = now_us
        self.committed = {agent: sorted(s for a, s in store.by_batch if a == agent) for agent in store.agents}
        self.batches = {(b.agent, b.sequence): b for b in store.made}
        self.refused = {
            (b.agent, b.sequence) for b in store.made if b.fate == "refused" and b.sequence <= store.hours_played
        }
        self.lost = {
            (b.agent, sequence): (first, until)
            for b in store.made
            if (b.agent, b.sequence) in store.by_batch
            for sequence, first, until in b.declares
        }

    def standing(self, agent: str, sequence: int) -> str:
        if (agent, sequence) in self.store.by_batch:
            return "committed"
        if (agent, sequence) in self.refused:
            return "refused"
        return "declared_lost" if (agent, sequence) in self.lost else "missing"

    def highest(self, agent: str) -> int:
        known = [s for a, s in [*self.store.by_batch, *self.refused, *self.lost] if a == agent]
        return max(known, default=0)

    def _sealed_us(self, agent: str, sequence: int) -> int:
        return self.batches[agent, sequence].sealed_us

    def _neighbours(self, agent: str, sequence: int) -> tuple[int | None, int | None]:
        """Return the nearest committed sequences."""
        place = bisect_right(self.committed[agent], sequence)
        before = self.committed[agent][place - 1] if place else None
        after = self.committed[agent][place] if place < len(self.committed[agent]) else None
        return before, after

    def _placed_us(self, agent: str, sequence: int) -> int:
        if (agent, sequence) in self.store.by_batch:
            return self._sealed_us(agent, sequence)
        before, after = self._neighbours(agent, sequence)
        neighbour = after if before is None else before
        assert neighbour is not None
        return self._sealed_us(agent, neighbour)

    def batch_counts(self) -> Counter[tuple[str, str, int]]:
        """Return how many there are of a name, of an agent, in an hour."""
        found: Counter[tuple[str, str, int]] = Counter()
        payloads: set[tuple[str, str]] = set()
        for agent in self.store.agents:
            for sequence in range(1, self.highest(agent) + 1):
                hour = _hour(self._placed_us(agent, sequence))
                found[self.standing(agent, sequence), agent, hour] += 1
                found["sealed", agent, hour] += 1
                if (agent, sequence) in self.store.by_batch:
                    batch = self.batches[agent, sequence]
                    found["readings", agent, hour] += len(batch.readings)
                    found["duplicates", agent, hour] += self.store.by_batch[agent, sequence][0]
                    found["corrections", agent, hour] += self.store.by_batch[agent, sequence][1]
                    for payload in batch.refused_payloads:
                        found["refused_payloads", agent, hour] += (agent, payload) not in payloads
                        payloads.add((agent, payload))
        return found

    def reading_counts(self) -> Counter[tuple[str, Cell]]:
        found: Counter[tuple[str, Cell]] = Counter()
        for series, t_us in self.store.stored:
            if agent := agent_of(series.device, t_us):
                found["received", (series.device, agent, _hour(t_us))] += 1
        for (name, device, hour), count in self.store.arrivals.items():
            if agent := agent_of(device, hour):
                found[name, (device, agent, hour)] += count
        for series in EXPECTED_OF:
            self._add_due(found, series.device, _period_us(series), [t for of, t in self.store.stored if of is series])
        self._add_due(found, "m4", 60_000_000, [])
        return found

    def _add_due(self, found: Counter[tuple[str, Cell]], device: str, period_us: int, times: list[int]) -> None:
        times = sorted(times)
        for due_us in instants(period_us, START_US - HOUR_US, min(END_US + HOUR_US, self.now_us)):
            agent = agent_of(device, due_us)
            if agent is None:
                continue
            cell = device, agent, _hour(due_us)
            found["expected", cell] += 1
            if _speaks(times, due_us, period_us):
                continue
            found["absent", cell] += 1
            lost = any(
                first - period_us <= due_us < until + 2 * period_us
                for (of, sequence), (first, until) in self.lost.items()
                if of == agent and self.standing(of, sequence) == "declared_lost"
            )
            refused = not lost and any(low - period_us <= due_us < high for low, high in self._refused_spans(agent))
            why = "absent_declared_lost" if lost else "absent_refused" if refused else "absent_unexplained"
            found[why, cell] += 1

    def _refused_spans(self, agent: str) -> Iterator[tuple[int, float]]:
        for sequence in (s for a, s in self.refused if a == agent):
            before, after = self._neighbours(agent, sequence)
            gap = range((before or 0) + 1, self.highest(agent) + 1 if after is None else after)
            if all(self.standing(agent, other) != "missing" for other in gap):
                since = self._placed_us(agent, sequence)
                yield since, float("inf") if after is None else self._sealed_us(agent, after)


def _hour(t_us: int) -> int:
    return t_us // HOUR_US * HOUR_US


def _period_us(series: Series) -> int:
    assert series.period_s is not None
    return round(series.period_s * 1_000_000)


def _speaks(times: list[int], due_us: int, period_us: int) -> bool:
    """Return whether a reading speaks for an instant: for a period, or to the next that comes within 1.5 of them."""
    place = bisect_right(times, due_us)
    if place == 0:
        return False
    if due_us < times[place - 1] + period_us:
        return True
    return place < len(times) and times[place] - times[place - 1] <= 1.5 * period_us


def check(answer: CompletenessAnswer, oracle: Oracle, span: tuple[int, int]) -> None:
    """Fail unless every row and the total are what the oracle counts."""
    starts = [to_us(row.start) for row in answer.rows if row.start]

    def key(device: str | None, agent: str, hour: int) -> Any:
        named = {By.STORE: "s", By.AGENT: agent, By.DEVICE: (device, agent)}
        return named[answer.by] if answer.by in named else starts[bisect_right(starts, hour) - 1]

    readings: Counter[tuple[str, Any]] = Counter()
    for (name, (device, agent, hour)), count in oracle.reading_counts().items():
        if span[0] <= hour < span[1]:
            readings[name, key(device, agent, hour)] += count
            readings[name, "total"] += count
    batches: Counter[tuple[str, Any]] = Counter()
    for (name, agent, hour), count in oracle.batch_counts().items():
        if span[0] <= hour < span[1]:
            batches[name, key(None, agent, hour)] += count
            batches[name, "total"] += count
    for row, of in [*((row, _key_of(row, answer.by)) for row in answer.rows), (answer.total, "total")]:
        told = {name: getattr(row.readings, name) for name in ReadingCounts.model_fields if name != "ratio"}
        assert told == {name: readings[name, of] for name in told}, of
        heard = readings["expected", of] - readings["absent", of]
        assert row.readings.ratio == (heard / readings["expected", of] if readings["expected", of] else None)
        assert (row.batches is None) == (row.device_id is not None)
        if row.batches is not None:
            told = {name: getattr(row.batches, name) for name in BatchCounts.model_fields}
            assert told == {name: batches[name, of] for name in told}, of
    assert {of for _, of in readings if of != "total"} <= {_key_of(row, answer.by) for row in answer.rows}


def _key_of(row: LedgerRow, by: By) -> Any:
    named = {By.STORE: row.store_id, By.AGENT: row.agent_id, By.DEVICE: (row.device_id, row.agent_id)}
    return named[by] if row.start is None else to_us(row.start)


def ask(steps: Steps, span: tuple[int, int], by: By, now: datetime = LATER) -> CompletenessAnswer:
    return store_completeness(steps.connection, "s", Window(at(span[0]), at(span[1]), ZONE), Question(by, now))


@pytest.mark.parametrize("seed", [1, 2])
def test_every_figure_is_that_of_a_count_one_by_one(steps: Steps, seed: int) -> None:
    """Before the scheduler ever ran, between its runs, after late batches, and when the readings are gone."""
    store, scheduler = TroubledStore(seed), Scheduler(steps)
    for hours in store.play(steps, scheduler.run):
        now = LATER if hours == HOURS else at(START_US + hours * HOUR_US)
        oracle = Oracle(store, int(now.timestamp()) * 1_000_000)
        for by in By if hours == HOURS else (By.HOUR, By.AGENT):
            check(ask(steps, WHOLE, by, now), oracle, WHOLE)
    fates = Counter(batch.fate for batch in store.made)
    assert len(fates) == 5
    assert min(fates.values()) > 2
    for _ in range(3):
        scheduler.run(HOURS)
    assert steps.rows("select count(*) from heard_due") == [(0,)]
    oracle = Oracle(store, END_US + 3 * 24 * HOUR_US)
    for of in ("count", "state", "archive"):
        steps.connection.execute(f"delete from readings_{of}".encode())  # noqa: S608 - own text
    for by in By:
        check(ask(steps, WHOLE, by), oracle, WHOLE)
        check(ask(steps, PART, by), oracle, PART)
    check_account(steps)


def check_account(steps: Steps) -> None:
    """Fail unless the ledger's batches of all time are those of the account, and nothing is nothing."""
    ever = (START_US - 24 * HOUR_US, END_US + 24 * HOUR_US)
    total = ask(steps, ever, By.AGENT).total
    spools = account(steps.connection)
    assert total.batches is not None
    assert total.batches.sealed == sum(spool.highest_sequence for spool in spools)
    for name in ("committed", "refused", "declared_lost", "missing", "duplicates", "corrections"):
        assert getattr(total.batches, name) == sum(getattr(spool, name) for spool in spools)
    for counts in (total.readings, total.batches):
        assert [name for name, count in counts if count == 0] == []  # each of them happened
    assert total.batches.readings == sum(spool.readings_sealed for spool in spools)
    assert total.readings.duplicates == total.batches.duplicates
    assert total.readings.corrections == total.batches.corrections
    assert total.readings.received == total.batches.readings - total.batches.duplicates - total.batches.corrections


@pytest.fixture(scope="module")
def settled(database_server: SessionServer) -> Iterator[tuple[Steps, TroubledStore]]:
    """Yield a store whose four days are over and kept; nothing is changed in it."""
    name = database_server.create(database_server.migrated())
    with psycopg.connect(database_server.dsn(name), autocommit=True) as connection:
        made.register_store(connection)
        steps, store = Steps(connection), TroubledStore(3)
        scheduler = Scheduler(steps)
        list(store.play(steps, lambda _: None))
        for _ in range(3):
            scheduler.run(HOURS)
        yield steps, store
    database_server.drop(name)


def test_what_is_kept_answers_without_a_look_at_readings(settled: tuple[Steps, TroubledStore]) -> None:
    """By the database's own counters; and with the rights of the interfaces alone."""
    steps, _ = settled
    for by in By:
        with steps.connection.transaction():
            steps.connection.execute("set local enable_seqscan = off")  # tables of a test are small enough for it
            steps.connection.execute("set local role smartstore_read")
            before = _rows_read(steps)
            total = ask(steps, WHOLE, by).total
            read = {table: rows - before[table] for table, rows in _rows_read(steps).items()}
        assert total.readings.received > 5_000
        assert (read["readings_count"], read["readings_state"]) == (0, 0)


def test_of_a_long_ledger_the_entries_beside_its_gaps_are_read(steps: Steps) -> None:
    """Twenty thousand batches, of which one is missing, one refused, one lost, and five brought refused payloads."""
    steps.connection.execute(
        """
        insert into spools (spool, agent) values (gen_random_uuid(), 'agent-1');
        insert into ledger (spool_id, sequence, sha256, series_table, origin, readings, sealed_at, row_root)
        select spool_id, n, sha256(n::text::bytea), '', 'measured', 10,
               timestamptz '2025-12-26T00:00+08:00' + n * interval '10 s', ''
          from spools, generate_series(1, 20000) n where n not in (5000, 9000, 12000);
        insert into losses select spool_id, 9000, 9000, 10, 'spool_full', '', '2025-12-27T01:00+08:00',
                                  '2025-12-27T01:10+08:00', 1 from spools;
        insert into refusals (agent, unit, spool, sequence, sha256, reason, detail)
        select 'agent-1', case when n = 12000 then 'batch' else 'reading' end, spool, n, sha256(n::text::bytea), '', ''
          from spools, unnest(array[7, 8, 12000, 15000, 15001, 15002]) n"""
    )
    counting = BatchCounting()
    for _ in range(2):
        counting.run(steps.connection, Event())
    steps.connection.execute("analyze")
    with steps.connection.transaction():
        before = _rows_read(steps)
        total = ask(steps, WHOLE, By.DAY).total.batches
        read = _rows_read(steps)["ledger"] - before["ledger"]
    assert total is not None
    assert (total.committed, total.missing, total.refused, total.declared_lost) == (19_997, 1, 1, 1)
    assert (total.readings, total.refused_payloads) == (199_970, 5)
    assert 0 < read < 40


def _rows_read(steps: Steps) -> dict[str, int]:
    """Return how many rows of some tables, with their chunks, this session has read of late."""
    return dict(
        steps.rows(
            """select name, sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint
                 from unnest(array['readings_count', 'readings_state', 'ledger']) as name, pg_stat_xact_all_tables
                where relid = name::regclass
                   or relid in (select inhrelid from pg_inherits where inhparent = name::regclass)
                group by name"""
        )
    )


def test_one_device_and_the_district(settled: tuple[Steps, TroubledStore]) -> None:
    steps, _ = settled
    window = Window(at(PART[0]), at(PART[1]), ZONE)
    by_device = {(row.device_id, row.agent_id): row for row in ask(steps, PART, By.DEVICE).rows}
    assert set(by_device) == {
        ("m1", "agent-1"),
        ("m2", "agent-1"),
        ("m2", "agent-2"),
        ("m3", "agent-2"),
        ("m4", "agent-2"),
    }
    alone = store_completeness(steps.connection, "s", window, Question(By.HOUR, LATER, "m4"))
    assert alone.total.readings == by_device["m4", "agent-2"].readings
    assert (alone.total.readings.expected, alone.total.readings.received) == (47 * 60, 0)
    assert alone.total.batches is None
    district = district_completeness(steps.connection, "d", window, Question(By.STORE, LATER))
    assert [row.store_id for row in district.rows] == ["s"]
    assert district.total == ask(steps, PART, By.STORE).total
    assert district.without_expectation == 1  # the single events
    assert ask(steps, PART, By.DAY).rows[0].end == at(START_US + 24 * HOUR_US)


def test_the_last_reading_speaks_until_the_next_is_late(steps: Steps) -> None:
    """Of a level that is after 1.5 periods, of an interval a period more: it is reported when it has passed."""
    agent = SealingAgent("agent-1", SeriesTable.of([made.PROBE, made.COUNTER]))
    index = {series: number for number, series in enumerate(agent.table.series)}
    rows = [(index[made.PROBE], minute * 60_000_000, 1.0) for minute in range(61)]
    rows += [(index[made.COUNTER], minute * 60_000_000, 1.0) for minute in range(0, 61, 5)]
    steps.take("agent-1", agent.table_payload, agent.seal(rows, base_us=START_US))
    since_us = START_US + HOUR_US
    found = {}
    for seconds in (0, 1, 61, 90, 91, 121, 750, 751):
        now = at(since_us + seconds * 1_000_000)
        answer = store_completeness(
            steps.connection, "s", Window(at(START_US), at(END_US), ZONE), Question(By.DEVICE, now, "m1")
        )
        found[seconds] = answer.total.readings.expected, answer.total.readings.absent
    # 60 levels and 12 intervals of the hour; then one of each at its end, and a level every minute.
    assert found == {
        0: (72, 0),
        1: (74, 0),
        61: (75, 0),
        90: (75, 0),
        91: (75, 1),
        121: (76, 2),
        750: (74 + 12 + 2, 12),
        751: (74 + 12 + 2, 12 + 2),
    }


@pytest.mark.parametrize(
    ("start_us", "device", "error", "told"),
    [
        (START_US + 60_000_000, None, WindowRefusedError, "quarter_hours_only"),
        (START_US, "m9", UnknownDevice, "m9"),
    ],
)
def test_what_cannot_be_answered(
    settled: tuple[Steps, TroubledStore], start_us: int, device: str | None, error: type[Exception], told: str
) -> None:
    window, question = Window(at(start_us), at(END_US), ZONE), Question(By.DEVICE, LATER, device)
    with pytest.raises(error, match=told):
        store_completeness(settled[0].connection, "s", window, question)
