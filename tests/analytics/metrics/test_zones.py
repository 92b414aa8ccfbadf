"""Zone heat and stay against the people themselves; zones too small to be shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_inputs import inputs, observed

from analytics.metrics import dwell, zones
from analytics.metrics.inputs import Inputs, Observed
from analytics.metrics.small_cells import hidden
from analytics.windows import Window
from edge.wire.series import Kind

ZONE = ZoneInfo("Asia/Shanghai")
WINDOW = Window(datetime(2026, 5, 4, tzinfo=ZONE), datetime(2026, 5, 5, tzinfo=ZONE), ZONE.key)
MINUTE = 60_000_000
MINUTES = np.arange(WINDOW.start_us, WINDOW.end_us, MINUTE)
RULE = {"small_cell.fewest_persons": 5.0}


def zone(name: str, persons: Any, area_m2: float | None = 50.0, t_us: Any = MINUTES) -> Observed:
    made = observed("occupancy", t_us, persons, device=name, kind=Kind.GAUGE, period_s=60.0, perimeter=None)
    return replace(made, point_kind="counted_zone", zone_id=name, zone_area_m2=area_m2)


def stay(name: str, seconds: Any, t_us: Any) -> Observed:
    made = observed("zone_dwell", t_us, seconds, device=name, kind=Kind.GAUGE, period_s=300.0, perimeter=None)
    return replace(made, point_kind="counted_zone", zone_id=name)


def opening(*series: Observed) -> Inputs:
    made = inputs(WINDOW, series, limits=RULE, opens_at=time(9), closes_at=time(21))
    return replace(made, wanted=made.opening)


def test_six_people_for_an_hour_on_thirty_square_metres() -> None:
    """Six times sixty minutes on 30 m², and as many on 90 m² beside: 12 and 4 person-minutes per m², together 6."""
    persons = np.zeros(1440)
    persons[600:660] = 6
    outcome = zones.measure(opening(zone("a", persons, 30.0), zone("b", persons, 90.0)))
    # Straight between readings: half a minute more before, half less after.
    assert outcome.value == pytest.approx(6)
    assert outcome.detail["by_zone"] == {"a": pytest.approx(12), "b": pytest.approx(4)}
    assert outcome.detail["share_by_zone"] == {"a": 0.5, "b": 0.5}
    at_night = np.zeros(1440)
    at_night[120:180] = 6
    assert zones.measure(opening(zone("a", at_night), zone("b", persons))).value == pytest.approx(3.6)


def test_two_sensors_of_one_zone_share_its_area_and_a_zone_without_area_is_left_out() -> None:
    persons = np.full(1440, 6.0)
    halves = [replace(zone("a", persons), point_id=f"a-{n}") for n in (1, 2)]
    outcome = zones.measure(opening(*halves, zone("b", persons, None)))
    assert outcome.value == pytest.approx(2 * 6 * 720 / 50)
    assert outcome.detail["zones_without_area"] == ["b"]
    assert zones.measure(opening(zone("b", persons, None))).undefined == "no_zone_area"


def test_a_small_zone_is_hidden_and_can_not_be_worked_out() -> None:
    crowd, few = np.full(1440, 9.0), np.full(1440, 3.0)
    one = zones.measure(opening(zone("a", few), zone("b", crowd), zone("c", 2 * crowd)))
    assert set(one.detail["by_zone"]) == set(one.detail["share_by_zone"]) == {"c"}
    assert one.detail["zones_hidden"] == 2
    assert one.value is not None
    alone = zones.measure(opening(zone("a", few)))
    assert (alone.value, alone.undefined) == (None, "small_cell")
    assert "by_zone" not in alone.detail
    unruled = replace(opening(zone("b", crowd)), limits={})
    assert zones.measure(unruled).undefined == dwell.measure_zones(unruled).undefined == "no_limit_in_force"


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 9), max_size=6))
def test_never_a_single_cell_is_hidden_beside_others(persons: dict[str, int]) -> None:
    small = {cell for cell, number in persons.items() if number < 5}
    found = hidden(persons, 5)
    assert small <= found
    assert len(found - small) <= 1
    assert len(found) != 1 or len(persons) == 1
    assert bool(small) == bool(found)


def test_the_mean_stay_of_a_zone_is_near_that_of_the_people_and_certainly_within_the_devices_means() -> None:
    rng = np.random.default_rng(4)
    came = WINDOW.start_us + np.sort(rng.integers(9 * 3600, 20 * 3600, 2_000)) * 1_000_000
    left = came + (rng.gamma(4, 60, came.size) * 1e6).astype(np.int64)
    present = np.searchsorted(came, MINUTES, "right") - np.searchsorted(np.sort(left), MINUTES, "right")
    ends = np.arange(WINDOW.start_us, WINDOW.end_us, 5 * MINUTE)
    slot = (left - WINDOW.start_us) // (5 * MINUTE) + 1
    number = np.bincount(slot, minlength=289)[:288]
    total = np.bincount(slot, weights=(left - came) / 1e6, minlength=289)[:288]
    means = np.divide(total, number, out=np.zeros(288), where=number > 0)
    outcome = dwell.measure_zones(opening(zone("a", present), stay("a", means, ends)))
    true = float((left - came).mean()) / 60e6
    assert outcome.value == pytest.approx(true, rel=0.05)
    assert outcome.detail["by_zone"] == {"a": outcome.value}
    assert outcome.bounds is not None
    assert outcome.bounds.low <= true <= outcome.bounds.high
    assert outcome.bounds.level is None
    holed = dwell.measure_zones(opening(zone("a", present), stay("a", np.delete(means, 150), np.delete(ends, 150))))
    assert holed.bounds is None
    assert dwell.measure_zones(opening(zone("a", present), stay("a", 0 * means, ends))).undefined == "no_stay_told"
    assert dwell.measure_zones(opening(stay("a", means, ends))).undefined == "small_cell"
