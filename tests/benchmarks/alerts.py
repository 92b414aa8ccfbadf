"""How often alerts are false: each detector on ordinary days of the simulated stores, in 100 weeks.

The stores are as simulated, without their outages: nothing happens in them, so that every alert is a false one. The
devices that the registry calls always off report nothing. A day is judged by the four weeks before it, as the
scheduler does it, each seed being other weeks of the same stores.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from datetime import date, timedelta

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
from ingest.store.known_series import Key

_FIRST = date(2026, 3, 2)


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--weeks", type=int, default=8, help="judged, of each seed and store")
    chosen = parser.parse_args()
    alerts: Counter[Detector] = Counter()
    judged_hours: Counter[Detector] = Counter()
    stores = 0
    for seed in range(1, chosen.seeds + 1):
        for store in district_plan(seed).stores:
            stores += 1
            hours = _hours(store, BASELINE_DAYS + 1 + 7 * chosen.weeks)
            first = (BASELINE_DAYS + 1) * 24
            for verdict in judge(Question(hours, Thresholds(), first)):
                alerts[verdict.detector] += sum(1 for _ in found_in(hours.start_us, verdict))
                judged_hours[verdict.detector] += int(np.isfinite(verdict.measured[first:]).sum())
    store_weeks = stores * chosen.weeks
    figures = []
    for detector in Detector:
        series_hours = judged_hours[detector] / store_weeks
        figures += [
            Figure(f"{detector}: false alarms in 100 weeks", 100 * alerts[detector] / store_weeks, at_most=10.0),
            Figure("  hours of series judged a week", series_hours),
        ]
        if detector in {Detector.COUNT_HIGH, Detector.COUNT_LOW}:
            nominal = Thresholds().on(f"{detector}.alpha", _FIRST) * series_hours
            figures.append(Figure("  nominal: alpha times these hours, in 100 weeks", 100 * nominal))
    report(f"alerts on {store_weeks} ordinary weeks of simulated stores", figures)


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
