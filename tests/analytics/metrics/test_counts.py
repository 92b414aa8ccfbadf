import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.metrics.counts import interval_slots, register_slots, shares
from edge.wire.series import Counter, Reset

NO_MIDNIGHTS = np.zeros(0, dtype=np.int64)
steps = st.lists(st.integers(0, 900), min_size=1, max_size=40)


@given(steps, st.integers(0, 65_535))
def test_a_register_that_only_wraps_gives_back_the_true_increments(increments: list[int], start: int) -> None:
    true = start + np.concatenate([[0], np.cumsum(increments)])
    shown = (true % 2**16).astype(np.float64)
    slots = register_slots(np.arange(shown.size) * 900, shown, Counter(width_bits=16, reset=Reset.NEVER), NO_MIDNIGHTS)
    assert slots.whole().tolist() == increments
    assert not slots.reset.any()


@given(steps, st.sets(st.integers(1, 39)))
def test_a_register_that_resets_equals_pandas_diff_and_where(increments: list[int], resets: set[int]) -> None:
    shown, at = [0], 0
    for index, increment in enumerate(increments, start=1):
        at = increment if index in resets else at + increment
        shown.append(at)
    values = pd.Series(shown, dtype="float64")
    change = values.diff().iloc[1:]
    expected = change.where(change >= 0, values.iloc[1:])
    counter = Counter(width_bits=None, reset=Reset.POWER_ON)
    slots = register_slots(np.arange(values.size), np.array(shown, dtype=np.float64), counter, NO_MIDNIGHTS)
    assert slots.amount.tolist() == expected.tolist()
    assert (slots.amount >= 0).all()


def test_where_both_may_be_a_small_increment_is_a_wrap_and_a_large_one_a_reset() -> None:
    counter = Counter(width_bits=16, reset=Reset.POWER_ON)
    slots = register_slots(np.arange(4), np.array([65_530.0, 4.0, 12_000.0, 7.0]), counter, NO_MIDNIGHTS)
    assert slots.amount.tolist() == [10.0, 11_996.0, 7.0]
    assert slots.reset.tolist() == [False, False, True]


@pytest.mark.parametrize("at_midnight", [57.0, 0.0])
def test_a_midnight_register_starts_again_also_where_it_does_not_fall(at_midnight: float) -> None:
    counter = Counter(width_bits=None, reset=Reset.MIDNIGHT)
    t = np.array([80, 100, 120, 140])
    slots = register_slots(t, np.array([50.0, at_midnight, 70.0, 75.0]), counter, np.array([100]))
    assert slots.amount.tolist() == [7.0 if at_midnight else 0.0, 70.0, 5.0]
    assert slots.reset.tolist() == ([False, True, False] if at_midnight else [True, False, False])


def test_one_reading_or_none_has_no_increment() -> None:
    counter = Counter(width_bits=None, reset=Reset.NEVER)
    for size in (0, 1):
        assert register_slots(np.arange(size), np.ones(size), counter, NO_MIDNIGHTS).amount.size == 0


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.integers(0, 9_000), st.integers(0, 9_000))
def test_adjacent_windows_share_every_slot_between_them(counts: list[int], edge: int, other: int) -> None:
    slots = interval_slots(np.arange(len(counts)) * 300, np.array(counts, dtype=np.float64), 300)
    first, last = sorted((edge, other))
    parts = [slots.within(-1, first), slots.within(first, last), slots.within(last, 10**9)]
    assert sum(part.whole().sum() for part in parts) == sum(counts)
    split = sum(shares(slots, start, end) for start, end in ((-1, first), (first, last), (last, 10**9)))
    np.testing.assert_allclose(split, 1.0, rtol=1e-12)
