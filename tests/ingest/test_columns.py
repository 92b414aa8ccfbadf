"""The arrays of a write hold every reading of its batches, in order."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from wire_strategies import batches

from edge.wire.batch import Batch
from edge.wire.model import canonical
from ingest.arrived import ArrivedBatch, arrived
from ingest.columns import columns_of
from ingest.decode import decode_payload


@given(st.lists(batches().filter(lambda b: isinstance(decode_payload(canonical(b)), ArrivedBatch)), max_size=4))
def test_columns_hold_every_reading_in_order(made: list[Batch]) -> None:
    columns = columns_of([arrived(batch) for batch in made])
    expected = sorted(
        (b, series, batch.base_us + offset, ordinal, place)
        for place, (b, batch, series, offset, ordinal) in enumerate(
            (b, batch, series, offset, (batch.ordinal or [0] * len(batch.series))[i])
            for b, batch in enumerate(made)
            for i, (series, offset) in enumerate(zip(batch.series, batch.offset_us, strict=True))
        )
    )
    found = zip(columns.batch, columns.series, columns.t_us, columns.ordinal, columns.place, strict=True)
    assert [tuple(map(int, row)) for row in found] == expected
    values = [value for batch in made for value in batch.value]
    flags = [flag for batch in made for flag in batch.flags]
    assert np.array_equal(columns.value, np.array([values[place] for place in columns.place], np.float64))
    assert columns.flags.tolist() == [flags[place] for place in columns.place]
