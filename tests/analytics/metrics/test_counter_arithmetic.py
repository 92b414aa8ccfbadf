"""Increments of registers against an independent computation that is told what happened: wraps, reboots, resets."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from counter_tools.oracle import Register, increments
from hypothesis import assume, given
from hypothesis import strategies as st

from analytics.metrics.counts import CLOCK_TOLERANCE_US, WRAP_DIVISOR, Slots, register_slots
from edge.wire.series import Counter, Reset

NO_MIDNIGHTS = np.zeros(0, dtype=np.int64)
WIDTHS = st.sampled_from((8, 16, 32))
RESETTING = st.sampled_from((Reset.POWER_ON, Reset.UNKNOWN))
SECOND_US, DAY_US = 1_000_000, 86_400_000_000


def read(register: Register, counter: Counter) -> Slots:
    shown = np.array([reading.shown for reading in register.readings], dtype=np.float64) * counter.step
    return register_slots(np.arange(shown.size), shown, counter, NO_MIDNIGHTS)


def assert_meets(slots: Slots, register: Register, counter: Counter) -> None:
    """Assert each increment, and that their sum is what the device counted, less what a reset took unread."""
    expected = increments(register.readings, register.turn)
    rounding = 1e-15 * max([counter.turn or 0.0, *(reading.shown * counter.step for reading in register.readings)])
    np.testing.assert_allclose(slots.amount, np.array(expected) * counter.step, rtol=1e-12, atol=rounding)
    assert sum(expected) == register.counted - register.lost
    if counter.step == 1:
        assert slots.amount.tolist() == expected


@given(WIDTHS, st.sampled_from((1.0, 0.1, 0.001)), st.data())
def test_a_register_that_never_resets_gives_all_it_counted(width: int, step: float, data: st.DataObject) -> None:
    turn = 2**width
    register = Register(turn, data.draw(st.integers(0, turn - 1)))
    register.read()
    for amount in data.draw(st.lists(st.integers(0, turn - 1), max_size=30)):
        register.count(amount)
        register.read()
    counter = Counter(width_bits=width, reset=Reset.NEVER, step=step)  # type: ignore[arg-type]
    slots = read(register, counter)
    assert_meets(slots, register, counter)
    assert not slots.reset.any()


@dataclass(frozen=True)
class Spell:
    """What happens between two readings: so much is counted, then perhaps a reset, then so much more."""

    before: int
    is_reset: bool
    after: int


def spells(most: int) -> st.SearchStrategy[list[Spell]]:
    amounts = st.integers(0, most)
    return st.lists(st.builds(Spell, amounts, st.booleans(), amounts), min_size=1, max_size=30)


@given(spells(10**6), RESETTING, st.sampled_from((1.0, 0.01)))
def test_a_register_without_a_width_gives_all_that_resets_left(made: list[Spell], rule: Reset, step: float) -> None:
    register = Register()
    register.read()
    for spell in made:
        register.count(spell.before)
        # A reset that shows: past the reading before, by the time of the next one, nobody can see it.
        if spell.is_reset and spell.after < register.readings[-1].shown:
            register.reset()
        register.count(spell.after)
        register.read()
    counter = Counter(width_bits=None, reset=rule, step=step)
    slots = read(register, counter)
    assert_meets(slots, register, counter)
    assert slots.reset.tolist() == [reading.was_reset for reading in register.readings[1:]]


@given(WIDTHS, RESETTING, st.data())
def test_where_both_may_be_wraps_and_resets_are_told_apart(width: int, rule: Reset, data: st.DataObject) -> None:
    """As long as increments are at most 1/64 of the range, and no reset comes in its last 64th."""
    turn = 2**width
    most = turn // WRAP_DIVISOR // 2
    register = Register(turn, data.draw(st.integers(0, turn - 1)))
    register.read()
    for spell in data.draw(spells(most)):
        last = register.readings[-1].shown
        register.count(spell.before)
        if spell.is_reset and spell.after < last and last - spell.after < turn - turn // WRAP_DIVISOR:
            register.reset()
        register.count(spell.after)
        register.read()
    counter = Counter(width_bits=width, reset=rule)  # type: ignore[arg-type]
    slots = read(register, counter)
    assert_meets(slots, register, counter)
    assert slots.reset.tolist() == [reading.was_reset for reading in register.readings[1:]]


@given(
    st.lists(st.tuples(st.integers(1, 20_000), st.integers(100, 5_000)), min_size=2, max_size=60),
    st.integers(-CLOCK_TOLERANCE_US // SECOND_US + 1, CLOCK_TOLERANCE_US // SECOND_US - 1),
    st.booleans(),
)
def test_a_midnight_register_gives_each_day_once_however_its_clock_is_off(
    gaps: list[tuple[int, int]], off_s: int, is_read_at_midnight: bool
) -> None:
    """``off_s``: how late the device's own midnight is; gaps are (seconds to the next reading, counted by then)."""
    seconds = list(accumulate((gap for gap, _ in gaps), initial=43_200))
    if is_read_at_midnight:
        seconds = sorted({*seconds, *range(86_400, seconds[-1], 86_400)})
    amounts = [amount for _, amount in gaps] * 2
    midnights_s = list(range(0, seconds[-1] + 3 * 86_400, 86_400))
    own_s = [midnight + off_s for midnight in midnights_s]
    register = Register()
    register.count(50_000)
    register.read()
    for last, now, amount in zip(seconds, seconds[1:], amounts, strict=False):
        crossed = [own for own in own_s if last < own <= now]
        for _ in crossed:
            register.reset()  # right after the reading before, as nothing is counted in the night
        register.count(amount)
        register.read()
        # One that is read between the two midnights must show by its fall which of them it kept to.
        spans = [(min(pair), max(pair)) for pair in zip(midnights_s, own_s, strict=True)]
        is_between = any(start <= at <= end for start, end in spans for at in (last, now))
        assume(not crossed or not is_between or register.readings[-1].shown < register.readings[-2].shown)
    counter = Counter(width_bits=None, reset=Reset.MIDNIGHT)
    shown = np.array([reading.shown for reading in register.readings], dtype=np.float64)
    slots = register_slots(np.array(seconds) * SECOND_US, shown, counter, np.array(midnights_s) * SECOND_US)
    assert_meets(slots, register, counter)


def test_a_device_that_is_two_minutes_late_does_not_count_its_day_twice() -> None:
    minute_us = 60 * SECOND_US
    t_us = np.array([-5, 1, 6, 11]) * minute_us
    slots = register_slots(t_us, np.array([500.0, 503.0, 1.0, 4.0]), Counter(reset=Reset.MIDNIGHT), np.array([0]))
    assert slots.amount.tolist() == [3.0, 1.0, 3.0]


def test_a_day_without_readings_is_not_taken_for_a_late_midnight() -> None:
    minute_us = 60 * SECOND_US
    t_us = np.array([-5 * minute_us, DAY_US + minute_us, DAY_US + 6 * minute_us])
    midnights = np.array([0, DAY_US])
    slots = register_slots(t_us, np.array([500.0, 700.0, 1.0]), Counter(reset=Reset.MIDNIGHT), midnights)
    assert slots.amount.tolist() == [700.0, 1.0]
