"""Completeness over a metric's series, and its gaps: declared where an agent's loss record covers them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from analytics.metrics.completeness import received
from analytics.metrics.inputs import Observed
from analytics.metrics.spans import Spans
from analytics.results import Completeness, Gap
from analytics.windows import Window, from_us, to_us
from ingest.store.account import LossFact

MOST_GAPS = 50
SILENT_PERIODS = 3
"""A device counts as silent at the end of a window when it has missed this many periods."""

Losses = Mapping[str, Sequence[LossFact]]
"""Declared losses by agent."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A series that says nothing at the end of the window, or in all of it."""

    device: str
    quantity: str
    channel: str
    agent: str
    since_us: int
    ever: bool
    """Whether it had reported before, as far as was fetched."""


@dataclass(frozen=True, slots=True)
class Account:
    """What was received for a metric, and which series are silent."""

    completeness: Completeness | None
    """None where nothing can be told: every series reports single events of a device of which nobody says more."""
    silent: tuple[Silence, ...]
    not_claimed: tuple[str, ...] = ()
    """Devices whose single events are counted without a word on how many are missing."""


def account(observed: Iterable[Observed], wanted: Spans, floor: float, losses: Losses, window: Window) -> Account:
    """Return the completeness of some series over the wanted time; no interval expected gives a ratio of 0."""
    expected = got = 0
    found: list[tuple[int, int, Observed]] = []
    silent: list[Silence] = []
    every = list(observed)
    claimed = [series for series in every if series.claims_completeness]
    not_claimed = tuple(sorted({series.device for series in every if not series.claims_completeness}))
    if every and not claimed:
        return Account(None, (), not_claimed)
    for series in claimed:
        due = wanted.intersect(series.registered)
        one = received(series.cover(), series.period_us, due)
        expected, got = expected + one.expected, got + one.received
        found += [(start, end, series) for start, end in _cut_at_removal(one.gaps, series)]
        if (
            due.end.size
            and not _is_removed(int(due.end[-1]) - 1, series)
            and one.gaps.end.size
            and one.gaps.end[-1] == due.end[-1]
        ):
            silence = _silence(series, one.gaps, due)
            # One late reading at the end of a window is a gap, not yet a device to look after.
            if not silence.ever or int(due.end[-1]) - silence.since_us >= SILENT_PERIODS * series.period_us:
                silent.append(silence)
    longest = sorted(found, key=lambda gap: (gap[0] - gap[1], gap[0], gap[2].device, gap[2].quantity, gap[2].channel))
    gaps = tuple(_gap(start, end, series, losses, window) for start, end, series in longest[:MOST_GAPS])
    completeness = Completeness(
        expected=expected,
        received=got,
        ratio=got / expected if expected else 0.0,
        floor=floor,
        gaps=gaps,
        gaps_total=len(found),
    )
    by_time = sorted(silent, key=lambda s: (s.since_us, s.device, s.quantity, s.channel))
    return Account(completeness, tuple(by_time), not_claimed)


def _is_removed(at_us: int, series: Observed) -> bool:
    return series.removed_before_us is not None and at_us < series.removed_before_us


def _cut_at_removal(gaps: Spans, series: Observed) -> Iterator[tuple[int, int]]:
    """Yield gaps, and in two parts one that goes on after what is removed: it was silent then."""
    for start, end in gaps.pairs():
        edge = series.removed_before_us
        if edge is not None and start < edge and end >= edge + series.period_us:
            yield start, edge
            yield edge, end
        else:
            yield start, end


def _silence(series: Observed, gaps: Spans, due: Spans) -> Silence:
    """Return since when a series is silent: its last gap, and those before it with no reading between."""
    cover = series.cover()
    heard = cover.end[cover.end <= gaps.end[-1]]
    since = max(int(heard[-1]), int(due.start[0])) if heard.size else int(due.start[0])
    return Silence(series.device, series.quantity, series.channel, series.agent, since, bool(heard.size))


def _gap(start: int, end: int, series: Observed, losses: Losses, window: Window) -> Gap:
    return Gap(
        device=series.device,
        quantity=series.quantity,
        channel=series.channel,
        start=from_us(start, window.zone),
        end=from_us(end, window.zone),
        declared=_declared(start, end, series, losses.get(series.agent, ())),
        removed=_is_removed(start, series),
    )


def _declared(start: int, end: int, series: Observed, losses: Sequence[LossFact]) -> bool:
    """Return whether losses of the agent cover a gap, but for one period on either side.

    A loss names the times of its first and last reading, of any series: this one's may lie up to a period within, and
    its last reading speaks for a period more. Losses less than a period apart are one.
    """
    period = series.period_us
    lost = Spans.union(
        [to_us(loss.first_t) - period for loss in losses], [to_us(loss.last_t) + 2 * period for loss in losses]
    )
    return int(lost.measure(start, end)) == end - start
