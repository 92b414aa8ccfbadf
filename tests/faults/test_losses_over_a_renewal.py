"""A loss that is open when its spool goes on under a new id: the platform's account of the old id shows it, once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import edge_tools.agent_child
import ingest_worker
import psycopg
import pytest
from edge_tools.readings import FIRST_US, SERIES, HandClock, group
from edge_tools.running import AGENT, edge_settings
from ingest_steps import Steps
from sealed_batches import register
from standalone.broker import PrivateBroker

from edge.spool.records import SpoolLimits
from edge.spool.spool import Spool
from edge.spool.status import read_status
from edge.wire.acknowledgement import Acknowledgement
from ingest.store.account import LossFact, SpoolAccount, account, losses

LIMITS = SpoolLimits(max_bytes=10_000_000, max_age_s=3600, batch_readings=100)
CHILD = Path(edge_tools.agent_child.__file__)
PATHS = os.pathsep.join(str(folder) for folder in (CHILD.parents[1], CHILD.parents[2], CHILD.parents[2] / "deploy"))
BATCH = 7

pytestmark = pytest.mark.fault


def sealed(spool: Spool, batches: int) -> None:
    """Seal batches of numbered readings that go on from what was accepted."""
    for _ in range(batches):
        spool.accept([("counter", group(spool.totals().accepted_readings, BATCH))])


def shown(database: str) -> tuple[dict[UUID, SpoolAccount], list[LossFact]]:
    with psycopg.connect(database) as connection:
        start = datetime.fromtimestamp(FIRST_US / 1e6, UTC)
        facts = losses(connection, [AGENT], start, start.replace(year=start.year + 1))
        return {line.spool: line for line in account(connection)}, facts


def standing(line: SpoolAccount) -> tuple[int, int, int, int]:
    """Return batches committed, declared lost and missing, and breaks of the chain."""
    return line.committed, line.declared_lost, line.missing, line.chain_breaks


def commit(database: str, spool: Spool, sequences: range) -> list[Acknowledgement]:
    """Have the platform commit pending batches; nothing of its answers reaches the spool."""
    with psycopg.connect(database, autocommit=True) as connection:
        pending = {batch.sequence: batch for batch in spool.pending()}
        tables = {spool.series_table(pending[n].series_table) for n in sequences}
        payloads = [table for table in tables if table] + [pending[n].payload for n in sequences]
        return Steps(connection).take(AGENT, *payloads)


@pytest.fixture
def known(database: str) -> str:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, AGENT, [series.device for series in SERIES])
    return database


@pytest.mark.parametrize("point", ["renew:before:1", "renew:after:1", "trim:after:1", "accept:after:1", ""])
def test_a_kill_on_either_side_of_the_renewal(known: str, broker: PrivateBroker, tmp_path: Path, point: str) -> None:
    """A restored image: 1 to 3 are too old and lost, 4 to 6 are committed, its 7 is not the 7 of the ledger."""
    path, clock = tmp_path / "spool.db", HandClock()
    spool = Spool.open(path, LIMITS, clock.clock)
    abandoned = spool.spool_id
    sealed(spool, 3)
    clock.advance(1000)
    sealed(spool, 3)
    spool.close()
    shutil.copy(path, tmp_path / "image.db")
    spool = Spool.open(path, LIMITS, clock.clock)
    sealed(spool, 1)
    commit(known, spool, range(4, 8))
    spool.close()
    (tmp_path / "image.db").rename(path)
    spool = Spool.open(path, LIMITS, clock.clock)
    clock.advance(2700)
    assert spool.enforce_limits() == 3
    spool.close()
    assert standing(shown(known)[0][abandoned]) == (4, 0, 3, 0)

    broker.add_user(AGENT)
    config = tmp_path / "settings.json"
    table = {"path": str(path), "seal_after_s": 0.01, "max_age_s": 1e9}
    config.write_text(edge_settings(tmp_path, broker, spool=table).model_dump_json())
    worker = ingest_worker.start(write_ingest_config(tmp_path, broker, known))
    try:
        if point:
            assert play(config, point) == -signal.SIGKILL
        assert play(config) == 0
    finally:
        worker.terminate()
        assert worker.wait(30) == 0
    by_spool, facts = shown(known)
    assert standing(by_spool.pop(abandoned))[1:3] == (3, 0)
    assert [(fact.readings, fact.reason) for fact in facts] == [(3 * BATCH, "spool_age")]
    status = read_status(path)
    assert [str(spool) for spool in by_spool] == [status.spool]
    assert [standing(line)[1:] for line in by_spool.values()] == [(0, 0, 0)]
    totals = status.totals
    assert (totals.accepted_readings, totals.lost_readings, totals.pending_readings) == (COUNT, 3 * BATCH, 0)
    assert [(row.spool, row.first_sequence, row.last_sequence, row.settled) for row in status.losses] == [
        (str(abandoned), 1, 3, True)
    ]


COUNT = 10 * BATCH


def play(config: Path, *point: str) -> int:
    """Run an agent until it has counted on and its spool is drained; or until it kills itself."""
    arguments = [sys.executable, str(CHILD), str(config), str(COUNT), *point]
    with config.with_name("child.log").open("ab") as log:
        return subprocess.run(
            arguments, env=os.environ | {"PYTHONPATH": PATHS}, stderr=log, timeout=60, check=False
        ).returncode


def write_ingest_config(folder: Path, broker: PrivateBroker, database: str) -> Path:
    config = folder / "ingest.toml"
    config.write_text(
        f'[broker]\nhost = "{broker.host}"\nport = {broker.port}\nusername = "ingest"\n'
        f'password_file = "{broker.password_file("ingest")}"\n[database]\nurl = "{database}"\n'
        '[ingest]\nworker = "w1"\n'
    )
    return config


def test_a_declaration_whose_acknowledgement_was_lost_counts_once(known: str, tmp_path: Path) -> None:
    """The platform has the declaration under the old id; the spool, which does not know, goes on under a new one."""
    clock = HandClock()
    spool = Spool.open(tmp_path / "spool.db", LIMITS, clock.clock)
    abandoned = spool.spool_id
    sealed(spool, 2)
    clock.advance(3700)
    sealed(spool, 1)
    commit(known, spool, range(3, 4))
    spool.renew("sequence_reused")
    for answer in commit(known, spool, range(1, 2)):
        spool.trim(answer)
    assert spool.is_drained()
    by_spool, facts = shown(known)
    assert standing(by_spool[abandoned]) == (1, 2, 0, 0)
    assert standing(by_spool[spool.spool_id]) == (1, 0, 0, 0)
    assert [fact.readings for fact in facts] == [2 * BATCH]
    spool.close()


def test_a_loss_whose_batches_were_committed_after_all_is_none(known: str, tmp_path: Path) -> None:
    clock = HandClock()
    spool = Spool.open(tmp_path / "spool.db", LIMITS, clock.clock)
    abandoned = spool.spool_id
    sealed(spool, 2)
    commit(known, spool, range(1, 3))  # and no answer of it comes
    clock.advance(3700)
    sealed(spool, 1)
    assert spool.totals().lost_batches == 2
    spool.renew("sequence_reused")
    commit(known, spool, range(1, 2))
    by_spool, facts = shown(known)
    assert standing(by_spool[abandoned]) == (2, 0, 0, 0)
    assert facts == []
    spool.close()


def test_what_a_damaged_file_held_is_declared_in_the_account_of_its_spool(known: str, tmp_path: Path) -> None:
    """Of six pending batches one is unreadable, and damage was met in use: the start sets the file aside."""
    path, clock = tmp_path / "spool.db", HandClock()
    spool = Spool.open(path, LIMITS, clock.clock)
    abandoned = spool.spool_id
    sealed(spool, 8)
    for answer in commit(known, spool, range(1, 3)):
        spool.trim(answer)
    commit(known, spool, range(8, 9))  # a live one, whose acknowledgement is lost
    with spool._lock:
        spool._db.execute("update batches set payload = zeroblob(9) where sequence = 4")
    spool.close()
    path.with_name("spool.db.damaged").touch()
    spool = Spool.open(path, LIMITS, clock.clock)
    assert spool.spool_id != abandoned
    commit(known, spool, range(1, spool.last_sequence + 1))
    by_spool, _ = shown(known)
    assert standing(by_spool[abandoned]) == (3, 1, 0, 0)
    assert by_spool[abandoned].refused == 4  # sealed again, and committed so
    assert standing(by_spool[spool.spool_id])[1:] == (0, 0, 0)
    spool.close()
