"""Fuzz the agent's decoders and transports: no payload crashes one. ``--seconds 600 [--seed 1] [--only NAME]``.

What is found is made again by ``--only TARGET --first NUMBER --attempts 1`` and the same seed; the exit code is 1 then.
"""

from __future__ import annotations

import argparse
import logging
import sys

from edge_tools.fuzz import all_targets, fuzz


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="beginning of the targets' names")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--attempts", type=int, help="so many of each target, instead of so many seconds")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with all_targets() as targets:
        chosen = [target for target in targets if target.name.startswith(options.only)]
        findings = fuzz(chosen, options.seed, options.first, options.attempts, options.seconds)
    for name, count in sorted(findings.attempts.items()):
        slowest_s, number = findings.slowest_s[name]
        print(f"{name:40} {count:>9,} attempts, slowest {slowest_s * 1000:8.1f} ms (number {number})")
    for (name, place), said in findings.defects.items():
        print(f"DEFECT {name}: {place}: {said!r}")
    print(
        f"{sum(findings.attempts.values()):,} attempts, seed {options.seed}: {len(findings.defects)} defects, limit 0"
    )
    sys.exit(1 if findings.defects else 0)


if __name__ == "__main__":
    main()
