"""One process a file; damaged files are set aside, newer ones are left alone."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from edge_tools.readings import HandClock, group

from edge.readings import Priority
from edge.spool.records import SpoolError, SpoolInUse, SpoolLimits
from edge.spool.spool import Spool
from edge.spool.status import read_status

LIMITS = SpoolLimits(max_bytes=10_000_000, max_age_s=3600, batch_readings=100)


def opened(path: Path) -> Spool:
    return Spool.open(path, LIMITS, HandClock().clock)


def filled(path: Path) -> None:
    spool = opened(path)
    for first in range(0, 3000, 100):
        spool.accept([("a", group(first, 100))])
    spool.close()


def test_a_second_process_may_not_have_the_file(tmp_path: Path) -> None:
    spool = opened(tmp_path / "spool.db")
    with pytest.raises(SpoolInUse, match=r"another spool\.path"):
        opened(tmp_path / "spool.db")
    spool.close()
    opened(tmp_path / "spool.db").close()


@pytest.mark.parametrize("damage", ["header", "middle", "text"])
def test_a_damaged_file_is_set_aside_whole_and_a_new_spool_begins(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "spool.db"
    filled(path)
    before = read_status(path).spool
    content = bytearray(path.read_bytes())
    if damage == "header":
        content[:100] = os.urandom(100)
    elif damage == "middle":
        content[4096:] = os.urandom(len(content) - 4096)
    else:
        content = bytearray(b"this was never a spool")
    path.write_bytes(content)
    spool = opened(path)
    assert str(spool.spool_id) != before
    assert spool.position("a") is None
    spool.accept([("a", group(0, 1))])
    status = read_status(path)
    assert status.set_aside_before == 1
    (name,) = status.set_aside_files
    assert (tmp_path / name).read_bytes() == content
    spool.close()


def test_damaged_files_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    clock = HandClock()
    for _ in range(2):
        path.write_bytes(b"nonsense" * 100)
        Spool.open(path, LIMITS, clock.clock).close()
        clock.advance(1)
    assert read_status(path).set_aside_before == 2


def test_an_empty_file_is_made_a_spool(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    path.touch()
    opened(path).close()
    assert read_status(path).set_aside_before == 0


def test_a_file_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    filled(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("pragma user_version = 99")
    with pytest.raises(SpoolError, match="newer release"):
        opened(path)
    assert read_status(path).totals.accepted_readings == 3000


def test_a_spool_of_the_release_before_goes_on_with_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    filled(path)
    with closing(sqlite3.connect(path)) as db:
        db.executescript(
            "drop index batches_by_priority; alter table batches drop column priority; pragma user_version = 1"
        )
    before = read_status(path)
    spool = opened(path)
    assert read_status(path) == before
    assert before.set_aside_before == 0
    assert spool.first_pending(0, 2**60, Priority.NORMAL) == 1
    assert spool.first_pending(0, 2**60, Priority.HIGH) is None
    spool.accept([("a", group(3000, 100))])
    assert [len(spool.pending(limit=100)), spool.position("a")] == [31, "3099"]
    spool.close()


def test_a_folder_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpoolError, match=r"spool\.path"):
        opened(tmp_path / "file" / "spool.db")


def test_status_of_a_missing_spool_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match="start the agent once"):
        read_status(tmp_path / "none.db")


def test_status_reads_beside_an_open_spool(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    spool = opened(path)
    spool.accept([("a", group(0, 250))])
    status = read_status(path)
    assert status.depth == spool.depth()
    assert status.totals == spool.totals()
    assert (status.spool, status.last_sequence) == (str(spool.spool_id), 3)
    spool.close()


def test_tables_that_nothing_names_are_forgotten_on_opening(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    spool = opened(path)
    for number in range(5):
        spool.accept([("a", group(number, 1))])
    used = {sealed.series_table for sealed in spool.pending()}
    assert len(used) == 5
    spool._db.execute("delete from batches where sequence < 4")
    spool.close()
    spool = opened(path)
    kept = {digest for digest in used if spool.series_table(digest) is not None}
    assert kept == {sealed.series_table for sealed in spool.pending()}
    spool.close()
