"""On change: a reading is reported when it left the dead band around the last report, or when it is time to."""

from __future__ import annotations

from typing import NamedTuple

from edge.readings import Reading
from edge.wire.series import OnChange, Series

SECOND_US = 1_000_000


class LastReport(NamedTuple):
    """What is remembered of a series: the last reading reported, and the last one read, both in order of time."""

    reported: Reading
    read: Reading


class ChangeReport:
    """Reports one series on change.

    The series is reported with a period that no silence exceeds while its device keeps its own: ``at_least_every_s``,
    or the device's period where that is longer. What the device delivers late is reported as it is, and after it the
    last value read, so that the late one does not seem to hold on.
    """

    def __init__(self, series: Series, rule: OnChange) -> None:
        period_s = max(rule.at_least_every_s, series.period_s or 0.0)
        self._series = Series.model_validate(series.model_dump() | {"period_s": period_s, "report": rule})
        self._dead_band = rule.dead_band
        self._longest_us = round((rule.at_least_every_s - (series.period_s or 0.0)) * SECOND_US)
        """Age of the last report at which the next reading would come too late."""

    def step(self, state: LastReport | None, reading: Reading) -> tuple[LastReport, list[Reading]]:
        """Take a reading in; return what is remembered now, and what is reported."""
        reading = reading._replace(series=self._series)
        if state is None:
            return LastReport(reading, reading), [reading]
        if reading.t_us < state.read.t_us:
            unreported = [] if state.reported == state.read else [state.read]
            return LastReport(state.read, state.read), [reading, *unreported]
        if self._is_due(state.reported, reading):
            return LastReport(reading, reading), [reading]
        return LastReport(state.reported, reading), []

    def _is_due(self, last: Reading, reading: Reading) -> bool:
        return (
            abs(reading.value - last.value) > self._dead_band
            or reading.flags != last.flags
            or reading.t_us - last.t_us > max(self._longest_us, 0)
        )
