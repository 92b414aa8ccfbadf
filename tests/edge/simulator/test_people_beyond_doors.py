"""The street, the tills with their queue and the counted zones of the simulated department store, by brute force."""

from __future__ import annotations

from datetime import date
from functools import cache
from itertools import pairwise

import pytest

from edge.simulator import counted_zones, passers, tills, traffic
from edge.simulator.local_day import MINUTE_US, SECOND_US, SLOT_US, LocalDay, local_day
from edge.simulator.observation import Observation
from edge.simulator.plan import district_plan
from edge.simulator.truth import truth

DAY = date(2026, 5, 9)
STORE = district_plan().stores[1]


@cache
def of_day() -> tuple[LocalDay, dict[str, float]]:
    day = local_day(STORE, DAY)
    return day, truth(STORE, day.start_us, day.end_us)


def test_occupancy_and_stay_equal_looking_each_five_seconds() -> None:
    day, values = of_day()
    visits = traffic.crossings(STORE, DAY)
    looks = range(day.opens_us, day.closes_us, 5 * SECOND_US)
    seen = sum(visits.inside(t) for t in looks) / len(looks)
    assert values["occupancy_mean"] == pytest.approx(seen, rel=1e-3)
    assert values["capacity_use"] == values["occupancy_mean"] / 2_000
    stays = [left - came for came, left in zip(visits.came_us, visits.left_us, strict=True)]
    assert values["dwell_mean"] == pytest.approx(sum(stays) / len(stays) / MINUTE_US)
    assert "dwell_mean" not in truth(STORE, day.start_us, day.closes_us)


def test_everybody_who_comes_in_has_passed() -> None:
    day, values = of_day()
    passed, came = passers.passages(STORE, DAY), traffic.crossings(STORE, DAY).came_us
    assert set(came) <= set(passed)
    in_hours = [t for t in passed if day.opens_us <= t < day.closes_us]
    assert len(in_hours) < len(passed)
    assert values["capture_rate"] == len(came) / len(in_hours)
    (observation,) = passers.observe(STORE, day)
    missed = 1 - sum(observation.value) / len(passed)
    assert 0.015 < missed < 0.045


def test_tills_serve_in_turn_one_at_a_time_and_the_queue_is_who_waits() -> None:
    day, values = of_day()
    made = tills.purchases(STORE, DAY)
    assert [p.joined_us for p in made] == sorted(p.joined_us for p in made)
    assert [p.called_us for p in made] == sorted(p.called_us for p in made)  # first come, first served
    for till in range(3):
        served = [p for p in made if p.till == till]
        assert all(a.paid_us <= b.called_us for a, b in pairwise(served))
    for purchase in made:  # nobody waits while a till is free
        busy = sum(p.called_us < purchase.called_us <= p.paid_us for p in made)
        assert purchase.called_us == purchase.joined_us or busy >= 2
    leaving = iter(traffic.crossings(STORE, DAY).left_us)
    assert all(any(p.paid_us < left for left in leaving) for p in sorted(made, key=lambda p: p.paid_us))
    looks = range(day.opens_us, day.closes_us, MINUTE_US)
    joined, called = ([p[column] for p in made] for column in (0, 1))
    waiting = sum(sum(j <= t for j in joined) - sum(c <= t for c in called) for t in looks) / len(looks)
    assert values["queue_length_mean"] == pytest.approx(waiting, rel=0.1)
    assert values["queue_wait_mean"] == pytest.approx(sum(called) / len(made) / 1e6 - sum(joined) / len(made) / 1e6)
    assert values["conversion_rate"] == len(made) / len(traffic.crossings(STORE, DAY).came_us)
    *receipts, queue = tills.observe(STORE, day)
    assert [sum(each.value) for each in receipts] == [sum(p.till == till for p in made) for till in range(3)]
    at = list(queue.t_us).index(day.start_us + 19 * 60 * MINUTE_US)
    assert queue.value[at] == sum(p.joined_us <= queue.t_us[at] < p.called_us for p in made)
    assert max(queue.value) > 5


def test_zones_are_counted_exactly_and_time_the_stays_that_ended() -> None:
    day, values = of_day()
    seen: dict[tuple[str, str], Observation] = {
        (each.series.channel, each.series.quantity): each for each in counted_zones.observe(STORE, day)
    }
    spent_min = 0.0
    for number, zone in enumerate(STORE.habits.counted_zones, start=1):
        made = counted_zones.stays(STORE, DAY, zone)
        spent_min += sum(max(0, min(b, day.closes_us) - max(a, day.opens_us)) for a, b in made) / MINUTE_US
        present, mean = seen[f"region-{number}", "occupancy"], seen[f"region-{number}", "zone_dwell"]
        at = 15 * 60
        assert present.value[at] == sum(a <= present.t_us[at] < b for a, b in made) > 0
        slot = 15 * 12
        ended = [b - a for a, b in made if mean.t_us[slot] - SLOT_US <= b < mean.t_us[slot]]
        assert mean.value[slot] == pytest.approx(sum(ended) / len(ended) / SECOND_US)
        assert max(present.value) >= 5  # may be shown
    assert values["zone_heat"] == pytest.approx(spent_min / 200.0)


def test_the_crossings_of_the_doors_are_what_they_were() -> None:
    """Seeds of what was added touch no draw that was there."""
    day = local_day(STORE, date(2026, 5, 11))
    assert traffic.true_counts(STORE, day, day.start_us, day.end_us) == (3383, 3383)
