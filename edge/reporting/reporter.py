"""Between sources and spool: groups of readings go in, groups of what is reported come out.

A reading that a rule holds back is never accepted, and its source's position moves on past it. What the rules remember
moves only with an acceptance: a group that could not be sealed, or that its sender took back, leaves no trace in it.
After a start the first value of each series is reported, and windows begin anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Self

from edge.readings import Priority, Reading, ReadingGroup
from edge.reporting.aggregation import OpenWindow, WindowReport
from edge.reporting.memory import Memory
from edge.reporting.on_change import ChangeReport, LastReport
from edge.reporting.rule import OnChangeRule, Reported, ReportRule, WindowRule, priority_of
from edge.spool.acceptance import NamedGroup
from edge.spool.screening import unusable
from edge.wire.series import OnChange, Origin, Series


class SourceRules(NamedTuple):
    """How the readings of one source are reported; the first rule that concerns a series holds."""

    priority: Priority = Priority.NORMAL
    rules: tuple[ReportRule, ...] = ()


class _Way(NamedTuple):
    """How one series of one source is reported; ``report`` None: every reading."""

    priority: Priority
    report: ChangeReport | WindowReport | None


class _Key(NamedTuple):
    source: str
    origin: Origin
    definition: str


class _Open(NamedTuple):
    """An open window, with how it is to be reported."""

    report: WindowReport
    priority: Priority
    window: OpenWindow


_Sorted = dict[Priority, list[Reading]]


class Reporter:
    """Applies the rules of all sources; for one thread.

    Parameters
    ----------
    sources
        By name of source; one that is missing here has no rules.
    monotonic_s
        The clock by which a device is taken to have fallen silent.
    """

    def __init__(self, sources: Mapping[str, SourceRules], monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._sources = {name: rules for name, rules in sources.items() if rules != SourceRules()}
        self._monotonic_s = monotonic_s
        self._ways: dict[tuple[str, str], _Way] = {}
        self._reports: Memory[_Key, LastReport] = Memory()
        self._windows: Memory[_Key, _Open] = Memory()
        self._positions: Memory[str, str] = Memory()

    @classmethod
    def of(cls, sources: Iterable[tuple[str, Reported]], general: Sequence[ReportRule]) -> Self:
        """Return the reporter of a configuration: sources by name, and the rules for all of them."""
        return cls({name: SourceRules(priority_of(each.priority), (*each.report, *general)) for name, each in sources})

    @property
    def open_windows(self) -> int:
        """Number of windows that readings were accepted into and that are not reported yet."""
        return len(self._windows)

    def report(self, groups: Iterable[NamedGroup], ended: Collection[str] = ()) -> list[NamedGroup]:
        """Return what is to be accepted in place of these groups; ``commit`` once it is.

        With it come the windows of devices that were silent for a whole one, and of the sources that have ended.
        """
        now_s = self._monotonic_s()
        for memory in (self._reports, self._windows, self._positions):
            memory.begin()
        reported = [each for source, group in groups for each in self._reported(source, group, now_s)]
        return reported + [each for key in self._due(now_s, ended) for each in self._closed(key)]

    def is_due(self, ended: Collection[str]) -> bool:
        """Tell whether ``report`` has something to report without a group."""
        for memory in (self._reports, self._windows, self._positions):
            memory.begin()
        return bool(self._due(self._monotonic_s(), ended))

    def commit(self) -> None:
        """Remember what the last ``report`` took in: it is accepted."""
        for memory in (self._reports, self._windows, self._positions):
            memory.commit()

    def _reported(self, source: str, group: ReadingGroup, now_s: float) -> list[NamedGroup]:
        rules = self._sources.get(source)
        if rules is None:
            return [(source, group)]
        self._positions.put(source, group.position)
        taken: _Sorted = {rules.priority: []}  # there even without a reading: refusals and position go with it
        for reading in group.readings:
            self._take(source, group.origin, reading, taken, now_s)
        first = replace(group, readings=taken.pop(rules.priority), priority=rules.priority)
        others = [
            ReadingGroup(readings, group.origin, group.position, priority=priority)
            for priority, readings in taken.items()
        ]
        return [(source, each) for each in (first, *others)]

    def _take(self, source: str, origin: Origin, reading: Reading, taken: _Sorted, now_s: float) -> None:
        """Take one reading in; what is reported of it is added to ``taken``."""
        series = reading.series
        way = self._ways.get((source, series.definition)) or self._choose(source, series)
        key = _Key(source, origin, series.definition)
        if way.report is None or unusable(reading) is not None:
            due = [reading]
        elif isinstance(way.report, ChangeReport):
            last, due = way.report.step(self._reports.get(key), reading)
            self._reports.put(key, last)
        else:
            opened = self._windows.get(key)
            window, due = way.report.step(opened.window if opened else None, reading, now_s)
            self._windows.put(key, _Open(way.report, way.priority, window))
        if due:
            taken.setdefault(way.priority, []).extend(due)

    def _choose(self, source: str, series: Series) -> _Way:
        rules = self._sources[source]
        rule = next((each for each in rules.rules if each.concerns(series)), None)
        priority = rules.priority if rule is None or rule.priority is None else priority_of(rule.priority)
        way = self._ways[source, series.definition] = _Way(priority, _report_of(rule, series))
        return way

    def _due(self, now_s: float, ended: Collection[str]) -> list[_Key]:
        return [
            key
            for key, each in self._windows.items()
            if key.source in ended or now_s - each.window.heard_s >= each.report.window_s
        ]

    def _closed(self, key: _Key) -> list[NamedGroup]:
        """Return what is reported of a window as far as it got, at the present position of its source."""
        each, position = self._windows.get(key), self._positions.get(key.source)
        if each is None or position is None:
            return []
        self._windows.put(key, None)
        aggregates = each.report.aggregates(each.window)
        return [(key.source, ReadingGroup(aggregates, key.origin, position, priority=each.priority))]


def _report_of(rule: ReportRule | None, series: Series) -> ChangeReport | WindowReport | None:
    if isinstance(rule, OnChangeRule):
        return ChangeReport(series, OnChange(dead_band=rule.dead_band, at_least_every_s=rule.at_least_every_s))
    if isinstance(rule, WindowRule):
        return WindowReport(series, rule.window_s)
    return None
