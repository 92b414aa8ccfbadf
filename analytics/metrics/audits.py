"""What manual counts say of the counters: how near they come to the truth, and how old that knowledge is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from analytics.metrics.inputs import Audit, Inputs, Outcome, bounded
from analytics.metrics.intervals import LEVEL, wilson


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Of some audits: 1 - sum |C - G| / sum G, bias sum (C - G) / sum G, and the mean of |C - G| / G over them."""

    accuracy: float
    bias: float
    mean_error: float
    manual_count: int
    errors: int


def accuracy(audits: Sequence[Audit]) -> Accuracy:
    """Return how near the device's counts C come to the manual ones G.

    Errors of two audits add up, of whichever sign; within one audit misses and false counts that cancel aren't told
    apart.

    Examples
    --------
    >>> found = accuracy([Audit("a", "entries", 100, 97), Audit("b", "entries", 100, 101)])
    >>> found.accuracy, found.bias
    (0.98, -0.01)
    """
    manual = sum(audit.manual_count for audit in audits)
    errors = sum(abs(audit.device_count - audit.manual_count) for audit in audits)
    bias = sum(audit.device_count - audit.manual_count for audit in audits) / manual
    each = [abs(audit.device_count - audit.manual_count) / audit.manual_count for audit in audits]
    return Accuracy((manual - errors) / manual, bias, sum(each) / len(each), manual, errors)


def measure_accuracy(inputs: Inputs) -> Outcome:
    """Return the accuracy of the counters over all their audits; the interval is Wilson's.

    Detail: by_direction (accuracy, bias, mean_error, least: Wilson's lower bound, audited), audits, never_audited.
    """
    audits = _audits(inputs)
    detail: dict[str, object] = {"audits": len(audits), "never_audited": _never(inputs, audits)}
    if not audits:
        return Outcome(None, detail=detail, undefined="never_audited")
    directions = sorted({audit.quantity for audit in audits})
    of_direction = {d: accuracy([audit for audit in audits if audit.quantity == d]) for d in directions}
    detail["by_direction"] = {
        direction: {
            "accuracy": of.accuracy,
            "bias": of.bias,
            "mean_error": of.mean_error,
            "least": _interval(of)[0],
            "audited": of.manual_count,
        }
        for direction, of in of_direction.items()
    }
    whole = accuracy(audits)
    method = "Wilson, errors of audited crossings"
    return Outcome(whole.accuracy, bounded(*_interval(whole), LEVEL, method), detail)


def measure_age(inputs: Inputs) -> Outcome:
    """Return for how many days the counter has not been audited whose last audit is oldest, at the window's end.

    Detail: by_device (the date of its last audit), never_audited.
    """
    dated = [(audit.made_on, audit.device) for audit in _audits(inputs) if audit.made_on is not None]
    last: dict[str, str] = {device: on.isoformat() for on, device in sorted(dated)}
    detail: dict[str, object] = {"never_audited": _never(inputs, _audits(inputs)), "by_device": last}
    if not dated:
        return Outcome(None, detail=detail, undefined="never_audited")
    return Outcome(float(age_of_oldest(dated, inputs.window.last_date)), detail=detail)


def age_of_oldest(made: Sequence[tuple[date, str]], on: date) -> int:
    """Return the days from the last audit of the counter whose last is oldest; audits as (date, counter).

    Examples
    --------
    >>> made = [(date(2026, 1, 5), "north"), (date(2026, 3, 1), "north"), (date(2026, 2, 20), "south")]
    >>> age_of_oldest(made, date(2026, 3, 2))
    10
    """
    last = {counter: made_on for made_on, counter in sorted(made)}
    return (on - min(last.values())).days


def _interval(of: Accuracy) -> tuple[float, float]:
    return wilson(max(of.manual_count - of.errors, 0), of.manual_count, LEVEL)


def _audits(inputs: Inputs) -> list[Audit]:
    """Return the audits of the window's counters that had been made by its end, the oldest first."""
    counted = {(series.device, series.quantity) for series in inputs.series}
    return [audit for audit in inputs.audits if (audit.device, audit.quantity) in counted]


def _never(inputs: Inputs, audits: Sequence[Audit]) -> list[str]:
    return sorted({series.device for series in inputs.series} - {audit.device for audit in audits})
