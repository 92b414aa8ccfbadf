"""The recording gives the same numbers and digests when everything fails once while it plays."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC
from pathlib import Path
from typing import NamedTuple

import pytest
from fault_tools.duplicator import Duplicator
from fault_tools.recording_site import (
    RECORDS,
    committed,
    paced_play,
    play_the_rest_at_once,
    play_to_the_end,
    results_of,
    site_of,
    wait_until_committed,
)
from fault_tools.tcp_proxy import TcpProxy
from session_server import SessionServer
from standalone import completeness
from standalone.play import Play, recording_play
from standalone.postgres import PrivateServer
from standalone.site import Site

from analytics.results import FacilitiesAnswer, Status

pytestmark = pytest.mark.fault


MEASURED = {
    "footfall_entries",
    "footfall_exits",
    "net_closure",
    "occupancy_peak",
    "peak_hour",
    "typical_peak_hour",
    "busiest_day",
    "occupancy_mean",
}
"""What one door without an audit tells of a building without capacity; its evenings don't end empty."""


class Clean(NamedTuple):
    """What a play came to in which nothing failed."""

    answer: FacilitiesAnswer
    account: completeness.AgentAccount


@pytest.fixture(scope="module")
def recording(recordings: Path) -> Path:
    return recordings / "calit2" / "CalIt2.data.csv"


@pytest.fixture(scope="module")
def clean(recording: Path) -> Clean:
    play = recording_play(recording)
    with site_of(play) as site:
        answer = play_to_the_end(site, play)
        (account,) = completeness.accounts(site)
    return Clean(answer, account)


def _fail_everything_once(site: Site, line: TcpProxy, rest: Play) -> Callable[[], None]:
    (agent,) = site.agents

    def kill_ingest() -> None:
        site.children["ingest"].kill()
        site.start_ingest()

    def kill_broker() -> None:
        site.broker.kill()
        site.broker.start()

    def kill_agent() -> None:
        site.children[agent].kill()
        play_the_rest_at_once(site, rest)

    def restart_database() -> None:
        assert isinstance(site.database.server, PrivateServer)
        site.database.server.restart()

    def cut_the_line() -> None:
        line.cut()
        time.sleep(1.0)  # the length of the outage, not a wait for anything
        line.restore()

    def during() -> None:
        for step, fault in enumerate([kill_ingest, kill_broker, restart_database, cut_the_line, kill_agent], start=1):
            wait_until_committed(site, step * 0.04)
            assert committed(site) < RECORDS, "the play was over before the fault"
            fault()

    return during


def test_the_same_numbers_and_digests_whatever_fails(
    recording: Path, clean: Clean, database_server: SessionServer
) -> None:
    database_server.private()
    play = paced_play(recording, 40.0)  # by far longer than the faults take, also on a slow machine
    with site_of(play) as site, ExitStack() as stack:
        site.broker.grant("duplicator", "readwrite smartstore/v1/+/batch")
        line = TcpProxy((site.broker.host, site.broker.port))
        stack.callback(line.close)
        site.agent_broker_port = line.port
        duplicator = Duplicator(share=0.3, seed=1)

        def during() -> None:
            duplicator.start(site.broker.host, site.broker.port, "duplicator", site.password("duplicator"))
            stack.callback(duplicator.stop)
            _fail_everything_once(site, line, recording_play(recording))()

        faulty = play_to_the_end(site, play, during)
        (found,) = completeness.accounts(site)
        refused = site.run("smartstore-ingest", "refusals", "list", "--config", site.folder / "ingest.toml")

    assert found.problems() == []
    assert found.stored == found.accepted == RECORDS
    assert found.corrections == 0
    assert duplicator.said_again > 0.15 * duplicator.seen, "the duplicator was silent"
    assert line.connections >= 3, "the agent never came back through the line"
    assert "undecodable" not in refused
    assert faulty.model_dump() == clean.answer.model_dump()
    measured = {name: each for name, each in results_of(clean.answer).items() if each.status is Status.MEASURED}
    assert set(measured) == MEASURED
    assert all(result.digest for result in measured.values())


def test_a_restored_older_copy_of_a_spool_is_found_out_loses_and_doubles_nothing(
    recording: Path, database_server: SessionServer, tmp_path: Path
) -> None:
    database_server.private()
    play = paced_play(recording, 10.0)
    with site_of(play) as site:
        (agent,) = site.agents
        spool = site.spool(agent)

        def during() -> None:
            wait_until_committed(site, 0.2)
            site.children[agent].kill()
            copies = [(path, tmp_path / path.name) for path in spool.parent.glob(f"{spool.name}*")]
            for path, copy in copies:
                copy.write_bytes(path.read_bytes())
            site.start_agent(agent, until_drained=True)
            wait_until_committed(site, 0.5)
            site.children[agent].kill()
            for path in spool.parent.glob(f"{spool.name}*"):
                path.unlink()
            for path, copy in copies:
                path.write_bytes(copy.read_bytes())
            site.start_agent(agent, until_drained=True)

        answer = play_to_the_end(site, play, during)
        spools = site.ingest_account()
        stored = site.database.rows_stored(agent)
        refusals = site.run(
            "smartstore-ingest", "refusals", "list", "--state", "resealed", "--config", site.folder / "ingest.toml"
        )

    assert "sequence_reused" in refusals
    assert len(spools) == 2, "the agent went on under a new spool id"
    assert stored == RECORDS
    assert sum(s["readings_sealed"] - s["duplicates"] for s in spools) == RECORDS
    assert sum(s["duplicates"] for s in spools) > 0
    assert all(s["missing"] == s["chain_breaks"] == s["corrections"] == 0 for s in spools)
    results = results_of(answer)
    assert (results["footfall_entries"].value, results["footfall_exits"].value) == (19_597, 18_837)


def test_the_recordings_figures_are_those_computed_independently(clean: Clean) -> None:
    results = results_of(clean.answer)
    assert clean.account.stored == RECORDS
    assert results["footfall_entries"].value == 19_597
    assert results["footfall_exits"].value == 18_837
    assert results["net_closure"].value == pytest.approx(0.980226, abs=5e-7)
    assert (results["busiest_day"].value, results["busiest_day"].detail["date"]) == (574, "2005-11-01")
    assert results["peak_hour"].value == 117
    assert results["peak_hour"].detail["start"] == "2005-10-03T15:00:00-07:00"
    assert results["typical_peak_hour"].value == 13
    assert results["typical_peak_hour"].detail["mean"] == pytest.approx(26.619, abs=5e-4)
    assert results["occupancy_peak"].value == 110
    assert results["occupancy_peak"].detail["slot_start"] == "2005-08-30T15:00:00-07:00"
    completed = results["footfall_entries"].completeness
    assert completed is not None
    (gap,) = [g for g in completed.gaps if g.quantity == "entries"]
    assert (gap.start.astimezone(UTC).isoformat(), gap.end.astimezone(UTC).isoformat(), gap.declared) == (
        "2005-10-30T08:30:00+00:00",
        "2005-10-30T09:30:00+00:00",
        False,
    )
