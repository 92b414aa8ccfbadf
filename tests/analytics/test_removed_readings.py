"""A window that begins before the readings that are kept says so, in words of both languages; it shows no zeros."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest
from metric_inputs import claimed, observed
from stored_readings import store_readings

from analytics.catalogue.all_metrics import METRICS
from analytics.evaluate import evaluate
from analytics.facilities import store_answer
from analytics.gaps import account
from analytics.metrics.spans import Spans
from analytics.rendering import render_answer
from analytics.results import FacilitiesAnswer, Result, Status
from analytics.series import _without_removed
from analytics.windows import Window, to_us
from analytics.wording.language import Language
from edge.simulator.plan import district_plan
from edge.simulator.registry_files import write_csv_set
from edge.simulator.store_day import StoreDay
from edge.wire.series import Kind
from ingest.registry.csv_set import read_csv_set
from ingest.store import compression, retention
from ingest.store.registry_import import import_set

ZONE = ZoneInfo("Asia/Shanghai")
PLAN = district_plan(1)
STORE = PLAN.stores[0]
FIRST = date(2026, 5, 4)
EDGE = datetime(2026, 5, 5, tzinfo=UTC)  # 08:00 of the second day
Database = psycopg.Connection[Any]


@pytest.fixture
def played(connection: Database, tmp_path: Path) -> Database:
    """Return a connection to two days of a store, as readings."""
    connection.autocommit = True
    if compression.has_chunks(connection):
        compression.set_chunk_interval(connection, timedelta(days=1))
    write_csv_set(PLAN, tmp_path)
    import_set(connection, read_csv_set(tmp_path), "simulation")
    for ahead in range(2):
        plan = StoreDay(STORE, FIRST + timedelta(days=ahead), opening=ahead == 0)
        store_readings(connection, STORE.agent_id, [r for slot in range(plan.day.slots) for r in plan.slot(slot)])
    return connection


def remove(c: Database) -> None:
    """Remove what lies before the edge; these batches were never sealed, so there is nothing to prove."""
    c.execute("insert into leaves select entry_id, '{}', '' from ledger")
    for of in ("count", "state"):
        retention.close_before(c, of, EDGE + retention.MARGIN)
        while oldest := retention.next_range(c, of, EDGE):
            with c.transaction():
                retention.remove(c, oldest, timedelta(seconds=1))


def local(day: date, hour: int = 0) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=ZONE)


def window(start: datetime, end: datetime) -> Window:
    return Window(start, end, ZONE.key)


def results(answer: FacilitiesAnswer) -> dict[str, Result]:
    return {result.metric: result for area in answer.areas for result in area.results}


def test_a_window_before_the_edge_says_what_was_removed(played: Database) -> None:
    both_days = window(local(FIRST), local(FIRST + timedelta(days=2)))
    measured = {n for n, r in results(store_answer(played, STORE.store_id, both_days)).items() if r.value is not None}
    remove(played)
    answer = store_answer(played, STORE.store_id, both_days)
    assert len(measured) > 10
    for name in measured:
        result = results(answer)[name]
        assert datetime.fromisoformat(result.detail["rows_kept_from"]) == EDGE
        if METRICS[name].completeness_floor == 0 and name != "data_completeness":
            continue  # tells of the readings that are there, and says since when they are
        assert (result.status, result.value) == (Status.INSUFFICIENT, None), name
        assert result.detail["reason"] == "removed_by_retention"
        assert result.completeness is not None
        assert all(gap.removed == (gap.start < EDGE) and not gap.declared for gap in result.completeness.gaps)
        assert any(gap.removed for gap in result.completeness.gaps)
    assert answer.note is not None
    assert "2026" in answer.note.en
    assert "08:00" in answer.note.en
    assert "08:00" in answer.note.zh
    steps = [area.next_step for area in answer.areas if area.next_step]
    assert steps
    assert all("[retention]" in step.en and "[retention]" in step.zh for step in steps)
    assert "removed by retention" in render_answer(answer)
    assert "已按保存期删除" in render_answer(answer, Language.ZH)


def test_a_window_that_is_gone_as_a_whole_blames_no_device(played: Database) -> None:
    gone = window(local(FIRST), local(FIRST, 20))
    remove(played)
    answer = store_answer(played, STORE.store_id, gone)
    assert answer.note is not None
    for area in answer.areas:
        assert area.next_step is None or "Check power" not in area.next_step.en


def test_a_window_after_the_edge_is_answered_as_before(played: Database) -> None:
    kept = window(local(FIRST + timedelta(days=1), 10), local(FIRST + timedelta(days=2)))
    before = {name: evaluate(played, name, STORE.store_id, kept) for name in ("footfall_entries", "parking_occupancy")}
    remove(played)
    for name, result in before.items():
        after = evaluate(played, name, STORE.store_id, kept)
        assert (after.value, after.digest, after.detail) == (result.value, result.digest, result.detail)
        assert after.value is not None


def test_a_device_that_was_online_vouches_for_no_removed_event() -> None:
    """Of single events none is expected at any time: without a word on it, a removed time would be a measured zero."""
    day = window(datetime(2026, 5, 5, tzinfo=UTC), datetime(2026, 5, 6, tzinfo=UTC))
    online = Spans.of([(day.start_us, day.end_us)])
    series = observed("entries", np.zeros(0, np.int64), np.zeros(0), kind=Kind.EVENT, events=True, online=online)
    assert claimed(account([series], day.spans, 0.9, {}, day)).ratio == 1
    half = datetime(2026, 5, 5, 12, tzinfo=UTC)
    found = claimed(account([_without_removed(series, half)], day.spans, 0.9, {}, day))
    assert found.ratio == 0.5
    assert [(to_us(gap.start), to_us(gap.end), gap.removed) for gap in found.gaps] == [
        (day.start_us, to_us(half), True)
    ]
