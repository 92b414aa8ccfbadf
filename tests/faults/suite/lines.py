"""A line between two ends: cut, held, losing segments, slow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from faults.suite.rig import Rig
from faults.suite.scenario import Scenario
from faults.suite.setting import Load, Pair, Setting

_OUTAGE_S = 1.0
_LOSS = 0.01
_PATIENCE_S = 900.0
_DELAY_S = 1.0
"""One way: a round trip takes two seconds longer."""
_FEW = {Pair.AGENT_BROKER: 400, Pair.BROKER_INGEST: 400, Pair.INGEST_DATABASE: 120}
"""Readings of an agent over a slow line: a write takes some ten round trips, and the first needs many more."""


def _cut_twice(pair: Pair, rig: Rig) -> None:
    for _ in range(2):
        rig.lines[pair].cut()
        time.sleep(_OUTAGE_S)  # the length of the outage, not a wait for anything
        rig.lines[pair].restore()
        rig.wait_until_committed(0.5)


def _hold(pair: Pair, rig: Rig) -> None:
    """Deliver nothing for a while, longer than agents wait for an answer, and then all of it."""
    rig.lines[pair].hold()
    time.sleep(3 * _OUTAGE_S)
    rig.lines[pair].restore()


def _lose(pair: Pair, rig: Rig) -> None:
    """Lose segments from the start to the end."""
    line = rig.lines[pair]
    rig.wait_until_settled(_PATIENCE_S)
    assert line.lost, "nothing was lost on the line"
    rig.notes.append(f"{line.lost} segments lost, {line.connections} connections")


def _be_slow(_pair: Pair, rig: Rig) -> None:
    """Be slow from the start to the end."""
    rig.wait_until_settled(_PATIENCE_S)


def _through(pair: Pair, load: Load | None = None, **treatment: float) -> Setting:
    return Setting(load=load or Load(), lines={pair: treatment})


def _scenarios() -> Iterator[Scenario]:
    faults: dict[str, Callable[[Pair, Rig], None]] = {"cut, twice": _cut_twice, "held for 3 s": _hold}
    for pair in Pair:
        for name, fault in faults.items():
            yield Scenario(f"line {pair} {name}", partial(fault, pair), _through(pair))
        yield Scenario(f"line {pair} losing 1 %", partial(_lose, pair), _through(pair, loss=_LOSS), begins=0.0)
        few = Load(agents=2, readings=_FEW[pair], timeout_s=10.0)
        slow = _through(pair, few, delay_s=_DELAY_S)
        yield Scenario(f"line {pair} slower by 2 s a round trip", partial(_be_slow, pair), slow, begins=0.0)


SCENARIOS = tuple(_scenarios())
