"""Cells too small to be shown: a figure that a few people alone stand behind tells something about them."""

from __future__ import annotations

from collections.abc import Mapping

FEWEST = "small_cell.fewest_persons"


def hidden(persons: Mapping[str, int], fewest: float) -> frozenset[str]:
    """Return which cells are not to be shown.

    Parameters
    ----------
    persons
        By cell, how many persons certainly stand behind it.
    fewest
        Fewest persons of a cell that may be shown.

    Notes
    -----
    A single hidden cell could be worked out from the total and the others; so the next smallest is hidden with it.

    Examples
    --------
    >>> sorted(hidden({"a": 3, "b": 40, "c": 9}, 5)), sorted(hidden({"a": 6, "b": 40}, 5))
    (['a', 'c'], [])
    """
    small = {cell for cell, number in persons.items() if number < fewest}
    rest = sorted((number, cell) for cell, number in persons.items() if cell not in small)
    if len(small) == 1 and rest:
        small.add(rest[0][1])
    return frozenset(small)
