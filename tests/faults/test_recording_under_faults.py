"""The recording gives the same numbers and digests when everything fails once while it plays."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC
from pathlib import Path

import psycopg
import pytest
from fault_tools.duplicator import Duplicator
from fault_tools.tcp_proxy import TcpProxy
from session_server import SessionServer
from standalone import completeness
from standalone.data_folder import data_folder, scratch_folder
from standalone.database_choice import choose_server
from standalone.demo import ask
from standalone.play import Play, recording_play
from standalone.postgres import PrivateServer
from standalone.site import Site

from analytics.results import FacilitiesAnswer, Result, Status
from ingest.store.account import account

pytestmark = pytest.mark.fault

RECORDS = 10_080
PLAY_S = 20.0
"""Time that the play takes without faults: long enough to fail everything once in its midst."""
RECORDED_S = 105 * 86_400.0


@pytest.fixture(scope="module")
def recording(recordings: Path) -> Path:
    return recordings / "calit2" / "CalIt2.data.csv"


@pytest.fixture
def site_of() -> Iterator[Callable[[Play], Site]]:
    """Make sites in folders that the servers' account can reach, and stop them at the end."""
    with ExitStack() as stack:

        def make(play: Play) -> Site:
            folder = stack.enter_context(scratch_folder("fault-tests"))
            server = choose_server(data_folder(), "fault-test")
            return stack.enter_context(Site(folder, server, play.agents, further_users=["duplicator"]))

        yield make


def _play(site: Site, play: Play, during: Callable[[], None] = lambda: None) -> FacilitiesAnswer:
    site.start_platform(play.registry)
    (agent,) = site.agents
    site.start_agent(agent, until_drained=True)
    during()
    assert site.children.watch(lambda: not site.children[agent].running, 180), site.children[agent].tail()
    (answer,) = ask(site, play)
    return answer


def _results(answer: FacilitiesAnswer) -> dict[str, Result]:
    return {result.metric: result for area in answer.areas for result in area.results}


def _committed(site: Site) -> int:
    with psycopg.connect(site.database.dsn) as connection:
        return sum(spool.readings_sealed for spool in account(connection))


def _wait_until_committed(site: Site, share: float) -> None:
    wanted = math.ceil(share * RECORDS)
    end = time.monotonic() + 120
    while (committed := _committed(site)) < wanted:
        assert time.monotonic() < end, f"{committed} of {wanted} readings committed after two minutes"
        time.sleep(0.05)


def _fail_everything_once(site: Site, line: TcpProxy) -> Callable[[], None]:
    (agent,) = site.agents

    def kill_ingest() -> None:
        site.children["ingest"].kill()
        site.start_ingest()

    def kill_broker() -> None:
        site.broker.kill()
        site.broker.start()

    def kill_agent() -> None:
        site.children[agent].kill()
        site.start_agent(agent, until_drained=True)

    def restart_database() -> None:
        assert isinstance(site.database.server, PrivateServer)
        site.database.server.restart()

    def cut_the_line() -> None:
        line.cut()
        time.sleep(1.0)  # the length of the outage, not a wait for anything
        line.restore()

    def during() -> None:
        for step, fault in enumerate([kill_ingest, kill_broker, kill_agent, restart_database, cut_the_line], start=1):
            _wait_until_committed(site, step * 0.12)
            assert _committed(site) < RECORDS, "the play was over before the fault"
            fault()

    return during


def test_the_same_numbers_and_digests_whatever_fails(
    recording: Path, site_of: Callable[[Play], Site], database_server: SessionServer
) -> None:
    database_server.private()
    clean_play = recording_play(recording)
    with site_of(clean_play) as site:
        clean = _play(site, clean_play)

    play = recording_play(recording, speed=RECORDED_S / PLAY_S)
    with site_of(play) as site, ExitStack() as stack:
        site.broker.grant("duplicator", "readwrite smartstore/v1/+/batch")
        line = TcpProxy((site.broker.host, site.broker.port))
        stack.callback(line.close)
        site.agent_broker_port = line.port
        duplicator = Duplicator(share=0.3, seed=1)

        def during() -> None:
            duplicator.start(site.broker.host, site.broker.port, "duplicator", site.password("duplicator"))
            stack.callback(duplicator.stop)
            _fail_everything_once(site, line)()

        faulty = _play(site, play, during)
        (found,) = completeness.accounts(site)
        refused = site.run("smartstore-ingest", "refusals", "list", "--config", site.folder / "ingest.toml")

    assert found.problems() == []
    assert found.stored == found.accepted == RECORDS
    assert found.corrections == 0
    assert duplicator.said_again > 0.15 * duplicator.seen, "the duplicator was silent"
    assert line.connections >= 3, "the agent never came back through the line"
    assert "undecodable" not in refused
    assert faulty.model_dump() == clean.model_dump()
    measured = [result for result in _results(clean).values() if result.status is Status.MEASURED]
    assert len(measured) == 7
    assert all(result.digest for result in measured)


def test_the_recordings_figures_are_those_computed_independently(
    recording: Path, site_of: Callable[[Play], Site]
) -> None:
    play = recording_play(recording)
    with site_of(play) as site:
        results = _results(_play(site, play))
        (found,) = completeness.accounts(site)
    assert found.stored == RECORDS
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
