"""The suite's table: a line for each fault."""

from __future__ import annotations

from faults.suite.catalogue import EVERY
from faults.suite.scenario import Played

_COLUMNS = "generated committed declared-lost refused pending lost duplicated invented".split()
_NAME = max(len(scenario.name) for scenario in EVERY)
HEADER = f"{'fault':<{_NAME}}" + "".join(f"{name:>14}" for name in _COLUMNS) + f"{'+MiB':>7}{'s':>7}"


def line_of(played: Played) -> str:
    """Return a fault's line, with what is wrong below it."""
    start = f"{played.name:<{_NAME}}"
    if played.skipped is not None:
        return f"{start}  skipped: {played.skipped.reason}"
    outcome = played.outcome
    if outcome is None:
        return f"{start}  BROKEN after {played.seconds:.0f} s\n{_indented(played.broken or '')}"
    figures = (
        outcome.generated,
        outcome.committed,
        outcome.declared_lost,
        outcome.refused,
        outcome.pending,
        outcome.lost,
        outcome.duplicated,
        outcome.invented,
    )
    text = start + "".join(f"{figure:>14,}" for figure in figures) + f"{played.growth_mib:>7.0f}{played.seconds:>7.0f}"
    wrong = [*outcome.problems, *(["it did not end in order:\n" + played.broken] if played.broken else [])]
    if not played.holds and not wrong:
        wrong.append("see the figures")
    return "\n".join([text, *(_indented(each) for each in [*played.notes, *(f"WRONG: {each}" for each in wrong)])])


def summary(every: list[Played]) -> str:
    """Return the last lines: how many faults went well, which did not, and how long all took."""
    wrong = [played.name for played in every if not played.holds]
    skipped = sum(played.skipped is not None for played in every)
    done = len(every) - skipped
    verdict = (
        f"{len(wrong)} of {done} faults went wrong"
        if wrong
        else f"all {done} faults: nothing lost undeclared, duplicated or invented"
    )
    ending = f"{verdict}; {skipped} skipped; {sum(played.seconds for played in every):.0f} s in all"
    return "\n".join([ending, *map(_indented, wrong)])


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.rstrip().splitlines())
