"""Events of one instant are told apart by their ordinals, and readings of other instants are left as they are."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from edge.decoders.decoder import Decoded
from edge.decoders.device_series import series
from edge.decoders.json_parts import numbered
from edge.readings import Reading
from edge.wire.series import Kind, Series

SERIES = [series("door-a", quantity, "line2", Kind.EVENT) for quantity in ("entries", "exits")]


@given(st.lists(st.tuples(st.sampled_from(SERIES), st.integers(0, 3)), max_size=30))
def test_keys_are_unique_and_count_up(happened: list[tuple[Series, int]]) -> None:
    before = tuple(Reading(of, t_us, 1.0) for of, t_us in happened)
    after = numbered(Decoded(before)).readings
    assert [reading._replace(ordinal=0) for reading in after] == list(before)
    ordinals = defaultdict(list)
    for reading in after:
        ordinals[reading.series.quantity, reading.t_us].append(reading.ordinal)
    assert all(found == list(range(len(found))) for found in ordinals.values())
