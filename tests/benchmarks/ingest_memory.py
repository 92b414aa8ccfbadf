"""Memory of an ingest worker while the database is away and agents go on publishing, and what becomes of it after."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack

from benchmarks.end_to_end import registry_of
from benchmarks.load import Publisher, make_load
from benchmarks.process_account import peak_resident_mib, resident_mib
from benchmarks.report import Figure, report
from standalone.data_folder import data_folder, scratch_folder
from standalone.database_choice import choose_installation
from standalone.postgres import PrivateServer
from standalone.site import AgentPlan, Site

_AGENTS = 4
_BATCHES = 4000
_WINDOW = _BATCHES
"""Everything at once, far more than agents are allowed, so that the worker's own bound is what holds."""
_AWAY_S = 20.0
_GROWTH_LIMIT_MIB = 32.0
"""The payloads alone are some 45 MiB."""


def main() -> None:
    """Run the benchmark and print its figures; exits 1 over the limit."""
    loads = [make_load(f"bench-{n}", series=100, batches=_BATCHES) for n in range(_AGENTS)]
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_folder("benchmarks"))
        installation = choose_installation(data_folder())
        server = PrivateServer(installation, installation.clusters / "benchmark")
        site = stack.enter_context(Site(folder, server, [AgentPlan(x.agent, "") for x in loads]))
        site.start_platform(registry_of(folder, loads))
        publishers = [Publisher(load, _WINDOW) for load in loads]
        for publisher, load in zip(publishers, loads, strict=True):
            publisher.connect(site.broker.host, site.broker.port, site.password(load.agent))
        pid = site.children["ingest"].pid
        before = resident_mib(pid)
        server.kill()
        for publisher in publishers:
            threading.Thread(target=publisher.run, daemon=True).start()
        time.sleep(_AWAY_S)  # the outage, not a wait for anything
        away = peak_resident_mib(pid)
        server.start()
        report(
            f"ingest_memory: database away for {_AWAY_S:g} s, {_AGENTS * _BATCHES:,} batches published; {server.label}",
            [
                Figure("resident before, MiB", before),
                Figure("highest resident while away, MiB", away),
                Figure("growth, MiB", away - before, at_most=_GROWTH_LIMIT_MIB),
            ],
        )


if __name__ == "__main__":
    main()
