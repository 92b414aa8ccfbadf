"""Power lost at every moment: the spool's files are rebuilt with only what was synced by then, and opened again.

A kill proves nothing of this: the kernel still writes what a killed process had written. Here every change that SQLite
makes to the files is recorded, with marks where the spool reported an action as done. For each prefix of that record
the files are rebuilt by a model of a disk that keeps only its promises, and must hold exactly the state of before or
of after the action under way, and never less than what was reported.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import pytest
from edge_tools.readings import HandClock, group, refusal
from fault_tools.power_loss import Disk, Record
from fault_tools.sqlite_files import watched

from edge.readings import ReadingGroup
from edge.spool import schema
from edge.spool.records import SpoolLimits
from edge.spool.schema import set_aside_files
from edge.spool.spool import Spool
from edge.wire.acknowledgement import Acknowledgement, RefusalReason, Refused
from edge.wire.batch import Batch
from edge.wire.decode import decode
from edge.wire.model import digest

pytestmark = pytest.mark.fault

LIMITS = SpoolLimits(max_bytes=12_000, max_age_s=1000, batch_readings=20)
ACTIONS = 40
State = list[Any]


@dataclass
class Reported:
    """What was known when an action had been reported as done."""

    at_change: int
    state: State
    accepted: int
    settled: Counter[float]
    """Values of the readings of batches that the platform has answered for."""


@dataclass
class History:
    """A spool at work over recorded files."""

    path: Path
    random: Random
    record: Record = field(default_factory=Record)
    clock: HandClock = field(default_factory=HandClock)
    accepted: int = 0
    settled: Counter[float] = field(default_factory=Counter)
    reported: list[Reported] = field(default_factory=list)

    def play(self, actions: int) -> None:
        with watched(self.record):
            spool = self.open()
            self.note(spool)
            for _ in range(actions):
                spool = self.act(spool)
                self.note(spool)
            spool.close()

    def open(self) -> Spool:
        spool = Spool.open(self.path, LIMITS, self.clock.clock, self.new_id)
        spool._db.execute("pragma wal_autocheckpoint = 15")  # so that checkpoints fall into so short a history
        return spool

    def new_id(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    def note(self, spool: Spool) -> None:
        state = state_of(spool._db)
        self.reported.append(Reported(len(self.record.changes), state, self.accepted, self.settled.copy()))

    def act(self, spool: Spool) -> Spool:
        chosen = self.random.choices(
            (self.accept, self.acknowledge, self.refuse, self.renew, self.wait, self.reopen), (12, 6, 2, 1, 1, 1)
        )[0]
        return chosen(spool) or spool

    def accept(self, spool: Spool) -> None:
        groups: list[tuple[str, ReadingGroup]] = []
        for _ in range(self.random.randint(1, 3)):
            size = self.random.choice((0, 3, 50))
            refusals = [refusal("abc")] if self.random.random() < 0.2 else []
            groups.append(("counter", group(self.accepted, size, refusals=refusals)))
            self.accepted += size
        spool.accept(groups)

    def acknowledge(self, spool: Spool) -> None:
        pending = spool.pending()
        chosen = self.random.sample(pending, self.random.randint(0, len(pending)))
        self.settle([each.payload for each in chosen])
        ranges = [(each.sequence, each.sequence) for each in sorted(chosen, key=lambda each: each.sequence)]
        spool.trim(Acknowledgement(spool=spool.spool_id, committed=ranges, at_us=1))

    def refuse(self, spool: Spool) -> None:
        for each in spool.pending()[:1]:
            self.settle([each.payload])
            answer = Refused(sha256=each.sha256, reason=RefusalReason.UNDECODABLE, detail="")
            spool.trim(Acknowledgement(spool=None, refused=[answer], at_us=1))

    def settle(self, payloads: list[bytes]) -> None:
        self.settled.update(value for payload in payloads for value in batch_of(payload).value)

    def renew(self, spool: Spool) -> None:
        spool.renew("sequence_reused")

    def wait(self, spool: Spool) -> None:
        self.clock.advance(1001)
        spool.enforce_limits()

    def reopen(self, spool: Spool) -> Spool:
        spool.close()
        return self.open()


def batch_of(payload: bytes) -> Batch:
    document = decode(payload)
    assert isinstance(document, Batch)
    return document


def state_of(db: sqlite3.Connection) -> State:
    """Return everything that the file holds, table by table, without series tables that no batch names."""
    tables = [name for (name,) in db.execute("select name from sqlite_schema where type = 'table' order by name")]
    used = " where digest in (select series_table from batches)"
    return [
        (table, db.execute(f"select * from {table} {used if table == 'series_tables' else ''} order by 1").fetchall())  # noqa: S608
        for table in tables
    ]


def wrecks(history: History, random: Random) -> Iterator[tuple[int, dict[str, bytes]]]:
    """Yield, for every prefix of the record, the files that a power loss may leave: (changes made, files).

    The index of the write-ahead log is shared memory that nobody syncs: there may be anything in it.
    """
    disk = Disk()
    for number, change in enumerate(history.record.changes, start=1):
        disk.apply(change)
        yield number, disk.with_a_part(random) | {"spool.db-shm": random.randbytes(32 * 1024)}
        if change.kind in {"sync", "sync_folder"}:
            yield number, disk.with_synced_only()
            yield number, disk.with_everything()


def check(folder: Path, files: dict[str, bytes], before: Reported | None, after: Reported | None) -> None:
    """Open the files, and compare with what was reported before, and what was under way."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    path = folder / "spool.db"
    spool = Spool.open(path, LIMITS, HandClock().clock)
    try:
        assert set_aside_files(path) == [], "the file counted as damaged"
        if before is None:
            assert spool.totals().made_batches == 0
            return
        state = state_of(spool._db)
        assert state == before.state or (after is not None and state == after.state), "a state that never was reported"
        check_readings(spool, before, after or before)
        check_chain(spool)
    finally:
        spool.close()


def check_readings(spool: Spool, before: Reported, after: Reported) -> None:
    """Every reading reported as accepted is pending once, answered for, or lost by policy; the position is the last."""
    position = spool.position("counter")
    accepted = 0 if position is None else int(position) + 1
    assert before.accepted <= accepted <= after.accepted
    pending = Counter(value for sealed in spool.pending(limit=1000) for value in batch_of(sealed.payload).value)
    assert all(count == 1 for count in pending.values())
    assert pending.keys() <= set(map(float, range(accepted)))
    gone = set(map(float, range(accepted))) - pending.keys()
    totals = spool.totals()
    assert totals.accepted_readings == accepted
    assert len(gone - after.settled.keys()) <= totals.lost_readings
    assert len(gone) == totals.lost_readings + totals.committed_readings + totals.refused_readings


def check_chain(spool: Spool) -> None:
    """Neighbours are linked, no digest is wrong, and the next batch follows the last."""
    last = spool.last_sequence
    assert spool.accept([("other", group(0, 1))]) == [last + 1]
    sealed = spool.pending(limit=1000)
    for one, following in pairwise(sealed):
        assert digest(one.payload) == one.sha256
        if following.sequence == one.sequence + 1:
            assert batch_of(following.payload).previous == one.sha256


def check_every_prefix(history: History, folder: Path, seed: int) -> int:
    checked = 0
    marks = history.reported
    done = -1
    for number, (made, files) in enumerate(wrecks(history, Random(seed))):
        while done + 1 < len(marks) and marks[done + 1].at_change <= made:
            done += 1
        wreck = folder / str(number)
        wreck.mkdir()
        before = marks[done] if done >= 0 else None
        after = marks[done + 1] if done + 1 < len(marks) else None
        check(wreck, files, before, after)
        for file in wreck.iterdir():
            file.unlink()
        checked += 1
    return checked


@pytest.fixture
def wrecks_folder(tmp_path: Path) -> Iterator[Path]:
    """Yield where files as a power loss left them are opened: in memory where there is such a place.

    Thousands of openings that each wait for a real disk would prove nothing more.
    """
    memory = Path("/dev/shm")  # noqa: S108 - the folder made in it is this process's own
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(prefix="smartstore-test-", dir=memory) as folder:
        yield Path(folder)


@pytest.mark.parametrize("seed", range(3))
def test_no_power_loss_takes_what_was_accepted(tmp_path: Path, wrecks_folder: Path, seed: int) -> None:
    (tmp_path / "live").mkdir()
    history = History(tmp_path / "live" / "spool.db", Random(seed))
    history.play(ACTIONS)
    kinds = Counter((change.kind, change.name.removeprefix("spool.db")) for change in history.record.changes)
    assert kinds["sync", "-wal"] >= ACTIONS / 2, "commits are not synced"
    assert kinds["sync", ""] >= 3, "there was no checkpoint"
    assert check_every_prefix(history, wrecks_folder, seed) > len(history.record.changes)


def test_the_check_finds_a_spool_that_does_not_sync_its_commits(
    tmp_path: Path, wrecks_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: with SQLite's usual setting for a write-ahead log, the same check must fail."""
    connect: Callable[[Path], sqlite3.Connection] = schema.connect

    def careless(path: Path) -> sqlite3.Connection:
        db = connect(path)
        db.execute("pragma synchronous = normal")
        return db

    monkeypatch.setattr(schema, "connect", careless)
    (tmp_path / "live").mkdir()
    history = History(tmp_path / "live" / "spool.db", Random(0))
    history.play(10)
    monkeypatch.undo()
    with pytest.raises(AssertionError):
        check_every_prefix(history, wrecks_folder, 0)


def test_the_recorded_files_are_the_files(tmp_path: Path) -> None:
    """The control of the record: all changes together give the files as they are."""
    history = History(tmp_path / "spool.db", Random(1))
    with watched(history.record):
        spool = history.open()
        for _ in range(10):
            history.accept(spool)
        disk = Disk()
        for change in history.record.changes:
            disk.apply(change)
        for name, content in disk.with_everything().items():
            assert (tmp_path / name).read_bytes() == content, name
        spool.close()
    with closing(sqlite3.connect(tmp_path / "spool.db")) as db:
        assert db.execute("pragma quick_check").fetchone() == ("ok",)
