"""Holds the answers about simulated stores against the simulator's own truth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from analytics.results import FacilitiesAnswer, Facility, Result, Status
from edge.simulator.site import StorePlan
from standalone.play import Play, Question, true_values

_MOST_OUT = 0.1
"""Share of device time out of order above which an area has to say insufficient (floors are at 0.9)."""
_CHANCE = 0.001
"""Chance that right confidence intervals miss the truth more often than is let pass."""


def disagreements(play: Play, answers: Sequence[FacilitiesAnswer]) -> list[str]:
    """Say where answers are not what the simulator knows.

    The state of every area must be the one that the simulator made, every hard bound must hold, and confidence
    intervals may miss as often as their level lets right ones miss, with a chance of one in a thousand to be wronged.
    """
    found: list[str] = []
    misses: list[str] = []
    tried = 0
    for question, answer in zip(play.questions, answers, strict=True):
        found += _states(play.simulated[question.store_id], answer)
        for result, true in _held_against(play, question, answer):
            interval = result.interval
            if interval is None:
                found.append(f"{answer.store_id} {result.metric}: {result.value} without an interval")
                continue
            tried += interval.level is not None
            if not interval.low <= true <= interval.high:
                text = (
                    f"{answer.store_id} {result.metric}: the truth {true:g} is outside "
                    f"[{interval.low:g}, {interval.high:g}] ({interval.method})"
                )
                (found if interval.level is None else misses).append(text)
        shown = {result.metric for area in answer.areas for result in area.results}
        absent = sorted(set(true_values(play, question)) - shown)
        found += [f"{answer.store_id}: no {metric} in the answer" for metric in absent]
    return found + (misses if len(misses) > _misses_let_pass(tried) else [])


def _held_against(play: Play, question: Question, answer: FacilitiesAnswer) -> Iterator[tuple[Result, float]]:
    truth = true_values(play, question)
    for area in answer.areas:
        for result in area.results:
            if result.metric in truth and result.status is Status.MEASURED:
                yield result, truth[result.metric]


def _misses_let_pass(intervals: int, level: float = 0.95) -> int:
    """Return the fewest misses k of so many independent intervals with P(more than k) under ``_CHANCE``."""
    tail, k = 1.0, -1
    while tail >= _CHANCE:
        k += 1
        tail -= math.comb(intervals, k) * (1 - level) ** k * level ** (intervals - k)
    return k


def _states(plan: StorePlan, answer: FacilitiesAnswer) -> list[str]:
    wanted = {facility: expected_status(plan, facility) for facility in Facility}
    shown = {area.facility: area.status for area in answer.areas}
    return [
        f"{plan.store_id} {facility}: says {shown.get(facility, 'nothing')}, the simulator made it {status}"
        for facility, status in wanted.items()
        if shown.get(facility) is not status
    ]


def expected_status(plan: StorePlan, facility: Facility) -> Status:
    """Return the state that an area must have, from what the plan has installed and let fail."""
    devices = list(plan.devices_of(facility))
    if facility is Facility.SENSING:
        return Status.MEASURED
    if not any(point.facility == facility for point in plan.points):
        return Status.NOT_INSTALLED
    if not devices:
        return Status.DECLARED
    out_h = sum(d.outage.to_hour - d.outage.from_hour for d in devices if d.outage is not None)
    return Status.INSUFFICIENT if out_h / (24 * len(devices)) > _MOST_OUT else Status.MEASURED
