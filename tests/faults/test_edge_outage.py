"""A long time without the platform, then catch-up while live data flow; the benchmark has the full length."""

from __future__ import annotations

from pathlib import Path

import pytest
from edge_tools.fake_ingest import fake_ingest
from edge_tools.running import AGENT, edge_settings
from fault_tools.playing_agent import playing
from standalone.broker import PrivateBroker

pytestmark = pytest.mark.fault

BACKLOG = 6000
LIVE = 60


def test_live_data_pass_the_backlog_and_everything_arrives_once(broker: PrivateBroker, tmp_path: Path) -> None:
    broker.add_user(AGENT)
    settings = edge_settings(tmp_path, broker, uplink={"backlog_batches_per_s": 100.0})
    with fake_ingest(broker, accepting=False) as ingest:
        with playing(settings) as agent:  # never told that anybody accepts
            agent.accept(BACKLOG)
            backlog = agent.spool.last_sequence
        with playing(settings) as agent:
            agent.source.release(BACKLOG)  # where it was
            ingest.wait_for(lambda: ingest.presence[-1].type == "birth" and ingest.presence[-1].pending_batches > 0)
            ingest.say(accepting=True)
            ingest.wait_for(lambda: len(ingest.values()) > 100)
            agent.accept(LIVE)
            live = agent.spool.last_sequence
            ingest.wait_for(lambda: all(ingest.arrivals(number) for number in range(backlog + 1, live + 1)))
            assert agent.spool.depth().readings > BACKLOG / 10, "live data waited for the backlog"
            ingest.wait_for(lambda: len(ingest.values()) == BACKLOG + LIVE)
            assert ingest.values() == [float(number) for number in range(BACKLOG + LIVE)]
            sequences = sorted(sequence for _, sequence in ingest.ledger)
            assert sequences == list(range(1, agent.spool.last_sequence + 1))
            assert agent.spool.totals().lost_readings == 0


def test_an_outage_longer_than_the_spool_holds_is_declared_to_the_reading(
    broker: PrivateBroker, tmp_path: Path
) -> None:
    broker.add_user(AGENT)
    spool = {"path": str(tmp_path / "spool.db"), "max_bytes": 1024 * 1024, "seal_after_s": 0.02, "compress": False}
    settings = edge_settings(tmp_path, broker, spool=spool)
    with fake_ingest(broker, accepting=False) as ingest, playing(settings) as agent:
        wanted = agent.accept(90_000)
        lost = agent.spool.totals().lost_readings
        assert 0 < lost < wanted
        ingest.say(accepting=True)
        ingest.wait_for(lambda: len(ingest.values()) == wanted - lost)
        agent.accept(3)
        ingest.wait_for(lambda: len(ingest.values()) == wanted - lost + 3)
        losses = [
            loss
            for batch, _ in ingest.batches
            if (batch.spool, batch.sequence) in ingest.ledger
            for loss in batch.losses
        ]
        assert sum(loss.readings for loss in losses) == lost
        assert ingest.values() == [float(number) for number in range(lost, wanted + 3)]
