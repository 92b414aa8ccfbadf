"""Report rules in a running agent: over ends, stops, starts and a failing disk, every reading is in one aggregate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random
from threading import Event, Thread

import pytest
from edge_tools.fake_ingest import fake_ingest
from edge_tools.readings import FIRST_US, Counting
from edge_tools.running import AGENT, edge_settings, open_spool
from standalone.broker import PrivateBroker

from edge import agent as agent_module
from edge.agent import Agent
from edge.clock import system_clock
from edge.reporting.rule import OnChangeRule, ReportRule, WindowRule
from edge.settings import EdgeSettings
from edge.spool.acceptance import NamedGroup
from edge.spool.records import SpoolUnavailable
from edge.spool.spool import Spool
from edge.uplink import Uplink
from edge.wire.batch import Batch
from edge.wire.decode import decode
from edge.wire.series import SeriesTable, Statistic, WindowStatistic

SOURCE = "unused"
"""The source that the settings of tests name; ``Counting`` reads five sensors, a millisecond apart in all."""
WINDOW = WindowRule(quantity="temperature", window_s=1)


@pytest.fixture
def settings(broker: PrivateBroker, tmp_path: Path) -> EdgeSettings:
    broker.add_user(AGENT)
    return edge_settings(tmp_path, broker)


@pytest.fixture
def spool(settings: EdgeSettings) -> Iterator[Spool]:
    opened = open_spool(settings)
    yield opened
    opened.close()


def agent_with(settings: EdgeSettings, spool: Spool, source: Counting, rule: ReportRule) -> Agent:
    random = Random(1)
    ruled = settings.model_copy(update={"report": (rule,)})
    return Agent([source], spool, Uplink(ruled, spool, system_clock(), random, "test 1"), ruled, random)


def pending(spool: Spool) -> list[tuple[str, Statistic | None, int, float]]:
    """Return device, statistic, time and value of every pending reading."""
    found: list[tuple[str, Statistic | None, int, float]] = []
    for sealed in spool.pending(limit=100_000):
        batch, table = decode(sealed.payload), decode(spool.series_table(sealed.series_table) or b"")
        assert isinstance(batch, Batch)
        assert isinstance(table, SeriesTable)
        for number, offset_us, value in zip(batch.series, batch.offset_us, batch.value, strict=True):
            series = table.series[number]
            statistic = series.report.statistic if isinstance(series.report, WindowStatistic) else None
            found.append((series.device, statistic, batch.base_us + offset_us, value))
    return found


def counted(readings: Sequence[tuple[str, Statistic | None, int, float]]) -> int:
    """Return how many readings the aggregates stand for, once it is sure that no two of a series share a time."""
    assert max(Counter(reading[:3] for reading in readings).values()) == 1
    return round(sum(value for _, statistic, _, value in readings if statistic is Statistic.COUNT))


def play(agent: Agent) -> tuple[Thread, Event]:
    stop = Event()
    thread = Thread(target=agent.run, args=(stop,), kwargs={"until_drained": False})
    thread.start()
    return thread, stop


def test_until_drained_reports_the_last_window_before_it_ends(
    broker: PrivateBroker, settings: EdgeSettings, spool: Spool
) -> None:
    with fake_ingest(broker) as ingest:
        agent = agent_with(settings, spool, Counting(2500, 50, SOURCE), WINDOW)
        assert agent.run(Event(), until_drained=True)
        expected: list[float] = []
        for sensor in range(5):
            for window in (range(1000), range(1000, 2000), range(2000, 2500)):
                numbers = [number for number in window if number % 5 == sensor]
                expected += [min(numbers), max(numbers), sum(numbers) / len(numbers), len(numbers)]
        assert ingest.values() == sorted(expected)
    assert spool.position(SOURCE) == "2499"


def test_over_a_stop_and_a_start_every_reading_is_in_one_aggregate(settings: EdgeSettings, spool: Spool) -> None:
    thread, stop = play(agent_with(settings, spool, Counting(100_000, 5, SOURCE, after_each_s=0.001), WINDOW))
    wait_until(lambda: int(spool.position(SOURCE) or 0) > 1200)
    stop.set()
    thread.join(20)
    position = int(spool.position(SOURCE) or 0)
    assert counted(pending(spool)) == position + 1
    thread, stop = play(agent_with(settings, spool, Counting(position + 1501, 50, SOURCE), WINDOW))
    wait_until(lambda: int(spool.position(SOURCE) or 0) == position + 1500)
    stop.set()
    thread.join(20)
    found = pending(spool)
    assert counted(found) == position + 1501
    again = FIRST_US + (position + 1) * 1000
    assert again in {t_us for _, _, t_us, _ in found}  # the rest of the window that the stop cut


def test_a_disk_that_fails_for_a_while_counts_nothing_twice(
    settings: EdgeSettings, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_module, "_FIRST_PAUSE_S", 0.001)
    accept, attempts = spool.accept, 0

    def failing(groups: Sequence[NamedGroup]) -> list[int]:
        nonlocal attempts
        attempts += 1
        if attempts % 2:
            problem = "no space"
            raise SpoolUnavailable(problem, "free some")
        return accept(groups)

    monkeypatch.setattr(spool, "accept", failing)
    thread, stop = play(agent_with(settings, spool, Counting(2500, 50, SOURCE), WINDOW))
    wait_until(lambda: spool.position(SOURCE) == "2499" and counted(pending(spool)) == 2500)
    stop.set()
    thread.join(20)
    assert counted(pending(spool)) == 2500


def test_what_is_held_back_is_not_accepted_and_the_first_value_after_a_start_is(
    settings: EdgeSettings, spool: Spool
) -> None:
    rule = OnChangeRule(quantity="temperature", dead_band=1e6, at_least_every_s=86_400)
    for count in (1000, 2000):
        thread, stop = play(agent_with(settings, spool, Counting(count, 50, SOURCE), rule))
        wait_until(partial(_is_at, spool, count - 1))
        stop.set()
        thread.join(20)
    assert sorted(value for *_, value in pending(spool)) == [0, 1, 2, 3, 4, 1000, 1001, 1002, 1003, 1004]
    assert spool.totals().accepted_readings == 10


def _is_at(spool: Spool, number: int) -> bool:
    return spool.position(SOURCE) == str(number)


def wait_until(condition: Callable[[], bool], deadline_s: float = 20.0) -> None:
    waiting = Event()
    for _ in range(round(deadline_s / 0.02)):
        if condition():
            return
        waiting.wait(0.02)
    pytest.fail("did not happen in time")
