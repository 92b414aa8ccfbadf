"""After a change of the registry: take what was refused under the old one and is in order under the new."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date

from ingest.replay import replay_agent
from ingest.store.agent_states import agent_states
from ingest.store.connection import Database

WORKERS_NOTICE_S = 2.0
"""By when every ingest worker has noticed a new version and finished what it was writing (they look every second)."""


def reconsider(
    connection: Database, agents: Sequence[str], on: date, wait: Callable[[float], None] = time.sleep
) -> Counter[str]:
    """Replay what was refused of these agents for the registry's sake; return the outcomes by number.

    An agent that is connected goes on sending: what the workers refused before they noticed the new version is replayed
    in a second pass.
    """
    outcomes = _replay(connection, agents)
    connected = [state.agent for state in agent_states(connection, on) if state.online and state.agent in agents]
    if connected:
        wait(WORKERS_NOTICE_S)
        outcomes["committed"] += _replay(connection, connected)["committed"]
    return outcomes


def _replay(connection: Database, agents: Sequence[str]) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    for agent in agents:
        outcomes += replay_agent(connection, agent)
    return outcomes
