"""Windows: of the readings in each, the least and greatest value, the mean, and how many there were."""

from __future__ import annotations

from typing import NamedTuple

from edge.readings import Reading
from edge.wire.series import Series, Statistic, Unit, WindowStatistic

SECOND_US = 1_000_000


class OpenWindow(NamedTuple):
    """The readings of one window so far."""

    number: int
    """Of the window, counted from 1970."""
    first_us: int
    last: tuple[int, int]
    """Time and ordinal of the reading taken last."""
    readings: int
    total: float
    least: float
    greatest: float
    flags: int
    heard_s: float
    """When a reading was taken last, by the monotonic clock."""


class WindowReport:
    """Reports one series by windows, as four series of one key.

    A reading of another window than the open one closes that: late readings make windows of their own. The time of an
    aggregate is that of its first reading, so that the parts of a cut window never meet.
    """

    def __init__(self, series: Series, window_s: float) -> None:
        self.window_s = window_s
        self._window_us = round(window_s * SECOND_US)
        self._series = {each: _statistic_series(series, window_s, each) for each in Statistic}

    def step(self, state: OpenWindow | None, reading: Reading, now_s: float) -> tuple[OpenWindow, list[Reading]]:
        """Take a reading in; return the window that is open now, and the aggregates of one that is over."""
        number = reading.t_us // self._window_us
        if state is None or state.number != number:
            return _opened(number, reading, now_s), self.aggregates(state) if state else []
        if (reading.t_us, reading.ordinal) == state.last:
            return state, []  # the same reading delivered again
        return _grown(state, reading, now_s), []

    def aggregates(self, window: OpenWindow) -> list[Reading]:
        """Return what is reported of a window."""
        mean = min(max(window.total / window.readings, window.least), window.greatest)
        values = {
            Statistic.MIN: window.least,
            Statistic.MAX: window.greatest,
            Statistic.MEAN: mean,
            Statistic.COUNT: float(window.readings),
        }
        return [Reading(self._series[each], window.first_us, value, window.flags) for each, value in values.items()]


def _opened(number: int, reading: Reading, now_s: float) -> OpenWindow:
    value = float(reading.value)
    last = reading.t_us, reading.ordinal
    return OpenWindow(number, reading.t_us, last, 1, value, value, value, int(reading.flags), now_s)


def _grown(window: OpenWindow, reading: Reading, now_s: float) -> OpenWindow:
    return OpenWindow(
        number=window.number,
        first_us=min(window.first_us, reading.t_us),
        last=(reading.t_us, reading.ordinal),
        readings=window.readings + 1,
        total=window.total + reading.value,
        least=min(window.least, reading.value),
        greatest=max(window.greatest, reading.value),
        flags=window.flags | reading.flags,
        heard_s=now_s,
    )


def _statistic_series(series: Series, window_s: float, statistic: Statistic) -> Series:
    changes = {
        "unit": Unit.COUNT if statistic is Statistic.COUNT else series.unit,
        "period_s": window_s,
        "report": WindowStatistic(window_s=window_s, statistic=statistic),
    }
    return Series.model_validate(series.model_dump() | changes)
