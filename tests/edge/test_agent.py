"""The whole agent in one process: sources, spool and uplink together, and what happens when one of them fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from threading import Event, Thread

import pytest
from edge_tools.fake_ingest import fake_ingest
from edge_tools.readings import Counting
from edge_tools.running import AGENT, edge_settings, open_spool
from standalone.broker import PrivateBroker

from edge import agent as agent_module
from edge import supervision
from edge.agent import Agent
from edge.clock import system_clock
from edge.readings import ReadingGroup
from edge.settings import EdgeSettings
from edge.sources.source import Source
from edge.spool.schema import set_aside_files
from edge.spool.spool import Spool
from edge.uplink import Uplink


@pytest.fixture
def settings(broker: PrivateBroker, tmp_path: Path) -> EdgeSettings:
    broker.add_user(AGENT)
    return edge_settings(tmp_path, broker)


@pytest.fixture
def spool(settings: EdgeSettings) -> Iterator[Spool]:
    opened = open_spool(settings)
    yield opened
    opened.close()


def agent_of(settings: EdgeSettings, spool: Spool, *sources: Source) -> Agent:
    random = Random(1)
    return Agent(sources, spool, Uplink(settings, spool, system_clock(), random, "test 1"), settings, random)


class Broken:
    name = "broken"

    def __init__(self) -> None:
        self.starts = 0

    def groups(self, position: str | None, stop: Event) -> Iterator[ReadingGroup]:
        self.starts += 1
        raise OSError("no such device")
        yield  # a generator all the same


def test_until_drained_ends_when_all_sources_ended_and_all_is_answered(
    broker: PrivateBroker, settings: EdgeSettings, spool: Spool
) -> None:
    with fake_ingest(broker) as ingest:
        agent = agent_of(settings, spool, Counting(500, 7, "a"), Counting(300, 50, "b"))
        assert agent.run(Event(), until_drained=True)
        assert ingest.values() == sorted([float(n) for n in range(500)] + [float(n) for n in range(300)])
        ingest.wait_for(lambda: [each.type for each in ingest.presence] == ["birth", "will"])
    assert spool.is_drained()


def test_a_source_that_fails_does_not_keep_the_others(
    broker: PrivateBroker, settings: EdgeSettings, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "_FIRST_PAUSE_S", 0.01)
    stop, broken = Event(), Broken()
    agent = agent_of(settings, spool, broken, Counting(100, 10))
    with fake_ingest(broker) as ingest:
        thread = Thread(target=agent.run, args=(stop,), kwargs={"until_drained": True})
        thread.start()
        ingest.wait_for(lambda: len(ingest.values()) == 100 and broken.starts > 2)
        assert thread.is_alive()
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def test_a_stop_seals_what_was_taken(settings: EdgeSettings, spool: Spool) -> None:
    """No platform: what the source has handed over is in the spool, and its position beside it."""
    stop = Event()
    agent = agent_of(settings, spool, Counting(100_000, 5, after_each_s=0.001))
    thread = Thread(target=agent.run, args=(stop,), kwargs={"until_drained": False})
    thread.start()
    wait_until(lambda: spool.depth().readings > 50)
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
    assert spool.position("counter") == str(spool.depth().readings - 1)


def test_a_disk_that_is_full_for_a_while_costs_nothing(
    broker: PrivateBroker, settings: EdgeSettings, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_module, "_FIRST_PAUSE_S", 0.02)
    refused = Event()
    accept = spool.accept

    def noted(groups: object) -> list[int]:
        try:
            return accept(groups)  # type: ignore[arg-type]
        except Exception:
            refused.set()
            raise

    monkeypatch.setattr(spool, "accept", noted)
    spool._db.execute(f"pragma max_page_count = {spool._db.execute('pragma page_count').fetchone()[0]}")
    agent = agent_of(settings, spool, Counting(2000, 20))
    with fake_ingest(broker) as ingest:
        thread = Thread(target=agent.run, args=(Event(),), kwargs={"until_drained": True})
        thread.start()
        assert refused.wait(20)
        assert thread.is_alive()
        with spool._lock:
            spool._db.execute("pragma max_page_count = 1000000")
        thread.join(30)
        assert not thread.is_alive()
        assert ingest.values() == [float(number) for number in range(2000)]


def test_a_file_damaged_under_way_ends_the_agent_and_the_next_start_sets_it_aside(settings: EdgeSettings) -> None:
    spool = open_spool(settings)

    class Damaging(Counting):
        def groups(self, position: str | None, stop: Event) -> Iterator[ReadingGroup]:
            for number, each in enumerate(super().groups(position, stop)):
                yield each
                if number == 20:
                    damage(spool, settings.spool.path)

    agent = agent_of(settings, spool, Damaging(100_000, 5, after_each_s=0.001))
    assert not agent.run(Event(), until_drained=False)
    spool.close()
    again = open_spool(settings)
    assert again.depth().batches == 0
    assert len(set_aside_files(settings.spool.path)) == 1
    again.close()


def damage(spool: Spool, path: Path) -> None:
    with spool._lock:
        spool._db.execute("pragma wal_checkpoint(truncate)")
        content = bytearray(path.read_bytes())
        content[4096:] = b"\xff" * (len(content) - 4096)
        path.write_bytes(content)
        spool._db.execute("pragma shrink_memory")


def wait_until(condition: Callable[[], bool], deadline_s: float = 20.0) -> None:
    waiting = Event()
    for _ in range(round(deadline_s / 0.02)):
        if condition():
            return
        waiting.wait(0.02)
    pytest.fail("did not happen in time")
