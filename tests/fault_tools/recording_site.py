"""A site that plays the CalIt2 recording, and what its tests watch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from standalone.data_folder import data_folder, scratch_folder
from standalone.database_choice import choose_server
from standalone.demo import ask
from standalone.play import Play, recording_play
from standalone.site import Site

from analytics.results import FacilitiesAnswer, Result
from ingest.store.account import account

RECORDS = 10_080
_RECORDED_S = 105 * 86_400.0


def paced_play(recording: Path, play_s: float) -> Play:
    """Return the play of the recording at a speed at which it takes so long where nothing fails."""
    return recording_play(recording, speed=_RECORDED_S / play_s)


@contextmanager
def site_of(play: Play) -> Iterator[Site]:
    """Yield a site for a play, in a folder that the servers' account can reach, and stop it at the end."""
    with scratch_folder("fault-tests") as folder:
        server = choose_server(data_folder(), "fault-test")
        with Site(folder, server, play.agents, further_users=["duplicator"]) as site:
            yield site


def play_to_the_end(site: Site, play: Play, during: Callable[[], None] = lambda: None) -> FacilitiesAnswer:
    """Play, do something meanwhile, wait until the agent has ended, and return the answer to the play's question."""
    site.start_platform(play.registry)
    (agent,) = site.agents
    site.start_agent(agent, until_drained=True)
    during()
    assert site.children.watch(lambda: not site.children[agent].running, 180), site.children[agent].tail()
    (answer,) = ask(site, play)
    return answer


def play_the_rest_at_once(site: Site, play: Play) -> None:
    """Have the killed agent of a paced play go on with all that is left, without waiting."""
    (agent,) = site.agents
    (site.agents[agent],) = play.agents
    site.start_agent(agent, until_drained=True)


def results_of(answer: FacilitiesAnswer) -> dict[str, Result]:
    """Return the results of an answer by metric."""
    return {result.metric: result for area in answer.areas for result in area.results}


def committed(site: Site) -> int:
    """Return the readings that the ledger holds."""
    with psycopg.connect(site.database.dsn) as connection:
        return sum(spool.readings_sealed for spool in account(connection))


def wait_until_committed(site: Site, share: float) -> None:
    """Wait until a share of the recording is committed."""
    wanted = math.ceil(share * RECORDS)
    end = time.monotonic() + 120
    while (now := committed(site)) < wanted:
        assert time.monotonic() < end, f"{now} of {wanted} readings committed after two minutes"
        time.sleep(0.05)
