"""An agent with twelve sources and the backlog of a long outage: its memory, its catch-up, and what its live data wait.

The spool is filled with 72 hours of ten readings a second, sealed as an agent seals them. Then the agent's devices go
on sending as fast while it catches up with a platform in memory behind a real broker, over TLS. The delay of live data
is from sealing to arrival at the platform, for every batch sealed after the connection began.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from contextlib import ExitStack

from benchmarks.backlog import fill
from benchmarks.process_account import own_resident_mib, peak_resident_mib, proportional_mib, resident_mib
from benchmarks.report import Figure, report
from benchmarks.twelve_sources import PER_S, TwelveSources
from edge_tools.fake_ingest import FakeIngest, committed
from standalone.data_folder import scratch_folder

from edge.spool.status import SpoolStatus, read_status
from edge.wire.batch import Batch
from edge.wire.presence import Birth

_MOST_MIB = 40.0
_LEAST_TIMES = 20.0
_MOST_DELAY_S = 1.0
_SETTLING_S = 15.0
_LIVE_BATCHES = 20
"""Fewer pending batches than this are the live ones on their way."""


class Platform(FakeIngest):
    """A platform that commits everything and keeps figures instead of batches."""

    def __init__(self, site: TwelveSources) -> None:
        super().__init__(site.platform, trusted=site.authority.certificate)
        self.boundary = 0
        """Sequence of the last batch of the backlog."""
        self.backlog_readings = 0
        self.repeats = 0
        self.delays_s: list[float] = []
        self.last_s = 0.0
        self._seen: set[int] = set()

    def _batch(self, agent: str, batch: Batch, payload: bytes) -> None:
        if batch.sequence in self._seen:
            self.repeats += 1
        elif batch.sequence > self.boundary:
            self.delays_s.append(time.time() - batch.sealed_us / 1e6)
        else:
            self.backlog_readings += len(batch.series)
            self.last_s = time.perf_counter()
        self._seen.add(batch.sequence)
        self.send(agent, committed(batch, ""))


def main() -> None:
    """Run the benchmark and print its figures; exits 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=72.0)
    parser.add_argument("--longest-s", type=float, default=120.0, help="end the catch-up after so long; 0: at its end")
    parser.add_argument("--rate", type=float, default=50.0, help="uplink.backlog_batches_per_s, 50 by default")
    chosen = parser.parse_args()
    longest_s = chosen.longest_s or math.inf
    with ExitStack() as stack:
        site = stack.enter_context(TwelveSources(stack.enter_context(scratch_folder("benchmarks"))))
        site.configure(chosen.rate)
        site.compile()
        batches = fill(site.spool, chosen.hours)
        backlog = read_status(site.spool).depth.readings
        platform = Platform(site)
        platform.start(accepting=False)
        stack.callback(platform.stop)
        agent = site.start_agent()
        stack.callback(agent.stop)
        site.start()
        platform.wait_for(lambda: any(isinstance(each, Birth) for each in platform.presence))
        time.sleep(_SETTLING_S)  # the end of the outage, not a wait for anything
        platform.boundary = read_status(site.spool).last_sequence
        offline_mib = resident_mib(agent.pid)
        platform.say(accepting=True)
        began_s = time.perf_counter()
        while time.perf_counter() - began_s < longest_s and _pending(site) > _LIVE_BATCHES:
            assert agent.running, agent.tail()
            time.sleep(0.5)
        took_s = platform.last_s - began_s
        memory = [read(agent.pid) for read in (peak_resident_mib, resident_mib, own_resident_mib, proportional_mib)]
        status = read_status(site.spool)
    per_s = platform.backlog_readings / took_s
    report(
        f"agent_backlog: twelve sources, backlog of {batches:,} batches ({chosen.hours:g} h at {PER_S:g} readings/s),"
        f" {took_s:,.0f} s of catch-up; {_accounted(status, backlog, platform)}",
        [
            Figure("resident with the backlog before catch-up, MiB", offline_mib),
            Figure("highest resident memory, MiB", memory[0], at_most=_MOST_MIB),
            Figure("resident at the end, MiB", memory[1]),
            Figure("of it its own, not files of Python and libraries, MiB", memory[2]),
            Figure("of it proportionally, shared pages by their share, MiB", memory[3]),
            Figure("readings caught up", platform.backlog_readings),
            Figure("catch-up, readings/s", per_s),
            Figure("times the rate of arrival", per_s / PER_S, at_least=_LEAST_TIMES),
            *_delays(platform.delays_s),
        ],
    )


def _pending(site: TwelveSources) -> int:
    return read_status(site.spool).depth.batches


def _accounted(status: SpoolStatus, backlog: int, platform: Platform) -> str:
    live, pending = status.totals.accepted_readings - backlog, status.depth.readings
    return (
        f"{live:,} live readings accepted, {status.totals.lost_readings} lost, {pending:,} pending,"
        f" {platform.repeats} batches sent twice"
    )


def _delays(delays_s: list[float]) -> list[Figure]:
    shares = statistics.quantiles(delays_s, n=100, method="inclusive")
    return [
        Figure("live batches meanwhile", len(delays_s)),
        Figure("delay of live batches, median, seconds", shares[49]),
        Figure("delay of live batches, 99th percentile, seconds", shares[98]),
        Figure("delay of live batches, longest, seconds", max(delays_s), at_most=_MOST_DELAY_S),
    ]


if __name__ == "__main__":
    main()
