"""The recordings with labels, and what detectors find in them: the benchmark prints it, a test holds its figures."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from analytics.detection.change_points import change_points, penalty_of
from analytics.detection.count_tail import Expected, expected, flagged_slots, flagged_spans, tails
from analytics.detection.discriminant import trained
from analytics.detection.like_slots import like_groups, local_slots, members
from analytics.detection.robust_z import FLAG_ABOVE, robust_z
from analytics.detection.seasonal_naive import forecast
from analytics.metrics.spans import Bool, Float64, Int64, Spans
from analytics.windows import DAY_US, HOUR_US, to_us

HALF_HOUR_US = HOUR_US // 2
SIMPLE_ALPHAS = (1e-2, 1e-3, 1e-4, 1e-5)
"""Those of the simple rule; ours is compared where it makes no more detections."""
NAB_FILES = ("ambient_temperature_system_failure", "machine_temperature_system_failure", "nyc_taxi")
_PROBATION = 0.15


def _naive_us(text: str, form: str) -> int:
    """Return a local time without zone as if it were UTC: like slots are all that is asked of it."""
    return to_us(datetime.strptime(text, form).replace(tzinfo=UTC))


@dataclass(frozen=True)
class Events:
    """Counts of a door by half hours, and what was labelled."""

    start_us: Int64
    entries: Float64
    labelled: list[tuple[int, int]]

    def hits(self, found: Spans, tolerance_us: int = 0) -> int:
        """Return how many labelled events a detection touches."""
        wide = [Spans.of([(start - tolerance_us, end + tolerance_us)]) for start, end in self.labelled]
        return sum(bool(event.intersect(found).total_us) for event in wide)


def calit2(folder: Path) -> Events:
    """Return the door's entries by the start of their half hours: a stamp ends its slot."""
    form = "%m/%d/%y %H:%M:%S"
    with (folder / "calit2" / "CalIt2.data.csv").open(newline="") as file:
        rows = sorted(
            (_naive_us(f"{row['date']} {row['time_stamp']}", form) - HALF_HOUR_US, float(row["count"]))
            for row in csv.DictReader(file)
            if row["flow"] == "9"
        )
    with (folder / "calit2" / "CalIt2.events.csv").open(newline="") as file:
        labelled = [
            (_naive_us(f"{row['date']} {row['time_start']}", form), _naive_us(f"{row['date']} {row['time_end']}", form))
            for row in csv.DictReader(file)
        ]
    table = np.array(rows)
    return Events(table[:, 0].astype(np.int64), table[:, 1], labelled)


@dataclass(frozen=True)
class Found:
    """What a rule found in the labelled counts."""

    rule: str
    detections: int
    hits: int
    hits_within_half_an_hour: int
    flagged_h: float
    alpha: float


def event_findings(events: Events) -> Iterator[tuple[Found, ...]]:
    """Yield for each alpha of the simple rule what it found, and what ours find with no more detections."""
    slots = local_slots(events.start_us, HALF_HOUR_US, "UTC")
    simple = _simple(events, like_groups(slots.weekday, slots, HALF_HOUR_US))
    like = expected(events.entries, like_groups(slots.weekend, slots, HALF_HOUR_US))
    ours = {length: tails(events.entries, like, length).upper for length in (1, 2)}
    for alpha in SIMPLE_ALPHAS:
        plain = _found(events, "Poisson tail by weekday", simple, alpha, 1)
        yield (
            plain,
            _at_most(events, "over-dispersed, day type, half hours", ours[1], 1, plain.detections),
            _at_most(events, "over-dispersed, day type, hours", ours[2], 2, plain.detections),
        )


def _simple(events: Events, group: Int64) -> Float64:
    mean = np.empty(events.entries.size)
    for places in members(group):
        mean[places] = max(0.5, float(np.median(events.entries[places])))
    return tails(events.entries, Expected(mean, np.ones(mean.size))).upper


def _found(events: Events, rule: str, probability: Float64, alpha: float, length: int) -> Found:
    flagged = flagged_slots(probability, alpha, length)
    spans = flagged_spans(events.start_us, HALF_HOUR_US, flagged)
    near = events.hits(spans, HALF_HOUR_US)
    return Found(rule, spans.start.size, events.hits(spans), near, spans.total_us / HOUR_US, alpha)


def _at_most(events: Events, rule: str, probability: Float64, length: int, detections: int) -> Found:
    """Return what the largest alpha finds up to which there are no more detections."""

    def count(alpha: float) -> int:
        return flagged_spans(events.start_us, HALF_HOUR_US, flagged_slots(probability, alpha, length)).start.size

    chosen = 0.0
    for alpha in np.unique(probability).tolist():
        if count(alpha) > detections:
            break
        chosen = alpha
    return _found(events, rule, probability, chosen, length)


@dataclass(frozen=True)
class Alarms:
    """What a detector made of a file of the Numenta Anomaly Benchmark."""

    detector: str
    windows: int
    windows_hit: int
    false_alarms: int
    weeks: float

    @property
    def false_alarms_a_week(self) -> float:
        """False alarms a week outside of the labelled windows."""
        return self.false_alarms / self.weeks


def nab_alarms(folder: Path, name: str) -> list[Alarms]:
    """Return what each detector finds in hourly means of a file: fixed settings, the same for all files."""
    start_us, value = _hourly(folder / "nab" / "realKnownCause" / f"{name}.csv")
    windows = _nab_windows(folder / "nab" / "combined_windows.json", name)
    slots = local_slots(start_us, HOUR_US, "UTC")
    z = robust_z(value, like_groups(slots.weekend, slots, HOUR_US))
    flagged = {"robust z by day type and hour, whole file": np.abs(z) > FLAG_ABOVE}
    for days in (1, 7):
        made = forecast(start_us, value, days, "UTC", level=0.99)
        flagged[f"seasonal naive of {days} d, 99 %, from the past"] = (value < made.lower) | (value > made.upper)
    found = [_alarms(label, start_us, which, windows) for label, which in flagged.items()]
    return [*found, _alarms("change of the daily mean, whole file", *_changes(start_us, value), windows)]


def _changes(start_us: Int64, value: Float64) -> tuple[Int64, Bool]:
    """Return the hours with a mark on the first of each day at which the level of the daily means changed."""
    days = list(members(start_us // DAY_US))
    means = np.array([np.nanmean(value[places]) if np.isfinite(value[places]).any() else np.nan for places in days])
    marked = np.zeros(start_us.size, dtype=np.bool_)
    for place in change_points(means, penalty_of(means)):
        marked[days[place][0]] = True
    return start_us, marked


def _hourly(path: Path) -> tuple[Int64, Float64]:
    with path.open(newline="") as file:
        rows = [(_naive_us(row["timestamp"], "%Y-%m-%d %H:%M:%S"), float(row["value"])) for row in csv.DictReader(file)]
    hour = np.array([t_us for t_us, _ in rows]) // HOUR_US
    place = hour - hour.min()
    number = np.bincount(place)
    mean = np.bincount(place, weights=[value for _, value in rows]) / np.where(number, number, 1)
    hours = np.arange(hour.min(), hour.max() + 1) * HOUR_US
    return hours.astype(np.int64), np.where(number > 0, mean, np.nan)


def _nab_windows(path: Path, name: str) -> Spans:
    form = "%Y-%m-%d %H:%M:%S.%f"
    pairs = json.loads(path.read_text())[f"realKnownCause/{name}.csv"]
    return Spans.of([(_naive_us(first, form), _naive_us(last, form)) for first, last in pairs])


def _alarms(detector: str, start_us: Int64, flagged: Bool, windows: Spans) -> Alarms:
    """Count alarms after the benchmark's probation; hours in a row are one alarm."""
    probation_us = int(start_us[0] + _PROBATION * (start_us[-1] - start_us[0]))
    alarms = flagged_spans(start_us, HOUR_US, flagged & (start_us >= probation_us))
    each = [Spans.of([pair]) for pair in alarms.pairs()]
    hit = sum(bool(Spans.of([pair]).intersect(alarms).total_us) for pair in windows.pairs())
    false = sum(not alarm.intersect(windows).total_us for alarm in each)
    judged = Spans.of([(probation_us, int(start_us[-1]))])
    weeks = (judged.total_us - judged.intersect(windows).total_us) / (7 * DAY_US)
    return Alarms(detector, windows.start.size, hit, false, weeks)


SENSORS = ("Temperature", "Humidity", "Light", "CO2", "HumidityRatio")


def room_accuracy(folder: Path, sensors: Sequence[str]) -> tuple[float, float]:
    """Return the shares of both test files' rows that the discriminant of the training file tells rightly."""
    learned = trained(*_room(folder / "occupancy_detection" / "datatraining.txt", sensors))
    tests = [_room(folder / "occupancy_detection" / f"{name}.txt", sensors) for name in ("datatest", "datatest2")]
    first, second = (float(np.mean(learned.occupied(rows) == truth)) for rows, truth in tests)
    return first, second


def _room(path: Path, sensors: Sequence[str]) -> tuple[Float64, Bool]:
    with path.open(newline="") as file:
        header = ["row", *next(csv.reader(file))]  # the rows have a number in front that the header lacks
        rows = [dict(zip(header, row, strict=True)) for row in csv.reader(file)]
    table = np.array([[float(row[sensor]) for sensor in sensors] for row in rows])
    return table, np.array([row["Occupancy"] == "1" for row in rows])


def missing(folder: Path) -> list[str]:
    """Return which of the recordings are not in the folder."""
    return [name for name in ("calit2", "nab", "occupancy_detection") if not (folder / name).is_dir()]
