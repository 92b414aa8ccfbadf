"""Ordinals of events and states: which of several at one instant a reading is, in the order of the file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.history.block import HistoryError
from ingest.history.targets import Target

_MOST = 2**15


class OrdinalCounter:
    """Numbers the readings of one series and instant 0, 1, 2, ..., also where a block ends between them.

    A file that comes back to an instant later on states its readings again: they are numbered from 0 anew, and so found
    to be duplicates or corrections.
    """

    def __init__(self, targets: Sequence[Target]) -> None:
        self._targets = targets
        self._last: dict[int, tuple[int, int]] = {}
        """The last instant of each series, and how many readings it had by then."""

    def following(self, target: NDArray[np.int64], t_us: NDArray[np.int64]) -> NDArray[np.int16]:
        """Return the ordinals of the next readings, in the order of the file; 0 for series of other kinds.

        Raises
        ------
        HistoryError
            One instant has more readings than an ordinal can tell apart.
        """
        ordinal = np.zeros(len(target), np.int64)
        told_apart = np.array([each.told_apart for each in self._targets], bool)
        chosen = np.flatnonzero(told_apart[target]) if told_apart.any() else np.empty(0, np.int64)
        if len(chosen):
            ordinal[chosen] = self._ranks(target[chosen], t_us[chosen])
        if len(ordinal) and ordinal.max() >= _MOST:
            series = self._targets[int(target[ordinal.argmax()])].series
            msg = f"{series.quantity} of {series.device}: more than {_MOST} readings at one instant; are times cut off?"
            raise HistoryError(msg)
        return ordinal.astype(np.int16)

    def _ranks(self, target: NDArray[np.int64], t_us: NDArray[np.int64]) -> NDArray[np.int64]:
        order = np.lexsort((t_us, target))  # stable: the order of the file within an instant
        by_target, by_t = target[order], t_us[order]
        begins = np.ones(len(order), bool)
        begins[1:] = (by_target[1:] != by_target[:-1]) | (by_t[1:] != by_t[:-1])
        starts = np.flatnonzero(begins)
        lengths = np.diff(starts, append=len(order))
        before = np.fromiter(
            (self._before(*key) for key in zip(by_target[starts].tolist(), by_t[starts].tolist(), strict=True)),
            np.int64,
            len(starts),
        )
        ranks = np.empty(len(order), np.int64)
        ranks[order] = np.arange(len(order)) - np.repeat(starts - before, lengths)
        for place in _last_of_each(target).tolist():
            self._last[int(target[place])] = int(t_us[place]), int(ranks[place]) + 1
        return ranks

    def _before(self, target: int, t_us: int) -> int:
        last_us, count = self._last.get(target, (t_us, 0))
        return count if last_us == t_us else 0


def _last_of_each(target: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the place of the last reading of each series."""
    _, backwards = np.unique(target[::-1], return_index=True)
    return len(target) - 1 - backwards
