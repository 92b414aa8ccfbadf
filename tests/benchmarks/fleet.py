"""A fleet at its own pace: simulated stores of 100 series each, every series once in 5 s, one connection a store.

Each store's agent seals a batch a second with a fifth of its series. Latency is from the moment at which a batch is
due at its agent to the time of its commit, as the acknowledgement states it; both are of this machine's clock.
Meanwhile the scheduler computes buckets and increments of as many readings of the hours before, and compresses them.
Load, broker, ingest, scheduler, web and database share the machine. ``--stores`` and ``--minutes`` set the size and the
length.
"""

from __future__ import annotations

import argparse
import time
import urllib.request
from contextlib import ExitStack
from typing import ClassVar

import numpy as np
import psycopg
from benchmarks.end_to_end import registry_of
from benchmarks.fleet_history import SCHEDULER, FleetHistory
from benchmarks.fleet_load import BATCHES_OF_ALL_SERIES, FleetStore, Pacer
from benchmarks.process_account import processor_s, resident_mib
from benchmarks.report import Figure, report
from standalone.data_folder import data_folder, scratch_folder
from standalone.database_choice import choose_server
from standalone.free_port import LOOPBACK
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
    parser.add_argument("--registers", type=int, default=10, help="those of them that are registers of energy")
    parser.add_argument(
        "--old-minutes", type=float, help="of the fleet's readings that the scheduler finds (default: as --minutes)"
    )
    chosen = parser.parse_args()
    old_minutes = chosen.minutes if chosen.old_minutes is None else chosen.old_minutes
    stores = [FleetStore(f"store-{n:05}", chosen.series, chosen.registers) for n in range(chosen.stores)]
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_folder("benchmarks"))
        server = choose_server(data_folder(), "benchmark")
        site = stack.enter_context(Site(folder, server, [AgentPlan(store.agent, "") for store in stores]))
        site.prepare(registry_of(folder, [store.load() for store in stores]))
        connection = stack.enter_context(psycopg.connect(site.database.dsn, autocommit=True))
        history = FleetHistory(connection, stores, old_minutes)
        history.put_in()
        print(f"  {history.readings:,} readings of the hours before are stored", flush=True)
        site.start_ingest()
        site.start_web()
        pacer = Pacer(stores, (site.broker.host, site.broker.port), site.password)
        pacer.connect()
        introduced_s = pacer.introduce()
        site.start_scheduler(SCHEDULER)
        watch = _Watch(site)
        watch.sample(0.0, 0)
        before = watch.processor_s()
        pacer.run(chosen.minutes * 60, watch.sample, _SAMPLE_S)
        used = {name: s - before[name] for name, s in watch.processor_s().items()}
        failed = watch.failed_runs()
        ((committed,),) = connection.execute("select sum(readings)::bigint from ledger").fetchall()
        of_scheduler = history.figures()
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
            *of_scheduler,
            Figure("scheduler's runs that failed", failed, at_most=0),
            *watch.memory(),
            *(Figure(f"processor time, share of one core: {name}", s / lasted_s) for name, s in used.items()),
        ],
    )


class _Watch:
    """Samples of the processes that share the machine."""

    _FLAT_MIB: ClassVar = {"ingest": 16.0, "scheduler": None}
    """By how much each of them may grow after the settling time."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._mib: dict[str, list[float]] = {name: [] for name in self._FLAT_MIB}

    def processor_s(self) -> dict[str, float]:
        """Return the processor time used so far by each part."""
        pids = {"broker": self._site.broker.pid}
        pids |= {name: self._site.children[name].pid for name in ("ingest", "scheduler", "web")}
        if isinstance(self._site.database.server, PrivateServer):
            pids["database"] = self._site.database.server.pid
        used = {name: processor_s(pid) for name, pid in pids.items()}
        return {"load": time.process_time(), **used}

    def sample(self, passed_s: float, waiting: int) -> None:
        """Note the memory of ingest and scheduler, and say how far the run is."""
        for name, mib in self._mib.items():
            mib.append(resident_mib(self._site.children[name].pid))
        memory = "   ".join(f"{name} {mib[-1]:.1f} MiB" for name, mib in self._mib.items())
        print(f"  {passed_s:6.0f} s   {waiting:6} batches unacknowledged   {memory}", flush=True)

    def memory(self) -> list[Figure]:
        """Return resident memory at the start, in the middle and at the end, and its growth.

        Growth is by how much memory at its highest exceeds that of the settling time.
        """
        figures: list[Figure] = []
        for name, mib in self._mib.items():
            settled = max(1, int(len(mib) * _SETTLING_SHARE))
            growth = max(mib[settled:], default=0.0) - max(mib[:settled])
            moments = {"at the start": mib[0], "in the middle": mib[len(mib) // 2], "at the end": mib[-1]}
            figures += [Figure(f"{name}'s resident memory {when}, MiB", now) for when, now in moments.items()]
            figures.append(Figure("its growth after the first fifth, MiB", growth, at_most=self._FLAT_MIB[name]))
        return figures

    def failed_runs(self) -> float:
        """Return how many runs of the scheduler's jobs have failed, by its own count."""
        url = f"http://{LOOPBACK}:{self._site.scheduler_status_port}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        runs = [line for line in lines if line.startswith("smartstore_scheduler_runs_total{")]
        assert runs, "the scheduler has done no job"
        return sum(float(line.split()[-1]) for line in runs if 'end="failed"' in line)


if __name__ == "__main__":
    main()
