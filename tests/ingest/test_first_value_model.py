"""First value, duplicate or correction: the database against a dictionary that is told the same readings."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_steps import Steps, instant
from sealed_batches import NOON_US, SealingAgent, gauge, interval, register

from edge.wire.series import Origin, SeriesTable
from ingest.store.readings import fetch_series, origins

DEVICES = ["m1", "m2", "m3"]
TABLE = SeriesTable.of([gauge("m1"), gauge("m2"), interval("m3")])
LIVE, OLD = Origin.MEASURED, Origin.IMPORTED
Key = tuple[bool, int, int, int]
"""Whether in the archive, series, t, ordinal."""


@dataclass
class Model:
    """What the rules say, reading by reading."""

    base_us: int = NOON_US
    first: dict[Key, tuple[float, int]] = field(default_factory=dict)
    force: dict[Key, tuple[float, int]] = field(default_factory=dict)
    corrections: list[tuple[Key, float, float]] = field(default_factory=list)

    @property
    def window(self) -> tuple[datetime, datetime]:
        return instant(self.base_us), instant(self.base_us + 1_000)

    def take(self, key: Key, value: float, flags: int) -> str:
        if key not in self.first:
            self.first[key] = self.force[key] = (value, flags)
            return "first"
        if self.force[key][0] == value:
            return "duplicate"
        self.corrections.append((key, self.force[key][0], value))
        self.force[key] = (value, flags)
        return "correction"


READING = st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 1), st.sampled_from([1.0, 2.0, -0.0, 0.0]))
BATCH = st.tuples(st.sampled_from([LIVE, LIVE, OLD]), st.lists(READING, max_size=6))
WRITES = st.lists(st.lists(BATCH, min_size=1, max_size=4), min_size=1, max_size=4)


@pytest.fixture
def steps(database: str) -> Iterator[Steps]:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "a", DEVICES)
        yield Steps(connection)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(writes=WRITES)
def test_the_rules(steps: Steps, writes: list[list[tuple[Origin, list[tuple[int, int, int, float]]]]]) -> None:
    base_us = NOON_US + 1_000 * steps.rows("select count(*) from spools")[0][0]  # a place in time for each example
    agent, model = SealingAgent("a", TABLE), Model(base_us)
    steps.take("a", agent.table_payload)
    counted: list[tuple[int, int, int]] = []
    for write in writes:
        payloads = []
        for origin, readings in write:
            outcomes = [model.take((origin is OLD, s, t, o), value, s + t) for s, t, o, value in readings]
            counted.append((agent.sequence + 1, outcomes.count("duplicate"), outcomes.count("correction")))
            payloads.append(
                agent.seal(
                    [(s, t, value) for s, t, _, value in readings],
                    ordinal=[o for _, _, o, _ in readings],
                    flags=[s + t for s, t, _, _ in readings],
                    origin=origin,
                    base_us=base_us,
                )
            )
        steps.take("a", *payloads)
    assert (
        steps.rows(
            """select sequence, duplicates, corrections from ledger join spools using (spool_id)
            where spool = %s order by sequence""",
            agent.spool,
        )
        == counted
    )
    check_first_values(steps, model)
    check_corrections(steps, model)
    check_effective(steps, model, [origin for write in writes for origin, readings in write if readings])


def check_first_values(steps: Steps, model: Model) -> None:
    rows = steps.rows(
        """select retention = 'archive', device, t, ordinal, value, flags
             from (select 'live' as retention, * from readings_count union all select 'live', * from readings_state
                   union all select 'archive', * from readings_archive) r join series using (series_id)
            where t >= %s and t < %s""",
        *model.window,
    )
    found = {
        (archived, DEVICES.index(device), round((t - model.window[0]) / timedelta(microseconds=1)), ordinal): (v, f)
        for archived, device, t, ordinal, v, f in rows
    }
    assert len(found) == len(rows)
    assert found == model.first


def check_corrections(steps: Steps, model: Model) -> None:
    rows = steps.rows(
        """select retention_class = 'archive', device, t, ordinal, old_value, new_value
             from corrections join series using (series_id) where t >= %s and t < %s order by correction_id""",
        *model.window,
    )
    found = [
        ((archived, DEVICES.index(d), round((t - model.window[0]) / timedelta(microseconds=1)), o), old, new)
        for archived, d, t, o, old, new in rows
    ]
    # Of different keys, the order within one write is the tables'; of one key, it is that of arrival.
    for key in {one[0] for one in found} | {one[0] for one in model.corrections}:
        assert [one for one in found if one[0] == key] == [one for one in model.corrections if one[0] == key]


def check_effective(steps: Steps, model: Model, used: list[Origin]) -> None:
    keys = [("m1", "temperature", ""), ("m2", "temperature", ""), ("m3", "entries", ""), ("m3", "unheard_of", "")]
    found = {
        (DEVICES.index(rows.device), t - model.base_us, ordinal): (value, flags)
        for rows in fetch_series(steps.connection, keys, *model.window)
        for t, ordinal, value, flags in zip(
            rows.t_us.tolist(), rows.ordinal.tolist(), rows.value.tolist(), rows.flags.tolist(), strict=True
        )
    }
    owner: dict[tuple[int, int, int], Key] = {}
    for key in model.first:  # a dictionary keeps the order in which keys came first
        owner.setdefault(key[1:], key)
    assert found == {short: model.force[key] for short, key in owner.items()}
    assert origins(steps.connection, keys, *model.window) == {
        str(origin) for origin in used if any(key[0] is (origin is OLD) for key in model.first)
    }


def test_a_large_write_that_meets_one_taken_key(steps: Steps) -> None:
    """The direct way is tried first and rolled back: nothing of it may remain."""
    agent, model = SealingAgent("a", TABLE), Model()
    made = random.Random(7)
    steps.take("a", agent.table_payload, agent.seal([(0, 500, 1.0)]))
    model.take((False, 0, 500, 0), 1.0, 0)
    readings = [(made.randrange(3), made.randrange(990), float(made.randrange(5))) for _ in range(3_000)]
    outcomes = [model.take((False, s, t, 0), value, 0) for s, t, value in readings]
    steps.take("a", agent.seal(readings))
    check_first_values(steps, model)
    check_corrections(steps, model)
    assert steps.rows("select duplicates, corrections from ledger where sequence = 2") == [
        (outcomes.count("duplicate"), outcomes.count("correction"))
    ]
