"""How often intervals of 95 % cover the truth: seeded runs of simulated stores, whose truth is known.

Stores of the simulator with its own misses and audits, with gaps and, in every second run, false counts added; figures
by the metrics of the catalogue. Coverage must be from 93 to 97 % of the runs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator

from benchmarks.report import Figure, show
from coverage_tools.simulated_runs import Told, counts, devices, occupancy, on_shelf

_LEAST, _MOST = 93.0, 97.0
_Run = Callable[[int], Iterator[Told]]


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000, help="seeds 0 to runs - 1")
    parser.add_argument("--days", type=int, default=14, help="window of footfall, conversion and intensity")
    chosen = parser.parse_args()
    parts: dict[str, _Run] = {
        f"a convenience store over {chosen.days} days": lambda seed: counts(seed, chosen.days),
        "a supermarket on one day, its doors": occupancy,
        "a supermarket on one day, its shelves": on_shelf,
        "twenty devices on one day": devices,
    }
    held = [_covered(title, run, chosen.runs) for title, run in parts.items()]
    if not all(held):
        sys.exit(1)


def _covered(title: str, run: _Run, runs: int) -> bool:
    began, found = time.perf_counter(), defaultdict(list)
    for seed in range(runs):
        for told in run(seed):
            found[told.name].append(told)
    figures = []
    for name, all_told in found.items():
        covered = 100 * sum(told.holds for told in all_told) / runs
        width = sum(told.high - told.low for told in all_told) / sum(told.true for told in all_told)
        figures += [
            Figure(f"{name}: covered, %", covered, at_least=_LEAST),
            Figure(f"{name}: covered, %", covered, at_most=_MOST),
            Figure(f"{name}: mean width, % of the truth", 100 * width),
        ]
    return show(f"{title}: {runs} runs in {time.perf_counter() - began:.0f} s", figures)


if __name__ == "__main__":
    main()
