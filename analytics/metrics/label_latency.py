"""Shelf labels: how long a requested update takes, those that have not come among them."""

from __future__ import annotations

import numpy as np

from analytics.metrics.inputs import Inputs, Outcome
from analytics.metrics.labels import CONFIRMED, FAILED, REQUESTED
from analytics.metrics.spans import Float64
from analytics.metrics.survival import Survival, kaplan_meier, quantile_outcome
from analytics.metrics.traffic import total

LATENCY = "label_update_latency"


def latencies(confirmed_s: Float64, open_updates: int) -> Survival:
    """Return the estimate of how long updates take.

    Parameters
    ----------
    confirmed_s
        float64, seconds from the request to its confirmation, of the updates that were confirmed.
    open_updates
        Updates that failed, or that are pending: right-censored.

    Notes
    -----
    Counts do not say since when an open update waits: it is taken to have waited for longer than every confirmed one,
    so that no quantile is flattered.

    Examples
    --------
    >>> latencies(np.array([3.0, 4.0, 9.0]), 1).quantile(0.5), latencies(np.array([3.0, 4.0, 9.0]), 1).quantile(0.95)
    (4.0, None)
    """
    duration = np.concatenate([confirmed_s, np.full(open_updates, np.inf)])
    return kaplan_meier(duration, np.isfinite(duration))


def measure_median(inputs: Inputs) -> Outcome:
    """Return the seconds in which half of the requested updates are confirmed; detail: confirmed, failed, pending."""
    return _quantile(inputs, 0.5)


def measure_p95(inputs: Inputs) -> Outcome:
    """Return the seconds in which 95 % of them are confirmed; detail: confirmed, failed, pending, share_open."""
    return _quantile(inputs, 0.95)


def _quantile(inputs: Inputs, share: float) -> Outcome:
    start, end = inputs.window.start_us, inputs.window.end_us
    timed = list(inputs.of(LATENCY))
    gateways = {series.device for series in timed}
    found = [part.between(start, end).value for series in timed for part in series.parts]
    confirmed_s = np.concatenate([np.zeros(0), *found])
    requested, confirmed, failed = (_within(inputs, name, gateways) for name in (REQUESTED, CONFIRMED, FAILED))
    pending = max(0, requested - confirmed - failed)
    whole = confirmed_s.size + failed + pending
    detail: dict[str, float] = {"confirmed": confirmed_s.size, "failed": failed, "pending": pending}
    if not timed:
        return Outcome(None, detail=detail, undefined="no_latency_reported")
    if whole == 0:
        return Outcome(None, detail=detail, undefined="nothing_requested")
    detail["share_open"] = (failed + pending) / whole
    return quantile_outcome(latencies(confirmed_s, failed + pending), share, detail)


def _within(inputs: Inputs, quantity: str, gateways: set[str]) -> int:
    """Return the updates counted in the window by the gateways that tell how long they take."""
    start, end = inputs.window.start_us, inputs.window.end_us
    return sum(
        total(series.slots(inputs.midnights_us).within(start, end).whole())
        for series in inputs.of(quantity)
        if series.device in gateways
    )
