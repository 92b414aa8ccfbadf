"""Shares of time against a count second by second, and bounds against every truth that the readings allow."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analytics.metrics.completeness import SLACK
from analytics.metrics.holding import Doubt, Judged, TimeShare, summed, time_share
from analytics.metrics.spans import Spans

readings = st.lists(st.tuples(st.integers(0, 400), st.booleans()), max_size=30, unique_by=lambda r: r[0]).map(sorted)


def by_second(rows: list[tuple[int, bool]], period: int, wanted: set[int]) -> tuple[int, int, int]:
    says: dict[int, bool] = {}
    for index, (t, held) in enumerate(rows):
        following = rows[index + 1][0] if index + 1 < len(rows) else None
        last = following if following is not None and following - t <= SLACK * period else t + period
        says.update(dict.fromkeys(range(t, last), held))
    heard = {second: held for second, held in says.items() if second in wanted}
    return sum(heard.values()), len(heard), len(wanted) - len(heard)


@given(readings, st.integers(1, 60), st.tuples(st.integers(0, 400), st.integers(0, 400)), st.sampled_from(Doubt))
def test_times_equal_a_count_by_second(
    rows: list[tuple[int, bool]], period: int, span: tuple[int, int], doubt: Doubt
) -> None:
    wanted = Spans.of([span])
    judged = Judged.certain(np.array([t for t, _ in rows], np.int64), np.array([h for _, h in rows], np.bool_))
    found = time_share(judged, period, wanted, doubt)
    assert (found.held_us, found.observed_us, found.missing_us) == by_second(rows, period, set(range(*span)))
    assert 0 <= found.low_us <= found.held_us <= found.high_us <= found.observed_us


@given(st.lists(st.integers(1, 60), min_size=1, max_size=12), st.booleans(), st.integers(2, 9), st.data())
def test_the_bounds_of_a_sampled_state_hold_the_truth(
    spells: list[int], first: bool, period: int, data: st.DataObject
) -> None:
    """Each spell of the truth lasts at least a period, so that no change hides between two samples."""
    lasting = [max(spell, period) for spell in spells]
    truth = [held for i, spell in enumerate(lasting) for held in [first ^ bool(i % 2)] * spell]
    times = [t for t in range(0, len(truth), period) if data.draw(st.integers(0, 9)) > 0]
    judged = Judged.certain(np.array(times, np.int64), np.array([truth[t] for t in times], np.bool_))
    found = time_share(judged, period, Spans.of([(0, len(truth))]), Doubt.SAMPLED)
    low, high = found.bounds
    assert low <= sum(truth) / len(truth) <= high


@given(st.lists(st.integers(1, 50), min_size=1, max_size=12), st.booleans(), st.integers(10, 30))
def test_a_state_reported_on_change_is_exact_while_nothing_is_lost(spells: list[int], first: bool, period: int) -> None:
    truth = [held for i, spell in enumerate(spells) for held in [first ^ bool(i % 2)] * spell]
    changes = [0, *np.flatnonzero(np.diff(np.array(truth, dtype=np.int8))) + 1]
    # A change on the beat itself can't be told from a heartbeat that shows a lost report.
    on_beat = {t for t in changes[1:] if t % period == 0}
    times = sorted({*map(int, changes), *range(0, len(truth), period)})
    judged = Judged.certain(np.array(times, np.int64), np.array([truth[t] for t in times], np.bool_))
    found = time_share(judged, period, Spans.of([(0, len(truth))]), Doubt.ON_CHANGE)
    last = len(truth) - times[-1]
    assert found.held_us == sum(truth)
    assert found.missing_us == 0
    if not on_beat:
        assert found.held_us - found.low_us <= last
        assert found.high_us - found.held_us <= last


@given(
    st.lists(st.integers(1, 200), min_size=2, max_size=14),
    st.integers(20, 40),
    st.lists(st.tuples(st.integers(0, 1_500), st.integers(1, 200)), max_size=3),
)
def test_lost_reports_of_an_on_change_state_stay_within_the_bounds(
    spells: list[int], period: int, outages: list[tuple[int, int]]
) -> None:
    """The sensor is silent in outages and otherwise reports each change and a heartbeat on a fixed beat."""
    lasting = [spell + 2 * period for spell in spells]
    truth = [bool(i % 2) for i, spell in enumerate(lasting) for _ in range(spell)]
    silent = {t for start, length in outages for t in range(start, start + length)}
    changes = {int(t) + 1 for t in np.flatnonzero(np.diff(np.array(truth, dtype=np.int8)))}
    times = sorted(t for t in {*changes, *range(0, len(truth), period)} if t not in silent)
    judged = Judged.certain(np.array(times, np.int64), np.array([truth[t] for t in times], np.bool_))
    found = time_share(judged, period, Spans.of([(0, len(truth))]), Doubt.ON_CHANGE)
    low, high = found.bounds
    assert low <= sum(truth) / len(truth) <= high


def test_a_change_noticed_late_is_within_the_bounds() -> None:
    truth_up = 850  # down from 250 to 400, noticed at 300 and 600
    judged = Judged.certain(np.array([0, 300, 600, 900]), np.array([True, False, True, True]))
    found = time_share(judged, 300, Spans.of([(0, 1_000)]), Doubt.DETECTED)
    assert found.low_us <= truth_up <= found.high_us
    assert found.held_us == 700


def test_sums_are_ratios_of_sums() -> None:
    whole = summed([TimeShare(10, 10, 10, 10, 0), TimeShare(0, 0, 0, 90, 10)])
    assert whole.share == 0.1
    assert whole.bounds == (10 / 110, 20 / 110)
    assert summed([]).share is None
