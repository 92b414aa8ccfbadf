"""A damaged file: kept aside as it is, what can be read goes on, the rest is declared lost, to the reading."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from edge_tools.readings import HandClock, group, refusal

from edge.spool.records import SpoolCorrupt, SpoolLimits
from edge.spool.schema import set_aside_files
from edge.spool.spool import Spool
from edge.spool.status import read_status
from edge.wire.acknowledgement import Acknowledgement
from edge.wire.batch import Batch, LossReason
from edge.wire.decode import decode
from edge.wire.model import digest

LIMITS = SpoolLimits(max_bytes=10_000_000, max_age_s=3600, batch_readings=20)
COUNT = 3000
PAGE = 4096


def opened(path: Path) -> Spool:
    return Spool.open(path, LIMITS, HandClock().clock)


def filled(path: Path) -> str:
    """Make a spool of 150 batches, of which the platform has the first thirty; return its id."""
    spool = opened(path)
    for first in range(0, COUNT, 100):
        spool.accept([("a", group(first, 100))])
    spool.trim(Acknowledgement(spool=spool.spool_id, committed=[(1, 30)], at_us=1))
    name = str(spool.spool_id)
    spool.close()
    return name


def pages_of(path: Path, table: str) -> list[int]:
    """Return the numbers, from 1, of the leaf pages of a table, by looking for its payloads."""
    with closing(sqlite3.connect(path)) as db:
        root: int = db.execute("select rootpage from sqlite_schema where name = ?", (table,)).fetchone()[0]
    return [root]


def overwrite(path: Path, page: int) -> None:
    content = bytearray(path.read_bytes())
    content[(page - 1) * PAGE : page * PAGE] = b"\xff" * PAGE
    path.write_bytes(content)


def batches(spool: Spool) -> list[Batch]:
    documents = [decode(sealed.payload) for sealed in spool.pending(limit=10_000)]
    assert all(isinstance(document, Batch) for document in documents)
    return [document for document in documents if isinstance(document, Batch)]


def used_up(path: Path) -> Spool:
    """Open a spool, accept something and read all of it, again where damage shows only then."""
    spool = opened(path)
    try:
        spool.accept([("b", group(0, 0, refusals=[refusal("to have whatever is lost declared")]))])
        batches(spool)
    except SpoolCorrupt:
        spool.close()
        return used_up(path)
    return spool


def check_chain(spool: Spool) -> None:
    sealed = spool.pending(limit=10_000)
    known = {each.sequence: each.sha256 for each in sealed}
    for batch in batches(spool):
        known.update({loss.last_sequence: loss.last_digest for loss in batch.losses if loss.spool is None})
        if batch.sequence - 1 in known:
            assert batch.previous == known[batch.sequence - 1]


def check_account(spool: Spool, before: str) -> int:
    """Every reading that was pending is carried on once or declared lost; return how many are lost."""
    carried = Counter(value for batch in batches(spool) for value in batch.value)
    assert all(count == 1 for count in carried.values())
    assert set(carried) <= set(map(float, range(600, COUNT)))
    declared = [loss for batch in batches(spool) for loss in batch.losses]
    assert all(loss.reason is LossReason.SPOOL_CORRUPT for loss in declared)
    lost = sum(loss.readings for loss in declared)
    assert carried.total() + lost == COUNT - 600
    for batch in batches(spool):
        if batch.value:
            assert batch.resealed_from is not None
            assert str(batch.resealed_from.spool) == before
    totals = spool.totals()
    assert totals.lost_readings == lost
    assert totals.accepted_readings == COUNT - 600
    check_chain(spool)
    return lost


def check_numbers(spool: Spool, before: str, lost: int) -> None:
    """Where something is lost, every number of the damaged spool is either carried on or declared, under its id."""
    carried = [batch.resealed_from.sequence for batch in batches(spool) if batch.resealed_from]
    declared = [loss for batch in batches(spool) for loss in batch.losses if loss.spool is not None]
    assert {str(loss.spool) for loss in declared} <= {before}
    numbers = [n for loss in declared for n in range(loss.first_sequence, loss.last_sequence + 1)]
    assert sorted([*carried, *numbers]) == list(range(1, COUNT // 20 + 1)) if lost else not declared


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_page_costs_what_was_on_it_and_that_is_declared(tmp_path: Path, seed: int) -> None:
    """Any page but that of the schema and that of the counters: those are other tests' matter."""
    path = tmp_path / "spool.db"
    before = filled(path)
    counters = pages_of(path, "spool")
    pages = path.stat().st_size // PAGE
    chosen = Random(seed).choice([page for page in range(2, pages + 1) if page not in counters])
    overwrite(path, chosen)
    content = path.read_bytes()
    spool = opened(path)
    if not set_aside_files(path):  # a page that is in use no more
        assert batches(spool)[0].resealed_from is None
        spool.close()
        return
    lost = check_account(spool, before)
    check_numbers(spool, before, lost)
    assert spool.position("a") == (str(COUNT - 1) if lost == 0 else None)
    (aside,) = set_aside_files(path)
    assert aside.read_bytes() == content
    assert read_status(path).set_aside_before == 1
    spool.close()
    again = opened(path)
    assert read_status(path).set_aside_before == 1
    assert check_account(again, before) == lost
    again.close()


def test_random_bytes_anywhere_cost_nothing_that_is_not_declared(tmp_path: Path) -> None:
    random = Random(8)
    for number in range(25):
        path = tmp_path / str(number) / "spool.db"
        path.parent.mkdir()
        before = filled(path)
        counters = pages_of(path, "spool")
        content = bytearray(path.read_bytes())
        for _ in range(random.choice((1, 20, 200))):
            at = random.randrange(PAGE, len(content))
            if at // PAGE + 1 not in counters:
                content[at] = random.randrange(256)
        path.write_bytes(content)
        spool = used_up(path)
        carried = Counter(value for batch in batches(spool) for value in batch.value)
        assert all(count == 1 for count in carried.values())
        assert carried.total() + spool.totals().lost_readings == COUNT - 600, number
        if set_aside_files(path):
            check_account(spool, before)
        check_chain(spool)
        spool.close()


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_overwritten_an_agent_starts_and_declares_a_loss(tmp_path: Path, seed: int) -> None:
    """Schema, counters and all: what cannot be read is not counted, but it is said that there is a loss."""
    path = tmp_path / "spool.db"
    filled(path)
    random = Random(seed)
    content = bytearray(path.read_bytes())
    for _ in range(300):
        content[random.randrange(len(content))] = random.randrange(256)
    if seed % 4 == 0:
        del content[random.randrange(len(content)) :]
    path.write_bytes(content)
    spool = used_up(path)
    spool.accept([("b", group(COUNT, 1))])
    carried = Counter(value for batch in batches(spool) for value in batch.value)
    assert all(count == 1 for count in carried.values())
    losses = [loss for batch in batches(spool) for loss in batch.losses]
    assert losses
    assert all(loss.reason is LossReason.SPOOL_CORRUPT for loss in losses)
    check_chain(spool)
    spool.close()


@pytest.mark.parametrize("column", ["spool", "previous", "last_table"])
def test_a_chain_that_cannot_be_one_is_damage(tmp_path: Path, column: str) -> None:
    path = tmp_path / "spool.db"
    filled(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"update spool set {column} = 'z' || substr({column}, 2)")  # noqa: S608
    spool = opened(path)
    assert len(set_aside_files(path)) == 1
    assert spool.totals().pending_readings == COUNT - 600
    spool.close()


def test_where_the_counters_are_gone_a_loss_is_declared_without_their_number(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    before = filled(path)
    (counters,) = pages_of(path, "spool")
    overwrite(path, counters)
    spool = opened(path)
    carried = batches(spool)
    assert {value for batch in carried for value in batch.value} == set(map(float, range(600, COUNT)))
    assert all(batch.resealed_from and str(batch.resealed_from.spool) == before for batch in carried if batch.value)
    (loss,) = [loss for batch in carried for loss in batch.losses]
    assert (loss.reason, loss.readings) == (LossReason.SPOOL_CORRUPT, 0)
    check_chain(spool)
    spool.close()


def test_counters_that_contradict_each_other_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    filled(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("update spool set pending_readings = pending_readings - 7")
    spool = opened(path)
    assert len(set_aside_files(path)) == 1
    assert spool.totals().pending_readings == COUNT - 600
    spool.close()


def test_of_a_file_that_is_no_database_a_loss_of_unknown_size_is_declared(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    path.write_bytes(b"nonsense" * 1000)
    spool = opened(path)
    assert spool.accept([("a", group(0, 5))]) == [2]
    (batch,) = batches(spool)
    (loss,) = batch.losses
    assert (loss.first_sequence, loss.last_sequence, loss.readings) == (1, 1, 0)
    assert loss.last_digest == batch.previous == digest(b"")
    spool.close()


def test_losses_that_the_platform_has_not_heard_of_are_carried_on(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    filled(path)
    spool = opened(path)
    with spool._lock:
        spool._db.execute("update batches set payload = zeroblob(9) where sequence = 40")
    assert spool.batch(40) is None
    spool.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("update spool set made_batches = made_batches + 1")
    spool = opened(path)
    declared = [loss for batch in batches(spool) for loss in batch.losses]
    assert sum(loss.readings for loss in declared) == 20
    spool.close()


@pytest.mark.parametrize("step", ["successor", "renamed", "log"])
def test_a_start_that_ends_in_the_midst_of_the_exchange_is_finished_by_the_next(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "spool.db"
    before = filled(path)
    overwrite(path, path.stat().st_size // PAGE)
    path.with_name("spool.db-wal").write_bytes(b"an old log")

    class PowerCutError(Exception):
        pass

    rename = Path.rename
    renames = {"successor": 0, "renamed": 1, "log": 2}[step]

    def cut(self: Path, target: Path) -> Path:
        nonlocal renames
        if renames == 0:
            raise PowerCutError
        renames -= 1
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", cut)
    with pytest.raises(PowerCutError):
        opened(path)
    monkeypatch.undo()
    spool = opened(path)
    lost = check_account(spool, before)
    assert len(set_aside_files(path)) == 1
    assert read_status(path).set_aside_before == 1
    assert 0 <= lost < COUNT
    spool.close()
