"""Alerts are raised once, followed, cleared and withdrawn as readings come, early or late; a run may end anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import psycopg
import pytest
from ingest_steps import Steps, instant
from sealed_batches import SealingAgent, register
from storage_tools import dying_run
from storage_tools.store_zone import place_in_zone

from analytics.scheduler import alerting
from analytics.scheduler.aggregation import Aggregation
from analytics.scheduler.alerting import Alerting, Stage
from edge.wire.series import Kind, Origin, Series, SeriesTable, Unit
from ingest.store.alerts import NoSuchAlertError, acknowledge

START_US = 1_767_571_200_000_000  # 2026-01-05T00:00:00Z, a Monday
HOUR_US = 3_600_000_000
PAST = 7 * 24
"""Hours before the ones that the tests look at."""
COUNT = Series(device="m1", quantity="entries", unit=Unit.COUNT, kind=Kind.INTERVAL, period_s=3600.0)
WARM = Series(device="m2", quantity="temperature", unit=Unit.CELSIUS, kind=Kind.GAUGE, period_s=900.0)
TABLE = SeriesTable.of([COUNT, WARM])
OF = {series.quantity: place for place, series in enumerate(TABLE.series)}
Row = tuple[int, int, float]


def at(hours: int) -> datetime:
    return instant(START_US + hours * HOUR_US)


def counts(first: int, last: int) -> list[Row]:
    """Return ordinary counts: about forty an hour."""
    rng = np.random.default_rng(4)
    drawn = rng.poisson(40.0, 40 * 24).tolist()
    return [(OF["entries"], hour * HOUR_US, float(drawn[hour])) for hour in range(first, last)]


def warmth(first: int, last: int, step: float = 0.1) -> list[Row]:
    """Return a temperature each quarter of an hour; without a step it stands still."""
    return [
        (OF["temperature"], quarter * HOUR_US // 4, 21.0 + step * (quarter % 7))
        for quarter in range(first * 4, last * 4)
    ]


@pytest.fixture
def steps(database: str) -> Iterator[Steps]:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "a", ["m1", "m2"])
        place_in_zone(connection, "UTC")
        steps = Steps(connection)
        Aggregation(connection).run(at(0))
        yield steps


@pytest.fixture
def agent(steps: Steps) -> SealingAgent:
    agent = SealingAgent("a", TABLE)
    steps.take("a", agent.table_payload)
    take(steps, agent, counts(0, PAST) + warmth(0, PAST))
    run(steps, PAST)
    assert shown(steps) == []
    return agent


def take(steps: Steps, agent: SealingAgent, rows: list[Row], origin: Origin = Origin.MEASURED) -> None:
    for first in range(0, len(rows), 400):
        steps.take("a", agent.seal(rows[first : first + 400], base_us=START_US, origin=origin))


def run(steps: Steps, until: int) -> list[tuple[str, str]]:
    """Compute buckets, judge, and return what was told."""
    Aggregation(steps.connection).run(at(until))
    told: list[tuple[str, str]] = []
    while Alerting(steps.connection, report=lambda *what: told.append(what)).run():
        pass
    return told


Shown = tuple[str, int, int, bool, str | None]


def shown(steps: Steps) -> list[Shown]:
    """Return each alert: detector, its hours after the past, whether it is acknowledged, why it is cleared."""
    rows = steps.rows(
        """select detector, started_at, ended_at, acknowledged_by is not null, cleared_because
             from alerts order by alert_id"""
    )
    return [
        (name, *(round((t - at(PAST)).total_seconds()) // 3600 for t in (start, end)), seen, why)
        for name, start, end, seen, why in rows
    ]


def test_an_alert_from_its_first_hour_to_its_end(steps: Steps, agent: SealingAgent) -> None:
    take(steps, agent, counts(PAST, PAST + 2) + warmth(PAST, PAST + 2))
    take(steps, agent, warmth(PAST + 2, PAST + 9, step=0.0))
    assert run(steps, PAST + 7) == []  # five hours without change
    assert run(steps, PAST + 8) == [("stuck", "raised")]
    assert shown(steps) == [("stuck", 2, 8, False, None)]
    ((number,),) = steps.rows("select alert_id from alerts")
    assert acknowledge(steps.connection, number, "kim", "battery ordered").acknowledged_by == "kim"
    assert run(steps, PAST + 9) == []
    assert shown(steps) == [("stuck", 2, 9, True, None)]
    take(steps, agent, warmth(PAST + 9, PAST + 12))
    assert run(steps, PAST + 12) == [("stuck", "ended")]
    assert shown(steps) == [("stuck", 2, 9, True, "ended")]
    assert run(steps, PAST + 13) == run(steps, PAST + 13) == []
    assert shown(steps) == [("stuck", 2, 9, True, "ended")]


def test_a_crowd_is_an_alert_and_late_readings_withdraw_it(steps: Steps, agent: SealingAgent) -> None:
    crowd = [(OF["entries"], (PAST + 3) * HOUR_US, 400.0)]
    take(steps, agent, counts(PAST, PAST + 3) + crowd + counts(PAST + 4, PAST + 6) + warmth(PAST, PAST + 6))
    assert run(steps, PAST + 6) == [("count_high", "raised"), ("count_high", "ended")]
    assert steps.rows("select measured, expected between 35 and 45 from alerts") == [(400.0, True)]
    take(steps, agent, [(OF["entries"], (PAST + 3) * HOUR_US, 41.0)])  # a correction
    assert run(steps, PAST + 6) == [("count_high", "withdrawn")]
    assert shown(steps) == [("count_high", 3, 4, False, "withdrawn")]
    assert steps.rows("select count(*) from alerts_due") == [(0,)]


def test_what_is_too_old_or_of_no_store_is_not_judged(
    steps: Steps, agent: SealingAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerting, "OLDEST", timedelta(days=2))
    take(steps, agent, counts(PAST, PAST + 1))
    late = PAST + 24
    run(steps, late)
    take(steps, agent, [(OF["entries"], 5 * HOUR_US, 9_000.0)])
    steps.connection.execute("insert into alerts_due values (99, %s, 1)", [at(late - 1)])
    assert run(steps, late) == []
    assert steps.rows("select count(*) from alerts_due") == [(0,)]
    assert [each for each in shown(steps) if each[0] == "count_high"] == []


def test_the_clock_put_back_and_a_run_that_is_told_to_stop(steps: Steps, agent: SealingAgent) -> None:
    take(steps, agent, warmth(PAST, PAST + 10, step=0.0))
    run(steps, PAST + 10)
    before = shown(steps)
    assert before == [("stuck", 0, 10, False, None)]
    run(steps, PAST + 8)
    assert run(steps, PAST + 10) == []
    assert shown(steps) == before
    run_ = Alerting(steps.connection)
    run_.stopping.set()
    Aggregation(steps.connection).run(at(PAST + 12))
    assert not run_.run()
    assert shown(steps) == before


@pytest.mark.fault
@pytest.mark.parametrize("stage", list(Stage))
def test_a_run_killed_on_either_side_of_its_commit(
    database: str, steps: Steps, agent: SealingAgent, stage: Stage
) -> None:
    take(steps, agent, warmth(PAST, PAST + 8, step=0.0) + counts(PAST, PAST + 8))
    Aggregation(steps.connection).run(at(PAST + 8))
    assert dying_run.run(database, stage, 1, at(PAST + 8)) == -9
    assert len(shown(steps)) == (stage is Stage.COMMITTED)
    assert run(steps, PAST + 8) == ([("stuck", "raised")] if stage is Stage.CHANGED else [])
    assert shown(steps) == [("stuck", 0, 8, False, None)]


def test_only_an_open_alert_is_acknowledged_and_the_first_who_did_stays(steps: Steps, agent: SealingAgent) -> None:
    take(steps, agent, warmth(PAST, PAST + 8, step=0.0))
    run(steps, PAST + 8)
    ((number,),) = steps.rows("select alert_id from alerts")
    assert acknowledge(steps.connection, number, "kim", "seen").acknowledged_by == "kim"
    assert acknowledge(steps.connection, number, "lee", "me too").acknowledged_by == "kim"
    with pytest.raises(NoSuchAlertError, match="there is no alert"):
        acknowledge(steps.connection, number + 1, "kim", "seen")
    steps.connection.execute(
        "update alerts set cleared_at = now(), cleared_because = 'ended', acknowledged_at = null,"
        " acknowledged_by = null, acknowledged_why = null"
    )
    with pytest.raises(NoSuchAlertError, match="is cleared"):
        acknowledge(steps.connection, number, "kim", "seen")


def test_a_store_that_was_away_is_caught_up_with_in_portions(
    steps: Steps, agent: SealingAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerting, "STORES_AT_ONCE", 1)
    take(steps, agent, counts(PAST, PAST + 240) + warmth(PAST, PAST + 200) + warmth(PAST + 200, PAST + 240, step=0.0))
    assert run(steps, PAST + 240) == [("stuck", "raised")]
    assert shown(steps) == [("stuck", 200, 240, False, None)]


def test_the_hours_of_a_device_that_has_left_are_not_due_for_ever(steps: Steps, agent: SealingAgent) -> None:
    steps.connection.execute("update devices set valid_to = %s where device_id = 'm2'", [at(PAST - 24).date()])
    take(steps, agent, warmth(PAST - 2, PAST - 1, step=0.2))  # corrections
    assert run(steps, PAST + 1) == []
    assert steps.rows("select count(*) from alerts_due") == [(0,)]
