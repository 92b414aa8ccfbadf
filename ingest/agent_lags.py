"""How far each agent's data lie back, computed whenever it is asked for: the lag of an agent that is silent grows.

What this worker commits is known at once. Each minute the database is asked for the agents that are approved and for
their newest batches, so that an agent which another worker serves, or which fell silent before this one started, is
shown too, and one that is withdrawn is not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from heapq import nlargest
from operator import itemgetter
from threading import Event, Lock

import psycopg
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from edge import event_log
from ingest.admission import today
from ingest.store.link import GivenUpError, Link
from ingest.store.newest_batches import newest_batches

log = event_log.get(__name__)

MOST_AGENTS = 2000
"""Agents with a lag of their own in the metrics: a scrape stays small, and whoever is silent is among them."""
_PERIOD_S = 60.0
_PREFIX = "smartstore_ingest"


class AgentLags(Collector):
    """The lag of each agent: the time since its newest committed batch was sealed.

    Sealing is by the agent's clock, but never later than the receipt: a clock that is ahead, or once was, cannot hide
    that an agent is silent.

    Parameters
    ----------
    most
        Most agents shown; beyond, those whose lag is greatest.
    now_us
        The server's clock in µs since 1970.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        most: int = MOST_AGENTS,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._most = most
        self._now_us = now_us
        self._newest_us: dict[str, int] = {}
        self._approved: frozenset[str] | None = None
        self._lock = Lock()
        registry.register(self)

    def committed(self, batches: Iterable[tuple[str, int]]) -> None:
        """Note for committed batches their agent, and when each was sealed, at the latest its receipt, in µs."""
        newest_us = self._newest_us
        with self._lock:
            for agent, us in batches:
                if us > newest_us.get(agent, us - 1):
                    newest_us[agent] = us

    def know(self, newest_us: Mapping[str, int | None]) -> None:
        """Take in what the database says of all approved agents, and forget those that are not among them.

        Parameters
        ----------
        newest_us
            For each approved agent the time of its newest batch, as in ``committed``; None where there is none.
        """
        with self._lock:
            known = {agent: us for agent, us in self._newest_us.items() if agent in newest_us}
            for agent, us in newest_us.items():
                if us is not None:
                    known[agent] = max(us, known.get(agent, us))
            self._newest_us = known
            self._approved = frozenset(newest_us)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the metrics as they stand now."""
        now_us = self._now_us()
        with self._lock:
            lags = [(agent, (now_us - us) / 1e6) for agent, us in self._newest_us.items()]
            approved, delivered = self._approved, frozenset(self._newest_us)
        lag, agents, without_batches = self.describe()
        for agent, lag_s in nlargest(self._most, lags, key=itemgetter(1)):
            lag.add_metric([agent], lag_s)
        if approved is not None:
            agents.add_metric([], len(approved))
            without_batches.add_metric([], len(approved - delivered))
        yield from (lag, agents, without_batches)

    def describe(self) -> tuple[GaugeMetricFamily, GaugeMetricFamily, GaugeMetricFamily]:
        """Return the metrics without values: lag, approved agents, those of them without batches."""
        return (
            GaugeMetricFamily(
                f"{_PREFIX}_agent_lag_seconds",
                "Time since the sealing, by the agent's clock but at the latest its receipt, of its newest committed "
                f"batch; of the {self._most} agents that lie back most",
                labels=["agent"],
            ),
            GaugeMetricFamily(f"{_PREFIX}_agents", "Approved agents"),
            GaugeMetricFamily(f"{_PREFIX}_agents_without_batches", "Approved agents of which no batch is committed"),
        )


def keep_known(lags: AgentLags, link: Link, stopping: Event) -> None:
    """Ask the database each minute until the process stops; the main function of a thread."""
    try:
        while True:
            try:
                lags.know(link.run(partial(newest_batches, on=today())))
            except psycopg.Error as error:  # metrics are no reason to stop taking batches
                log.warning("agents_unknown", error=str(error).strip(), fix="none needed: it is asked again")
            link.close()  # between two questions no session is held for them
            if stopping.wait(_PERIOD_S):
                return
    except GivenUpError:
        log.debug("agents_given_up")
    finally:
        link.close()
