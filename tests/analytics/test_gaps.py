from datetime import UTC, datetime, timedelta

import numpy as np
from metric_inputs import claimed, observed

from analytics.gaps import MOST_GAPS, account
from analytics.windows import Window, from_us
from edge.wire.series import Kind
from ingest.store.account import LossFact

START = datetime(2026, 5, 4, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=10), "UTC")
GRID = np.arange(WINDOW.start_us, WINDOW.end_us, 300_000_000)


def loss(first: int, last: int) -> LossFact:
    first_t, last_t = (from_us(int(GRID[i]), WINDOW.zone) for i in (first, last))
    return LossFact("agent", first_t, last_t, 10, "spool_full")


def test_a_gap_is_declared_where_losses_cover_it_and_only_there() -> None:
    keep = np.ones(120, dtype=bool)
    keep[10:20] = keep[40:60] = keep[80:85] = False
    series = observed("entries", GRID[keep], GRID[keep] * 0)
    losses = {"agent": [loss(10, 14), loss(15, 19), loss(40, 50)], "other": [loss(80, 84)]}
    found = claimed(account([series], WINDOW.spans, 0.9, losses, WINDOW))
    assert (found.expected, found.received, found.gaps_total) == (120, 85, 3)
    assert found.ratio == 85 / 120
    lengths = [(gap.end - gap.start) / timedelta(minutes=5) for gap in found.gaps]
    assert lengths == [20, 10, 5]
    assert [gap.declared for gap in found.gaps] == [False, True, False]


def test_at_most_fifty_gaps_are_listed_and_all_are_counted() -> None:
    series = observed("entries", GRID[::2], GRID[::2] * 0)
    found = claimed(account([series, series], WINDOW.spans, 0.9, {}, WINDOW))
    assert (len(found.gaps), found.gaps_total) == (MOST_GAPS, 120)
    assert found.received == 120


def test_silent_series_are_named_with_the_time_since_which_they_are() -> None:
    stopped = observed("entries", GRID[:24], GRID[:24] * 0, device="stopped")
    late = observed("entries", GRID[:-1], GRID[:-1] * 0, device="late")
    never = observed("entries", [], [], device="never")
    alive = observed("bay_occupied", GRID[::12], GRID[::12] * 0, kind=Kind.STATE, period_s=3600.0, device="alive")
    silent = account([stopped, late, never, alive], WINDOW.spans, 0.9, {}, WINDOW).silent
    assert [(s.device, s.ever, s.since_us) for s in silent] == [
        ("never", False, WINDOW.start_us),
        ("stopped", True, int(GRID[24])),
    ]


def test_nothing_expected_is_no_completeness() -> None:
    window = Window(WINDOW.end, WINDOW.end + timedelta(hours=1), "UTC")
    found = claimed(account([], window.spans, 0.9, {}, window))
    assert (found.expected, found.received, found.ratio) == (0, 0, 0.0)
