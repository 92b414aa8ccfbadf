"""Groups of like slots lie on the local clock, also where it is set."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from analytics.detection.like_slots import like_groups, local_slots, members
from analytics.windows import HOUR_US


def test_slots_are_those_of_the_local_clock_over_both_changes_of_time() -> None:
    index = pd.date_range("2005-01-01", "2005-12-31", freq="30min", tz="UTC").as_unit("us")
    there = local_slots(index.asi8, HOUR_US // 2, "America/Los_Angeles")
    local = index.tz_convert("America/Los_Angeles")
    assert there.slot.tolist() == (local.hour * 2 + local.minute // 30).tolist()
    assert there.weekday.tolist() == local.day_of_week.tolist()
    groups = like_groups(there.weekend, there, HOUR_US // 2)
    assert len(set(groups.tolist())) == 96
    assert there.weekend.sum() == (local.day_of_week >= 5).sum()


@given(st.lists(st.integers(-5, 5), max_size=30))
def test_every_place_is_a_member_of_one_group(group: list[int]) -> None:
    array = np.array(group, dtype=np.int64)
    parts = [places.tolist() for places in members(array)]
    assert sorted(place for part in parts for place in part) == list(range(len(group)))
    assert all(len(set(array[part].tolist())) == 1 for part in parts)
    assert len(parts) == len(set(group))
