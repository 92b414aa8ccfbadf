"""What becomes of a store's alerts when some of its time is judged, for the first time or again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analytics.alerts.judging import Judged
from analytics.metrics.spans import Int64, Spans
from analytics.windows import HOUR_US, to_us
from ingest.store.alerts import Standing, StoredAlert
from ingest.store.entries import instant

Key = tuple[str, str]
"""Detector and subject."""
ENDED, WITHDRAWN = "ended", "withdrawn"


@dataclass(frozen=True, slots=True)
class Found:
    """Hours in a row that a detector flags, [start, end) in µs, with the figures of the worst of them."""

    detector: str
    subject: str
    start_us: int
    end_us: int
    measured: float | None
    expected: float | None


@dataclass(frozen=True, slots=True)
class Changes:
    """Alerts that are new or not what they were, and those whose cause is gone."""

    standings: tuple[Standing, ...]
    withdrawn: tuple[StoredAlert, ...]


def found_in(start_us: Int64, judged: Judged) -> Iterator[Found]:
    """Yield the flagged hours of a verdict, those in a row as one."""
    flagged = judged.flagged
    for begin, end in Spans.union(start_us[flagged], start_us[flagged] + HOUR_US).pairs():
        inside = np.flatnonzero((start_us >= begin) & (start_us < end))
        apart = np.abs(judged.measured[inside] - judged.expected[inside])
        worst = int(inside[np.argmax(np.nan_to_num(apart, nan=0.0))])
        figures = (_figure(float(column[worst])) for column in (judged.measured, judged.expected))
        yield Found(judged.detector, judged.subject, begin, end, *figures)


def _figure(value: float) -> float | None:
    return value if np.isfinite(value) else None


def reconcile(standing: Sequence[StoredAlert], found: Iterable[Found], start_us: int, end_us: int) -> Changes:
    """Return what changes when [start, end) is judged and ``found`` is what detectors flag in it.

    Parameters
    ----------
    standing
        The store's alerts that are open, or ended at ``start_us`` or later; none that was withdrawn.
    found
        Hours within [start, end).
    start_us, end_us
        What is judged; nothing after ``end_us`` is known.

    Returns
    -------
    Changes
        Of one detector and subject, hours that touch are one alert: outside of what is judged those of the alerts as
        they stand, inside what was found. Each alert keeps the hours that it touches; where several would be one, the
        oldest is. An alert whose hours reach the end is open, another has ended; one without hours is withdrawn.

    Notes
    -----
    Judging the same again changes nothing: a run that was cut off is simply done again.
    """
    by_key: dict[Key, tuple[list[StoredAlert], list[Found]]] = defaultdict(lambda: ([], []))
    for alert in standing:
        by_key[alert.detector, alert.subject][0].append(alert)
    for each in found:
        by_key[each.detector, each.subject][1].append(each)
    standings: list[Standing] = []
    withdrawn: list[StoredAlert] = []
    for key, (alerts, new) in sorted(by_key.items()):
        kept = _reconcile_one(key, alerts, new, Spans.of([(start_us, end_us)]))
        standings += [s for s in kept if s not in {_as_it_stands(alert) for alert in alerts}]
        ids = {s.alert_id for s in kept}
        withdrawn += [alert for alert in alerts if alert.alert_id not in ids]
    # Of one subject one alert at most is open: an open one is closed before another is opened.
    standings.sort(key=lambda s: (s.alert_id is None, s.cleared_because is None))
    return Changes(tuple(standings), tuple(withdrawn))


def _reconcile_one(key: Key, alerts: list[StoredAlert], new: list[Found], judged: Spans) -> list[Standing]:
    old = Spans.of([_span(alert) for alert in alerts]).without(judged)
    hours = Spans.of([*old.pairs(), *((each.start_us, each.end_us) for each in new)])
    free = sorted(alerts, key=lambda alert: alert.alert_id)
    kept = []
    for start_us, end_us in hours.pairs():
        mates = [alert for alert in free if _touches(_span(alert), start_us, end_us)]
        free = [alert for alert in free if alert not in mates]
        figures = [(f.measured, f.expected) for f in new if start_us <= f.start_us < end_us]
        figures += [(a.measured, a.expected) for a in mates if not figures or _span(a)[0] < judged.start[0]]
        measured, expected = max(figures, key=_apart)
        cleared = None if end_us >= int(judged.end[-1]) else ENDED
        alert_id = mates[0].alert_id if mates else None
        kept.append(Standing(alert_id, *key, instant(start_us), instant(end_us), measured, expected, cleared))
    return kept


def _apart(figures: tuple[float | None, float | None]) -> float:
    measured, expected = figures
    return -1.0 if measured is None else abs(measured - (expected or 0.0))


def _span(alert: StoredAlert) -> tuple[int, int]:
    return to_us(alert.started_at), to_us(alert.ended_at)


def _touches(span: tuple[int, int], start_us: int, end_us: int) -> bool:
    return span[0] <= end_us and start_us <= span[1]


def _as_it_stands(alert: StoredAlert) -> Standing:
    return Standing(
        alert.alert_id,
        alert.detector,
        alert.subject,
        alert.started_at,
        alert.ended_at,
        alert.measured,
        alert.expected,
        alert.cleared_because,
    )
