"""Encoding without validation gives the very text of the validated document, for any reading that passes the screen."""

from __future__ import annotations

from uuid import UUID

from edge_tools.readings import BOOT, refusal
from hypothesis import given
from hypothesis import strategies as st
from wire_strategies import FINITE, SHA, losses, series

from edge.readings import Reading
from edge.spool.screening import all_usable, unusable
from edge.spool.seal import Link, Stamp, TableBook, draft, encode, encode_again, refusal_portions
from edge.wire.batch import Batch, Flag, Loss, ResealedFrom
from edge.wire.decode import decode
from edge.wire.model import canonical, digest
from edge.wire.series import Origin, Series

SPOOL = UUID(int=9)
STAMP = Stamp(BOOT, 1_750_000_000_000_000, 5)

readings = st.builds(
    Reading,
    series=series(),
    t_us=st.integers(-(2**61), 2**61),
    value=FINITE | st.integers(-(2**40), 2**40),
    flags=st.integers(0, 2**15 - 1) | st.sampled_from(Flag),
    ordinal=st.sampled_from([0, 0, 0, 1, 2**15 - 1]),
)


@given(st.lists(readings, min_size=1, max_size=30), st.lists(losses(), max_size=3), SHA)
def test_payloads_are_canonical_and_hold_what_was_read(taken: list[Reading], lost: list[Loss], previous: str) -> None:
    seen = {reading.series.definition: reading.series for reading in taken}
    table, stopped = TableBook().table_for(Origin.MEASURED, seen)
    assert table is not None
    assert not stopped
    payload, sha256 = encode(draft(Origin.MEASURED, table, taken), Link(SPOOL, 2, previous), STAMP, lost)
    document = decode(payload)
    assert isinstance(document, Batch)
    assert canonical(document) == payload
    assert digest(payload) == sha256
    assert document.losses == lost
    assert [table.series[number].definition for number in document.series] == [r.series.definition for r in taken]
    assert [document.base_us + offset for offset in document.offset_us] == [r.t_us for r in taken]
    assert document.value == [r.value for r in taken]
    assert document.flags == [r.flags for r in taken]
    assert (document.ordinal or [0] * len(taken)) == [r.ordinal for r in taken]

    carried_from = ResealedFrom(spool=SPOOL, sequence=2, sha256=sha256)
    again, _ = encode_again(payload, carried_from, Link(UUID(int=10), 1, None), [])
    changed = {"spool": UUID(int=10), "sequence": 1, "previous": None, "losses": [], "resealed_from": carried_from}
    assert decode(again) == document.model_copy(update=changed)


@given(
    st.lists(
        st.builds(
            Reading,
            series=series(),
            t_us=st.integers(-(2**63), 2**63),
            value=st.floats(),
            flags=st.integers(-5, 2**16),
            ordinal=st.integers(-5, 2**16),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_the_quick_screen_says_what_the_exact_one_says(taken: list[Reading]) -> None:
    assert all_usable(taken) == all(unusable(reading) is None for reading in taken)


@given(st.lists(st.integers(0, 4096), max_size=200))
def test_refusals_are_cut_into_portions_in_their_order(lengths: list[int]) -> None:
    refusals = [refusal("a" * length, str(number)) for number, length in enumerate(lengths)]
    portions = list(refusal_portions(refusals))
    assert [each for portion in portions for each in portion] == refusals
    assert all(len(portion) == 1 or sum(len(canonical(e)) for e in portion) <= 200 * 1024 for portion in portions)


@given(st.lists(st.lists(series(), min_size=1, max_size=4), min_size=1, max_size=5))
def test_a_table_holds_all_series_seen_before(groups: list[list[Series]]) -> None:
    book = TableBook()
    known: set[str] = set()
    for group in groups:
        seen = {each.definition: each for each in group}
        known |= seen.keys()
        table, _ = book.table_for(Origin.MEASURED, seen)
        assert table is not None
        assert set(table.index) == known
        assert [table.index[each.definition] for each in table.series] == list(range(len(known)))
        assert digest(table.document) == table.digest
