"""An agent with twelve sources and the backlog of a long outage: its memory, its catch-up, and what its live data wait.

The spool is filled with 72 hours of ten readings a second, sealed as an agent seals them. Then the agent's devices go
on sending as fast while it catches up with a platform in memory behind a real broker. The delay of live data is from
sealing to arrival at the platform, for every batch sealed after the connection began.
"""

from __future__ import annotations

import argparse
import time
from contextlib import ExitStack

from benchmarks.backlog import fill
from benchmarks.process_account import own_resident_mib, peak_resident_mib, resident_mib
from benchmarks.report import Figure, report
from benchmarks.twelve_sources import PER_S, TwelveSources, add_users
from edge_tools.fake_ingest import FakeIngest, committed
from standalone.broker import PrivateBroker
from standalone.data_folder import scratch_folder

from edge.spool.status import read_status
from edge.wire.batch import Batch
from edge.wire.presence import Birth

_MOST_MIB = 40.0
_LEAST_TIMES = 20.0
_MOST_DELAY_S = 1.0
_SETTLING_S = 15.0


class Platform(FakeIngest):
    """A platform that commits everything and keeps figures instead of batches."""

    def __init__(self, broker: PrivateBroker) -> None:
        super().__init__(broker)
        self.boundary = 0
        """Sequence of the last batch of the backlog."""
        self.backlog_readings = 0
        self.delays_s: list[float] = []
        self.last_s = 0.0

    def _batch(self, agent: str, batch: Batch, payload: bytes) -> None:
        if batch.sequence > self.boundary:
            self.delays_s.append(time.time() - batch.sealed_us / 1e6)
        else:
            self.backlog_readings += len(batch.series)
            self.last_s = time.perf_counter()
        self.send(agent, committed(batch, ""))


def main() -> None:
    """Run the benchmark and print its figures; exits 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=72.0)
    parser.add_argument("--longest-s", type=float, default=120.0, help="end the catch-up after so long")
    parser.add_argument("--rate", type=float, default=50.0, help="uplink.backlog_batches_per_s, 50 by default")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_folder("benchmarks"))
        broker = PrivateBroker(folder / "broker", {"ingest": "not-a-secret"})
        add_users(broker)
        broker.start()
        stack.callback(broker.stop)
        site = TwelveSources(folder, broker)
        site.configure(chosen.rate)
        _compiled(site)
        batches = fill(site.spool, chosen.hours)
        platform = Platform(broker)
        platform.start(accepting=False)
        stack.callback(platform.stop)
        agent = site.start_agent()
        stack.callback(agent.stop)
        site.start()
        stack.callback(site.stop)
        platform.wait_for(lambda: any(isinstance(each, Birth) for each in platform.presence))
        time.sleep(_SETTLING_S)  # the end of the outage, not a wait for anything
        platform.boundary = read_status(site.spool).last_sequence
        offline_mib = resident_mib(agent.pid)
        platform.say(accepting=True)
        began_s = time.perf_counter()
        while time.perf_counter() - began_s < chosen.longest_s and read_status(site.spool).depth.batches > 20:
            assert agent.running, agent.tail()
            time.sleep(0.5)
        took_s = platform.last_s - began_s
        peak_mib, own_mib = peak_resident_mib(agent.pid), own_resident_mib(agent.pid)
        totals = read_status(site.spool).totals
    live = sorted(platform.delays_s)
    report(
        f"agent_backlog: twelve sources, backlog of {batches:,} batches ({chosen.hours:g} h at {PER_S:g} readings/s);"
        f" {totals.accepted_readings - batches * 10:,} live readings accepted, {totals.lost_readings} lost",
        [
            Figure("resident with the backlog before catch-up, MiB", offline_mib),
            Figure("highest resident memory, MiB", peak_mib, at_most=_MOST_MIB),
            Figure("of it its own, not files of Python and libraries, MiB", own_mib),
            Figure("readings caught up", platform.backlog_readings),
            Figure("catch-up, readings/s", platform.backlog_readings / took_s),
            Figure("times the rate of arrival", platform.backlog_readings / took_s / PER_S, at_least=_LEAST_TIMES),
            Figure("live batches meanwhile", len(live)),
            Figure("delay of live batches, median, seconds", live[len(live) // 2]),
            Figure("delay of live batches, longest, seconds", live[-1], at_most=_MOST_DELAY_S),
        ],
    )


def _compiled(site: TwelveSources) -> None:
    """Start an agent once, so that Python has its compiled files and the measured one needs no memory to make them."""
    first = site.start_agent()
    while not site.spool.exists():
        assert first.running, first.tail()
        time.sleep(0.05)
    first.stop()
    for file in site.folder.glob("spool.db*"):
        file.unlink()


if __name__ == "__main__":
    main()
