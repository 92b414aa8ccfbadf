"""Seconds from the start of an agent's process to its first accepted reading: with an empty spool, and with a backlog.

The agent has twelve sources; one of them has a line to read when it starts. The disk's cache is warm, Python's compiled
files are there. Best and median of several starts.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import time
from contextlib import ExitStack, closing

from benchmarks.backlog import fill
from benchmarks.report import Figure, report
from benchmarks.twelve_sources import TwelveSources
from standalone.data_folder import scratch_folder

_LIMIT_S = 1.0
_DEADLINE_S = 60.0


def main() -> None:
    """Run the benchmark and print its figures; exits 1 over the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=7)
    parser.add_argument("--hours", type=float, default=72.0, help="length of the backlog at ten readings a second")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        site = stack.enter_context(TwelveSources(stack.enter_context(scratch_folder("benchmarks"))))
        site.configure()
        site.compile()
        empty = [_start(site, fresh=True) for _ in range(chosen.starts)]
        batches = fill(site.spool, chosen.hours)
        full = [_start(site, fresh=False) for _ in range(chosen.starts)]
    report(
        f"agent_start: twelve sources, {chosen.starts} starts each; backlog of {batches:,} batches",
        [
            Figure("seconds to the first accepted reading, median", statistics.median(empty), at_most=_LIMIT_S),
            Figure("the same, best", min(empty)),
            Figure("with the backlog, median", statistics.median(full), at_most=_LIMIT_S),
            Figure("with the backlog, best", min(full)),
        ],
    )


def _start(site: TwelveSources, *, fresh: bool) -> float:
    if fresh:
        site.forget()
    before = 0 if fresh else _accepted(site)
    with (site.folder / "export-0.jsonl").open("ab") as file:
        file.write(b'{"value": 20}\n')
    began_s = time.perf_counter()
    agent = site.start_agent()
    try:
        while _accepted(site) == before:
            if time.perf_counter() - began_s > _DEADLINE_S or not agent.running:
                raise TimeoutError(f"no reading was accepted: {agent.tail()}")
            time.sleep(0.002)
        return time.perf_counter() - began_s
    finally:
        agent.stop()


def _accepted(site: TwelveSources) -> int:
    """Return the readings accepted, 0 while there is no spool yet."""
    try:
        with closing(sqlite3.connect(f"file:{site.spool}?mode=ro", uri=True)) as db:
            found: int = db.execute("select accepted_readings from spool").fetchone()[0]
            return found
    except sqlite3.OperationalError:
        return 0


if __name__ == "__main__":
    main()
