"""Real agents killed at either side of every accept, publish, trim and renewal: nothing is lost, nothing made twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import edge_tools.agent_child
import pytest
from edge_tools.fake_ingest import FakeIngest, committed, fake_ingest, refused
from edge_tools.running import AGENT, edge_settings, open_spool
from standalone.broker import PrivateBroker

from edge.settings import EdgeSettings
from edge.wire.acknowledgement import Acknowledgement, RefusalReason
from edge.wire.batch import Batch
from edge.wire.decode import decode
from edge.wire.model import digest

COUNT = 300
CHILD = Path(edge_tools.agent_child.__file__)
PATHS = os.pathsep.join(str(folder) for folder in (CHILD.parents[1], CHILD.parents[2], CHILD.parents[2] / "deploy"))

pytestmark = pytest.mark.fault


@pytest.fixture
def settings(broker: PrivateBroker, tmp_path: Path) -> EdgeSettings:
    broker.add_user(AGENT)
    return edge_settings(tmp_path, broker, spool={"path": str(tmp_path / "spool.db"), "seal_after_s": 0.01})


@pytest.fixture
def child(settings: EdgeSettings, tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Return what starts an agent in its own process, with a point at which it kills itself."""
    config = tmp_path / "settings.json"
    config.write_text(settings.model_dump_json())

    def start(*point: str) -> subprocess.Popen[bytes]:
        with (tmp_path / "child.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, str(CHILD), str(config), str(COUNT), *point],
                env=os.environ | {"PYTHONPATH": PATHS},
                stderr=log,
            )

    return start


def check_account(settings: EdgeSettings, ingest: FakeIngest) -> None:
    """Every accepted reading is in exactly one committed batch; the chain of the spool has no gap and no fork."""
    assert ingest.values() == [float(number) for number in range(COUNT)]
    assert all(len(payloads) == 1 for payloads in ingest.payloads.values())
    spool = open_spool(settings)
    chain = {sequence: payload for (id_, sequence), (payload,) in ingest.payloads.items() if id_ == spool.spool_id}
    assert sorted(chain) == list(range(1, len(chain) + 1))
    for sequence, payload in chain.items():
        batch = decode(payload)
        assert isinstance(batch, Batch)
        assert batch.previous == (digest(chain[sequence - 1]) if sequence > 1 else None)
    totals = spool.totals()
    assert spool.position("counter") == str(COUNT - 1)
    assert totals.accepted_readings == totals.committed_readings == COUNT
    assert totals.made_batches == totals.committed_batches + totals.resealed_batches
    spool.close()


POINTS = [
    f"{action}:{side}:{number}"
    for action in ("accept", "publish", "trim")
    for side in ("before", "after")
    for number in (1, 4)
]


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_either_side_of_an_action(
    broker: PrivateBroker, settings: EdgeSettings, child: Callable[..., subprocess.Popen[bytes]], point: str
) -> None:
    with fake_ingest(broker) as ingest:
        assert child(point).wait(60) == -signal.SIGKILL
        assert child().wait(60) == 0
        check_account(settings, ingest)


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_kill_at_either_side_of_a_renewal(
    broker: PrivateBroker, settings: EdgeSettings, child: Callable[..., subprocess.Popen[bytes]], side: str
) -> None:
    spool = open_spool(settings)
    abandoned = spool.spool_id
    spool.close()

    def answer(batch: Batch, sha256: str) -> Acknowledgement:
        if batch.spool == abandoned and batch.sequence >= 3:
            return refused(batch, sha256, RefusalReason.SEQUENCE_REUSED)
        return committed(batch, sha256)

    with fake_ingest(broker, answer) as ingest:
        assert child(f"renew:{side}:1").wait(60) == -signal.SIGKILL
        assert child().wait(60) == 0
        check_account(settings, ingest)


def test_kills_at_any_moment(
    broker: PrivateBroker, settings: EdgeSettings, child: Callable[..., subprocess.Popen[bytes]]
) -> None:
    random = Random(20)
    with fake_ingest(broker) as ingest:
        for _ in range(4):
            started = child()
            before = len(ingest.batches)
            ingest.wait_for(lambda seen=before: len(ingest.batches) > seen or started.poll() is not None)  # type: ignore[misc] # noqa: B023
            try:
                started.wait(random.uniform(0, 0.05))
            except subprocess.TimeoutExpired:
                started.kill()
            started.wait(20)
        assert child().wait(60) == 0
        check_account(settings, ingest)
