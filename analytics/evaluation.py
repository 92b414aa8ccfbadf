"""One metric of one store over one window: its series cut to what the value stands on, its floor, its result."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from analytics.catalogue.metric import Basis, Metric
from analytics.facts import Facts
from analytics.gaps import Account, Losses, account
from analytics.limits import Limit, shipped_limits
from analytics.metrics.inputs import Inputs, Observed, Outcome, Premises
from analytics.metrics.spans import Int64, Spans
from analytics.results import Interval, Result, Status, Text, TimeWindow
from analytics.series import digest_of
from analytics.shared_rows import SharedRows
from analytics.windows import LocalDays, Window, from_us, local_days, opening_spans
from edge.wire.series import Origin

MOST_SILENT = 20


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days and opening hours of the window, shared by all metrics."""

    days: LocalDays
    midnights_us: Int64
    opening: Spans
    from_day_start: Spans

    @classmethod
    def of(cls, facts: Facts) -> Calendar:
        """Return the calendar of a store over its window."""
        days = local_days(facts.window, facts.store.business_day_start)
        with_the_days_before = Window(facts.window.start - timedelta(days=2), facts.window.end, facts.window.time_zone)
        return cls(
            days,
            local_days(with_the_days_before).bounds_us,
            opening_spans(facts.window, facts.store.opens_at, facts.store.closes_at),
            Spans.of([(int(days.bounds_us[0]), facts.window.end_us)]),
        )

    def wanted(self, basis: Basis, window: Window) -> Spans:
        """Return the time over which a metric needs readings."""
        return {
            Basis.WINDOW: window.spans,
            Basis.OPENING_HOURS: self.opening,
            Basis.BUSINESS_DAYS: self.from_day_start,
        }[basis]


class Evaluation:
    """A metric of a store over a window; ``observed`` are its series with the rows that the value stands on."""

    def __init__(
        self,
        metric: Metric,
        facts: Facts,
        calendar: Calendar,
        observed: list[Observed],
        shared: SharedRows | None = None,
    ) -> None:
        self.metric = metric
        self._facts = facts
        self._calendar = calendar
        self._wanted = calendar.wanted(metric.basis, facts.window)
        start = facts.window.start_us
        if metric.basis is Basis.BUSINESS_DAYS:
            start = int(calendar.days.bounds_us[0])
        self.span_us = (start, facts.window.end_us)
        self._shared = shared or SharedRows()
        cuts = (self._shared.cut(each, self.span_us, metric.periods_before) for each in observed)
        self.observed = [cut for cut in cuts if cut is not None]

    def result(self, lost: Losses, origins: tuple[Origin, ...]) -> tuple[Result, Account | None]:
        """Return the result and, where the metric is instrumented, the account of its readings."""
        coverage = self._facts.coverage_of(self.metric)
        if coverage.points_exist == 0:
            return self._result(Status.NOT_INSTALLED, Outcome(None), None, origins), None
        if not self.observed or coverage.points_instrumented == 0:
            return self._result(Status.DECLARED, Outcome(None), None, origins), None
        floor = self.metric.completeness_floor
        received = account(self.observed, self._wanted, floor, lost, self._facts.window)
        complete = received.completeness
        if complete is not None and complete.ratio < floor:
            outcome = Outcome(None, detail=self._shortfall(received, complete.expected))
            return self._result(Status.INSUFFICIENT, outcome, received, origins), received
        if received.not_claimed and self._rows_kept_from(received.not_claimed) is not None:
            # Nobody says how many of their events there were: none could as well be all of them removed.
            outcome = Outcome(None, detail={"reason": "removed_by_retention"})
            return self._result(Status.INSUFFICIENT, outcome, received, origins), received
        outcome = self.metric.measure(self._inputs())
        status = Status.INSUFFICIENT if outcome.value is None else Status.MEASURED
        return self._result(status, outcome, received, origins), received

    def _inputs(self) -> Inputs:
        store = self._facts.store
        return Inputs(
            window=self._facts.window,
            days=self._calendar.days,
            midnights_us=self._calendar.midnights_us,
            opening=self._calendar.opening,
            wanted=self._wanted,
            series=tuple(self.observed),
            audits=self._facts.audits,
            limits={limit.key: limit.value for limit in self._limits()},
            premises=Premises(store.floor_area_m2, store.area_kind, store.capacity),
            deliveries=self._shared.deliveries,
        )

    def _limits(self) -> list[Limit]:
        """Return the limits in force at the window's start."""
        limits = shipped_limits()
        found = (limits.on(key, self._facts.window.first_date) for key in self.metric.limits)
        return [limit for limit in found if limit is not None]

    def _shortfall(self, received: Account, expected: int) -> dict[str, Any]:
        """Return what is missing and since when."""
        if expected == 0:
            return {"reason": "no_time_to_measure"}
        zone = self._facts.window.zone
        silent = [
            {
                "device": s.device,
                "quantity": s.quantity,
                "channel": s.channel,
                "since": from_us(s.since_us, zone).isoformat(),
            }
            for s in received.silent
        ]
        return {
            "reason": "completeness_below_floor" if self._rows_kept_from() is None else "removed_by_retention",
            "silent": silent[:MOST_SILENT],
            "silent_total": len(silent),
        }

    def _rows_kept_from(self, devices: Collection[str] | None = None) -> str | None:
        """Return from when on the rows that the metric needs (of some devices) are kept, None for the whole time."""
        told = [each for each in self.observed if devices is None or each.device in devices]
        removed = [each.removed_before_us for each in told if each.removed_before_us is not None]
        latest = max(removed, default=self.span_us[0])
        return from_us(latest, self._facts.window.zone).isoformat() if latest > self.span_us[0] else None

    def _result(
        self, status: Status, outcome: Outcome, received: Account | None, origins: tuple[Origin, ...]
    ) -> Result:
        metric, facts = self.metric, self._facts
        bounds = outcome.bounds
        detail = dict(outcome.detail)
        if outcome.undefined:
            detail["reason"] = outcome.undefined
        flagged = sum(int(np.count_nonzero(part.flags)) for each in self.observed for part in each.parts)
        if flagged:
            detail["flagged_readings"] = flagged
        kept_from = self._rows_kept_from()
        if kept_from is not None:
            detail["rows_kept_from"] = kept_from
        if received is not None and received.not_claimed:
            detail["completeness_not_claimed"] = list(received.not_claimed)
        return Result(
            metric=metric.name,
            name=Text(en=metric.name_en, zh=metric.name_zh),
            unit=metric.unit,
            facility=metric.facility,
            formula_version=metric.formula_version,
            status=status,
            value=outcome.value,
            interval=None
            if bounds is None
            else Interval(low=bounds.low, high=bounds.high, level=bounds.level, method=bounds.method),
            window=time_window(facts.window),
            coverage=facts.coverage_of(metric),
            completeness=None if received is None else received.completeness,
            origins=origins,
            registry_version=facts.version,
            digest=digest_of(self.observed, self._shared.leaves),
            limits=tuple(limit.check() for limit in self._limits()),
            detail=detail,
        )


def time_window(window: Window) -> TimeWindow:
    """Return a window as an answer carries it, in its own zone."""
    zone = window.zone
    return TimeWindow(start=window.start.astimezone(zone), end=window.end.astimezone(zone), time_zone=window.time_zone)
