"""Fuzzing of the agent's decoders and transports: many attempts, each made by a random of its own.

An attempt is named by seed, target and number, by which it can be made again.
"""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

from edge_tools.fuzz_decoders import decoder_targets
from edge_tools.fuzz_target import Target
from edge_tools.fuzz_transports import transport_targets

_SLICE = 25
"""Attempts of one target before it is the next one's turn."""


@dataclass
class Findings:
    """What was tried, what was found (once by where it was raised), and how long the slowest attempt took."""

    attempts: Counter[str] = field(default_factory=Counter)
    defects: dict[tuple[str, str], str] = field(default_factory=dict)
    slowest_s: dict[str, tuple[float, int]] = field(default_factory=dict)

    def attempt(self, target: Target, seed: int, number: int) -> None:
        began_s = time.monotonic()
        try:
            target.attempt(Random(f"{seed}/{target.name}/{number}"))
        except Exception as error:  # whatever it is, it is what is looked for
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{type(error).__name__} at {where.filename}:{where.lineno}"
            self.defects.setdefault((target.name, place), f"--only {target.name} --first {number}: {error}"[:500])
        took_s = time.monotonic() - began_s
        self.attempts[target.name] += 1
        self.slowest_s[target.name] = max(self.slowest_s.get(target.name, (0.0, 0)), (took_s, number))


@contextmanager
def all_targets() -> Iterator[list[Target]]:
    with transport_targets() as transports:
        yield [*decoder_targets(), *transports]


def fuzz(targets: Sequence[Target], seed: int, first: int, attempts: int | None, seconds: float) -> Findings:
    """Try the targets in turn, for so long, or so often each."""
    findings = Findings()
    end_s = time.monotonic() + seconds
    number = first
    while (attempts is None and time.monotonic() < end_s) or (attempts is not None and number < first + attempts):
        until = number + _SLICE if attempts is None else min(number + _SLICE, first + attempts)
        for target in targets:
            for each in range(number, until):
                findings.attempt(target, seed, each)
        number = until
    return findings
