"""The source that plays a simulated store: each reading once, from any position on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.readings import ReadingGroup
from edge.sources.simulated_store import SimulatedStore, SimulatedStoreSettings
from edge.wire.series import Origin

DAY = date(2026, 5, 4)
NEXT = DAY + timedelta(days=1)
STORE = "sim-store-c"
GROUPS_A_DAY = 288


def _settings(*days: date, follow: bool = False, store: str = STORE) -> SimulatedStoreSettings:
    return SimulatedStoreSettings(name="store", store=store, days=days, follow=follow)


def _keys(groups: list[ReadingGroup]) -> list[tuple[str, int, float]]:
    return [(r.series.definition, r.t_us, r.value) for group in groups for r in group.readings]


@pytest.fixture(scope="module")
def two_days() -> list[ReadingGroup]:
    return list(_settings(DAY, NEXT).build().groups(None, Event()))


def test_days_are_played_in_groups_of_five_minutes(two_days: list[ReadingGroup]) -> None:
    assert len(two_days) == 2 * GROUPS_A_DAY
    assert all(group.origin is Origin.SIMULATED for group in two_days)
    assert all(0 < len(group.readings) <= 500 for group in two_days)
    assert two_days[0].position == "2026-05-04/0"
    assert 15_000 <= sum(len(group.readings) for group in two_days[:GROUPS_A_DAY]) <= 40_000


def test_no_reading_is_played_twice(two_days: list[ReadingGroup]) -> None:
    keys = [(definition, t_us) for definition, t_us, _ in _keys(two_days)]
    assert len(set(keys)) == len(keys)


def test_two_plays_are_equal(two_days: list[ReadingGroup]) -> None:
    again = list(_settings(DAY, NEXT).build().groups(None, Event()))
    assert _keys(again) == _keys(two_days)


def test_another_seed_plays_other_values(two_days: list[ReadingGroup]) -> None:
    other = SimulatedStoreSettings(name="store", store=STORE, seed=2, days=(DAY,)).build().groups(None, Event())
    assert _keys(list(islice(other, 200))) != _keys(two_days[:200])


@settings(max_examples=8, deadline=None)
@given(done=st.integers(0, 2 * GROUPS_A_DAY - 1))
def test_a_play_resumes_from_any_position(two_days: list[ReadingGroup], done: int) -> None:
    resumed = list(_settings(DAY, NEXT).build().groups(two_days[done].position, Event()))
    assert [group.position for group in resumed] == [group.position for group in two_days[done + 1 :]]
    assert _keys(resumed) == _keys(two_days[done + 1 :])


def test_a_day_is_the_same_whatever_is_played_before_it(two_days: list[ReadingGroup]) -> None:
    alone = _keys(list(_settings(NEXT).build().groups(None, Event())))
    after = _keys(two_days[GROUPS_A_DAY:])
    opening = set(alone) - set(after)
    assert set(after) < set(alone)
    assert {"active_energy" in definition for definition, _, _ in opening} == {True}
    assert {t_us for _, t_us, _ in opening} == {min(t_us for _, t_us, _ in alone)}


def test_days_apart_each_begin_with_their_registers() -> None:
    later = DAY + timedelta(days=7)
    groups = list(_settings(later, DAY).build().groups(None, Event()))
    energy = [t_us for definition, t_us, _ in _keys(groups) if "active_energy" in definition]
    assert len(energy) == len(set(energy)) == 2 * 97
    assert groups[0].position.startswith(later.isoformat())


class _Clock:
    """A wall clock that jumps ahead when the source waits for it."""

    def __init__(self, at: datetime) -> None:
        self.now = at
        self.waits = 0

    def __call__(self) -> float:
        return self.now.timestamp()

    def stop(self) -> Event:
        clock = self

        class Jumping(Event):
            def wait(self, timeout: float | None = None) -> bool:
                assert timeout is not None
                clock.now += timedelta(seconds=timeout)
                clock.waits += 1
                return self.is_set()

        return Jumping()


def _followed(clock: _Clock, position: str | None, *days: date) -> Iterator[ReadingGroup]:
    return SimulatedStore(_settings(*days, follow=True), clock).groups(position, clock.stop())


def test_following_plays_today_up_to_now_and_then_waits() -> None:
    clock = _Clock(datetime(2026, 5, 5, 2, 2, tzinfo=UTC))  # 10:02 in Shanghai
    groups = _followed(clock, None, DAY)
    listed = list(islice(groups, GROUPS_A_DAY))
    assert listed[-1].position == "2026-05-04/287"
    past = list(islice(groups, 120))
    assert past[-1].position == "2026-05-05/119"
    assert clock.waits == 0
    coming = next(groups)
    assert coming.position == "2026-05-05/120"
    assert clock.now == datetime(2026, 5, 5, 2, 5, tzinfo=UTC)
    assert _keys([*past, coming]) == _keys(list(_settings(DAY, NEXT).build().groups("2026-05-04/287", Event()))[:121])


def test_following_goes_on_over_midnight_without_repeating_a_register() -> None:
    clock = _Clock(datetime(2026, 5, 5, 15, 52, tzinfo=UTC))  # 23:52 in Shanghai
    groups = list(islice(_followed(clock, "2026-05-05/285", DAY), 5))
    assert [group.position for group in groups][1:3] == ["2026-05-05/287", "2026-05-06/0"]
    energy = [key for key in _keys(groups) if "active_energy" in key[0]]
    assert len(energy) == len(set(energy))


def test_a_follower_that_was_away_catches_up_from_where_it_stopped() -> None:
    clock = _Clock(datetime(2026, 5, 7, 2, 0, tzinfo=UTC))
    groups = list(islice(_followed(clock, "2026-05-05/287"), 2 * GROUPS_A_DAY))
    assert groups[0].position == "2026-05-06/0"
    assert groups[-1].position == "2026-05-07/287"


def test_a_stopped_play_ends(two_days: list[ReadingGroup]) -> None:
    stop = Event()
    groups = _settings(DAY, NEXT).build().groups(None, stop)
    first = next(groups)
    stop.set()
    assert [first.position, *(group.position for group in groups)] == [two_days[0].position]


def test_wrong_settings_say_what_to_do() -> None:
    with pytest.raises(ValidationError, match="choose one of sim-store-a"):
        _settings(DAY, store="sim-store-z")
    with pytest.raises(ValidationError, match="follow = true"):
        _settings()
    with pytest.raises(ValidationError, match="twice"):
        _settings(DAY, DAY)


@pytest.mark.parametrize("position", ["2026-01-01/5", "17", "2026-05-04/x"])
def test_a_position_of_another_play_is_refused(position: str) -> None:
    with pytest.raises(ValueError, match="another name"):
        next(_settings(DAY).build().groups(position, Event()))
