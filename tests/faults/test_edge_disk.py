"""A disk that is full, or turns read-only: the agent waits, goes on by itself, and loses nothing."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from edge_tools.fake_ingest import fake_ingest
from edge_tools.readings import HandClock, group
from edge_tools.running import AGENT, edge_settings
from fault_tools.playing_agent import playing, wait_until
from fault_tools.small_disk import SmallDisk
from fault_tools.sqlite_files import watched
from standalone.broker import PrivateBroker

from edge import agent as agent_module
from edge.spool import reserve
from edge.spool.records import SpoolError, SpoolLimits, SpoolUnavailable
from edge.spool.spool import Spool
from edge.wire.acknowledgement import Acknowledgement

pytestmark = pytest.mark.fault

CAPACITY = 14_000_000
LIMITS = SpoolLimits(max_bytes=10**9, max_age_s=10**6, batch_readings=100)


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    small = SmallDisk(folder, CAPACITY)
    monkeypatch.setattr(os, "posix_fallocate", small.allocate)
    monkeypatch.setattr(agent_module, "_FIRST_PAUSE_S", 0.02)
    with watched(small):
        yield small


def fill(spool: Spool) -> int:
    """Accept until the disk refuses; return how many readings were accepted."""
    accepted = 0
    while is_accepted(spool, accepted):
        accepted += 100
    return accepted


def is_accepted(spool: Spool, first: int) -> bool:
    """Accept a hundred readings; False where the disk is full."""
    try:
        spool.accept([("counter", group(first, 100))])
    except SpoolUnavailable as error:
        return "free space" not in error.fix
    return True


def test_what_a_full_disk_refuses_is_not_accepted_and_the_rest_stays(disk: SmallDisk) -> None:
    spool = Spool.open(disk.folder / "spool.db", LIMITS, HandClock().clock)
    accepted = fill(spool)
    totals = spool.totals()
    assert totals.accepted_readings == totals.pending_readings == accepted > 10_000
    assert spool.position("counter") == str(accepted - 1)
    disk.capacity_bytes *= 2
    spool.accept([("counter", group(accepted, 100))])
    assert spool.totals().accepted_readings == accepted + 100
    spool.close()


def test_acknowledgements_make_room_on_a_disk_that_the_spool_has_filled(disk: SmallDisk) -> None:
    """Without any help from outside, and as often as it happens."""
    spool = Spool.open(disk.folder / "spool.db", LIMITS, HandClock().clock)
    accepted = fill(spool)
    for round_ in range(40):
        assert spool.next_connection() == round_ + 1
        oldest = spool.pending(limit=20)
        ranges = [(oldest[0].sequence, oldest[-1].sequence)]
        trimmed = spool.trim(Acknowledgement(spool=spool.spool_id, committed=ranges, at_us=1))
        assert trimmed.committed == 20
        for _ in range(20):
            accepted += 100 if is_accepted(spool, accepted) else 0
    totals = spool.totals()
    assert totals.lost_readings == 0
    assert totals.accepted_readings == accepted == totals.committed_readings + totals.pending_readings
    assert totals.committed_batches == 800
    spool.close()


def test_an_agent_on_a_full_disk_goes_on_once_there_is_room(
    broker: PrivateBroker, tmp_path: Path, disk: SmallDisk
) -> None:
    broker.add_user(AGENT)
    settings = edge_settings(tmp_path, broker, spool={"path": str(disk.folder / "spool.db"), "seal_after_s": 0.01})
    with fake_ingest(broker) as ingest, playing(settings) as agent:
        agent.accept(30)
        ingest.wait_for(lambda: len(ingest.values()) == 30)
        disk.capacity_bytes, before = 0, disk.refused
        wanted = agent.source.release(3000)
        wait_until(lambda: disk.refused > before + 3)
        disk.capacity_bytes = CAPACITY
        ingest.wait_for(lambda: len(ingest.values()) == wanted)
        assert ingest.values() == [float(number) for number in range(wanted)]
        assert agent.spool.totals().lost_readings == 0


def test_an_agent_whose_disk_turns_read_only_waits_and_loses_nothing(
    broker: PrivateBroker, tmp_path: Path, disk: SmallDisk
) -> None:
    broker.add_user(AGENT)
    settings = edge_settings(tmp_path, broker, spool={"path": str(disk.folder / "spool.db"), "seal_after_s": 0.01})
    with fake_ingest(broker) as ingest, playing(settings) as agent:
        agent.accept(30)
        disk.read_only, before = True, disk.refused
        wanted = agent.source.release(300)
        wait_until(lambda: disk.refused > before + 3)
        assert agent.spool.position("counter") == "29"
        disk.read_only = False
        ingest.wait_for(lambda: len(ingest.values()) == wanted)
        assert ingest.values() == [float(number) for number in range(wanted)]


def test_an_agent_that_starts_on_a_read_only_disk_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(SpoolError, match=r"Read-only file system; give spool\.path a folder that the agent may write"):
        Spool.open(tmp_path / "spool.db", LIMITS, HandClock().clock)


def test_a_disk_without_room_for_the_reserve_still_has_a_spool(
    disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    disk.capacity_bytes = 2_000_000
    spool = Spool.open(disk.folder / "spool.db", LIMITS, HandClock().clock)
    assert "spool_reserve_missing" in caplog.text
    assert fill(spool) > 1000
    disk.capacity_bytes = reserve.RESERVE_BYTES + 4_000_000
    spool.next_connection()
    assert (disk.folder / "spool.db.reserve").stat().st_size == reserve.RESERVE_BYTES
    spool.close()
