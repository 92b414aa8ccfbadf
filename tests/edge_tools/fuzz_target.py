"""Something that is fuzzed: an attempt raises whatever is a defect, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple


class Target(NamedTuple):
    """One attempt with an input that the random makes; the same random makes the same input."""

    name: str
    attempt: Callable[[Random], None]
