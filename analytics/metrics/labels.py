"""Shelf labels: how many of the requested updates were confirmed."""

from __future__ import annotations

from dataclasses import dataclass

from analytics.metrics.counts import largest
from analytics.metrics.inputs import Bounds, Inputs, Outcome
from analytics.metrics.spans import Spans
from analytics.metrics.traffic import total

REQUESTED, CONFIRMED, FAILED = "label_updates_requested", "label_updates_confirmed", "label_updates_failed"


@dataclass(frozen=True, slots=True)
class Updates:
    """Updates in a window: counts.

    ``carried_in`` is the most that its answers may owe to requests from before it, ``unseen`` the most that missing
    periods may have held.
    """

    requested: int
    confirmed: int
    failed: int
    carried_in: int = 0
    unseen: int = 0

    @property
    def pending(self) -> int:
        """Requested, neither confirmed nor failed; not below 0 (answers to earlier requests may outnumber them)."""
        return max(0, self.requested - self.confirmed - self.failed)


def success(updates: Updates) -> tuple[float, float, float] | None:
    """Return (share confirmed, low, high).

    Parameters
    ----------
    updates
        Counts of the window.

    Returns
    -------
    tuple of float or None
        Ratios; None where nothing was requested. The share may exceed 1 where answers to requests from before the
        window outnumber what is pending: it is kept, the bounds are within [0, 1].

    Notes
    -----
    confirmed / requested, with pending ones as failures below and as successes above. An answer comes within one
    reporting period at most (a label's deadline is shorter), so only answers of the window's first period may be owed
    to earlier requests, and no more of them than the period before the window holds requests. Missing periods are taken
    to have held at most the largest number of requests of a period seen. No-op successes count as the gateway does.
    Source: update states of SoluM, Hanshow and OpenEPaperLink gateways; pending ones treated as censored.

    Examples
    --------
    >>> success(Updates(requested=100, confirmed=95, failed=2, carried_in=1))
    (0.95, 0.94, 0.99)
    """
    if updates.requested == 0:
        return None
    everything = updates.requested + updates.unseen
    low = max(0, updates.confirmed - updates.carried_in) / everything
    best = updates.confirmed + updates.pending + updates.carried_in + updates.unseen
    high = min(1.0, best / everything)
    return updates.confirmed / updates.requested, min(low, 1.0), high


def measure(inputs: Inputs) -> Outcome:
    """Return confirmed ÷ requested; detail: requested, confirmed, failed, pending."""
    start, end = inputs.window.start_us, inputs.window.end_us
    updates = Updates(
        requested=_within(inputs, REQUESTED, start, end),
        confirmed=_within(inputs, CONFIRMED, start, end),
        failed=_within(inputs, FAILED, start, end),
        carried_in=min(_requested_before(inputs), _answered_first(inputs)),
        unseen=_unseen(inputs),
    )
    detail = {
        "requested": updates.requested,
        "confirmed": updates.confirmed,
        "failed": updates.failed,
        "pending": updates.pending,
    }
    shares = success(updates)
    if shares is None:
        return Outcome(None, detail=detail, undefined="nothing_requested")
    value, low, high = shares
    ground = "pending either way; answers within one period; missing periods up to the largest number requested"
    return Outcome(value, Bounds(low, high, None, ground), detail)


def _within(inputs: Inputs, quantity: str, start_us: int, end_us: int) -> int:
    return sum(
        total(series.slots(inputs.midnights_us).within(start_us, end_us).whole()) for series in inputs.of(quantity)
    )


def _requested_before(inputs: Inputs) -> int:
    """Return the requests of the period before the window; the largest number seen where that period is missing."""
    start = inputs.window.start_us
    before = 0
    for series in inputs.of(REQUESTED):
        slots = series.slots(inputs.midnights_us)
        edge = slots.where((slots.start_us < start) & (slots.end_us > start - series.period_us))
        last = Spans.of([(start - series.period_us, start)]).intersect(series.registered)
        known = last.without(series.accounted(edge)).total_us == 0
        before += total(edge.whole()) if known else largest(slots, series.period_us)
    return before


def _answered_first(inputs: Inputs) -> int:
    """Return the confirmations and failures of the window's first period."""
    start = inputs.window.start_us
    answers = 0
    for series in inputs.of(CONFIRMED, FAILED):
        slots = series.slots(inputs.midnights_us)
        first = (slots.start_us < start + series.period_us) & ((slots.end_us > start) | (slots.start_us >= start))
        answers += total(slots.where(first).whole())
    return answers


def _unseen(inputs: Inputs) -> int:
    """Return the most requests that the worst received of the three quantities may have missed, summed by gateway."""
    requested = {(s.device, s.channel): s for s in inputs.of(REQUESTED)}
    worst: dict[tuple[str, str], int] = {}
    for series in inputs.of(REQUESTED, CONFIRMED, FAILED):
        slots = series.slots(inputs.midnights_us)
        wanted = inputs.window.spans.intersect(series.registered)
        missing_us = wanted.without(series.accounted(slots)).total_us
        periods = -(-missing_us // series.period_us)
        key = (series.device, series.channel)
        most = largest(requested[key].slots(inputs.midnights_us), series.period_us) if key in requested else 0
        worst[key] = max(worst.get(key, 0), periods * most)
    return sum(worst.values())
