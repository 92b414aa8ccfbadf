"""How often alerts are false: each detector on ordinary days of the simulated stores, in 100 weeks.

The stores are as simulated, without their outages: nothing happens in them, so that every alert is a false one. The
devices that the registry calls always off report nothing. A day is judged by the four weeks before it, as the
scheduler does it, each seed being other weeks of the same stores.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import numpy as np
from benchmarks.report import Figure, report

from analytics.alerts.judging import BASELINE_DAYS, JUDGED, Detector, Question, judge
from analytics.alerts.reconciling import found_in
from analytics.alerts.store_hours import SeriesHours, StoreHours
from analytics.alerts.thresholds import Thresholds
from analytics.windows import HOUR_US
from edge.simulator import air, cold_chain, traffic
from edge.simulator.local_day import local_day
from edge.simulator.observation import Observation
from edge.simulator.plan import district_plan
from edge.simulator.site import StorePlan
from ingest.store.alert_thresholds import SetThreshold
from ingest.store.known_series import Key

_FIRST = date(2026, 3, 2)
_COUNTING = (Detector.COUNT_HIGH, Detector.COUNT_LOW)
_WIDE = [
    SetThreshold(None, f"{detector}.alpha", 1e-3, _FIRST, "", "", datetime(2026, 3, 2, tzinfo=UTC))
    for detector in _COUNTING
]
"""Alphas at which there are enough alarms to compare their rate with the nominal one."""


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--weeks", type=int, default=12, help="judged, of each seed and store")
    chosen = parser.parse_args()
    told = {name: Told() for name in ("default", "wide")}
    stores = [store for seed in range(1, chosen.seeds + 1) for store in district_plan(seed).stores]
    for store in stores:
        hours = _hours(store, BASELINE_DAYS + 1 + 7 * chosen.weeks)
        for name, thresholds in (("default", Thresholds()), ("wide", Thresholds(_WIDE))):
            told[name].add(Question(hours, thresholds, (BASELINE_DAYS + 1) * 24))
    weeks = len(stores) * chosen.weeks
    figures = []
    for detector in Detector:
        figures += told["default"].figures(detector, Thresholds(), weeks, at_most=10.0)
    for detector in _COUNTING:
        figures += told["wide"].figures(detector, Thresholds(_WIDE), weeks)
    report(f"false alarms in 100 weeks of a store; {weeks} ordinary weeks of simulated stores", figures)


@dataclass
class Told:
    """Alerts, and hours that could have been one, by detector."""

    alerts: Counter[Detector] = field(default_factory=Counter)
    hours: Counter[Detector] = field(default_factory=Counter)

    def add(self, asked: Question) -> None:
        """Judge a store's hours."""
        for verdict in judge(asked):
            self.alerts[verdict.detector] += sum(1 for _ in found_in(asked.hours.start_us, verdict))
            self.hours[verdict.detector] += int(np.isfinite(verdict.measured[asked.first :]).sum())

    def figures(
        self, detector: Detector, thresholds: Thresholds, weeks: int, at_most: float | None = None
    ) -> list[Figure]:
        """Return how many of a detector's alerts there were in 100 weeks, of how many hours in a week."""
        hours = self.hours[detector] / weeks
        rate = 100 * self.alerts[detector] / weeks
        if detector not in _COUNTING:
            return [Figure(f"{detector}, of {hours:,.0f} hours a week", rate, at_most=at_most)]
        alpha = thresholds.on(f"{detector}.alpha", _FIRST)
        return [
            Figure(f"{detector} at {alpha:g}, of {hours:,.0f} hours a week", rate, at_most=at_most),
            Figure("  nominal: alpha times these hours", 100 * alpha * hours),
        ]


def _hours(store: StorePlan, days: int) -> StoreHours:
    """Return the hours of a store's series over these days."""
    seen: dict[Key, list[tuple[Observation, int]]] = defaultdict(list)
    hours = 24 * days
    for place in range(days):
        day = local_day(store, _FIRST + timedelta(days=place))
        for simulated in (traffic, air, cold_chain):
            for each in simulated.observe(store, day):
                if each.series.quantity in JUDGED:
                    seen[each.series.device, each.series.quantity, each.series.channel].append((each, place))
    start_us = local_day(store, _FIRST).start_us + np.arange(hours, dtype=np.int64) * HOUR_US
    series = {key: _of_series([each for each, _ in parts], start_us) for key, parts in seen.items()}
    return StoreHours.of(start_us, store.time_zone, series)


def _of_series(parts: list[Observation], start_us: np.ndarray[tuple[int], np.dtype[np.int64]]) -> SeriesHours:
    made = SeriesHours.none(start_us.size, parts[0].series.kind, rounded=False)
    t_us = np.concatenate([np.asarray(part.t_us, dtype=np.int64) for part in parts])
    value = np.concatenate([np.asarray(part.value, dtype=np.float64) for part in parts])
    place = (t_us - start_us[0]) // HOUR_US
    inside = (place >= 0) & (place < start_us.size)
    place, value = place[inside], value[inside]
    np.add.at(made.readings, place, 1.0)
    np.fmin.at(made.least, place, value)
    np.fmax.at(made.most, place, value)
    made.count[made.readings > 0] = 0.0
    np.add.at(made.count, place, value)
    return made


if __name__ == "__main__":
    main()
