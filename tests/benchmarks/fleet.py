"""A fleet at its own pace: simulated stores of 100 series each, every series once in 5 s, one connection a store.

Each store's agent seals a batch a second with a fifth of its series. Latency is from the moment at which a batch is
due at its agent to the time of its commit, as the acknowledgement states it; both are of this machine's clock. Load,
broker, ingest and database share the machine. ``--stores`` and ``--minutes`` set the size and the length.
"""

from __future__ import annotations

import argparse
import time
from contextlib import ExitStack

import numpy as np
import psycopg
from benchmarks.end_to_end import registry_of
from benchmarks.fleet_load import BATCHES_OF_ALL_SERIES, FleetStore, Pacer
from benchmarks.process_account import processor_s, resident_mib
from benchmarks.report import Figure, report
from standalone.data_folder import data_folder, scratch_folder
from standalone.database_choice import choose_server
from standalone.postgres import PrivateServer
from standalone.site import AgentPlan, Site

_SAMPLE_S = 10.0
_SETTLING_SHARE = 0.2
"""Of the run, at its beginning: queues, caches and allocators fill; what grows after it is a leak."""


def main() -> None:
    """Run the benchmark and print its figures; exits 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stores", type=int, default=1000)
    parser.add_argument("--series", type=int, default=100, help="series of a store")
    parser.add_argument("--minutes", type=float, default=10)
    chosen = parser.parse_args()
    stores = [FleetStore(f"store-{n:05}", chosen.series) for n in range(chosen.stores)]
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_folder("benchmarks"))
        server = choose_server(data_folder(), "benchmark")
        site = stack.enter_context(Site(folder, server, [AgentPlan(store.agent, "") for store in stores]))
        site.start_platform(registry_of(folder, [store.load() for store in stores]))
        pacer = Pacer(stores, (site.broker.host, site.broker.port), site.password)
        pacer.connect()
        introduced_s = pacer.introduce()
        watch = _Watch(site)
        before = watch.processor_s()
        pacer.run(chosen.minutes * 60, watch.sample, _SAMPLE_S)
        used = {name: s - before[name] for name, s in watch.processor_s().items()}
        with psycopg.connect(site.database.dsn) as connection:
            row = connection.execute("select sum(readings), count(*) from ledger").fetchone()
    committed = int(row[0]) if row else 0
    latencies_s = np.array(pacer.latencies_s)
    required = chosen.stores * chosen.series / BATCHES_OF_ALL_SERIES
    lasted_s = chosen.minutes * 60
    report(
        f"fleet: {chosen.stores:,} stores of {chosen.series} series for {chosen.minutes:g} min; {server.label}",
        [
            Figure("first contact of all stores, s", introduced_s),
            Figure("readings due, per s", required),
            Figure("readings committed, of those sealed", committed / max(1, pacer.readings), at_least=1.0),
            Figure("batches sealed late by more than 1 s (the load fell behind)", pacer.behind, at_most=0),
            Figure("batches sent again", pacer.sent_again),
            Figure("due to commit, p50, s", float(np.quantile(latencies_s, 0.5))),
            Figure("due to commit, p99, s", float(np.quantile(latencies_s, 0.99)), at_most=1.0),
            Figure("due to commit, most, s", float(latencies_s.max())),
            Figure("ingest's resident memory at the end, MiB", watch.ingest_mib[-1]),
            Figure("its growth after the first fifth, MiB", watch.growth_mib(), at_most=16),
            *(Figure(f"processor time, share of one core: {name}", s / lasted_s) for name, s in used.items()),
        ],
    )


class _Watch:
    """Samples of the processes that share the machine."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.ingest_mib: list[float] = []

    def processor_s(self) -> dict[str, float]:
        """Return the processor time used so far by each part."""
        pids = {"broker": self._site.broker.pid}
        pids |= {name: self._site.children[name].pid for name in ("ingest",)}
        if isinstance(self._site.database.server, PrivateServer):
            pids["database"] = self._site.database.server.pid
        used = {name: processor_s(pid) for name, pid in pids.items()}
        return {"load": time.process_time(), **used}

    def sample(self, passed_s: float, waiting: int) -> None:
        """Note ingest's memory, and say how far the run is."""
        self.ingest_mib.append(resident_mib(self._site.children["ingest"].pid))
        print(
            f"  {passed_s:6.0f} s   {waiting:6} batches unacknowledged   ingest {self.ingest_mib[-1]:.1f} MiB",
            flush=True,
        )

    def growth_mib(self) -> float:
        """Return by how much memory at its highest exceeds that at the end of the settling time."""
        settled = max(1, int(len(self.ingest_mib) * _SETTLING_SHARE))
        return max(self.ingest_mib[settled:], default=0.0) - max(self.ingest_mib[:settled])


if __name__ == "__main__":
    main()
