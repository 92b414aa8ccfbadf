"""Numbers in Modbus registers: writing and reading are inverses for every type and order."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.decoders.decoder import PayloadRefusedError
from edge.decoders.modbus_registers import NumberType, Order, RegisterBlock, Table, number_in, registers_of

WORD = st.integers(0, 0xFFFF)
ORDERS = list(itertools.product(Order, Order))


def _numbers(kind: NumberType) -> st.SearchStrategy[float]:
    if kind is NumberType.FLOAT32:
        return st.floats(width=32, allow_nan=False)
    if kind is NumberType.FLOAT64:
        return st.floats(allow_nan=False)
    bits = 16 * kind.registers
    return (
        st.integers(0, 2**bits - 1)
        if kind.value.startswith("u")
        else st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    )


@pytest.mark.parametrize(("words", "octets"), ORDERS)
@pytest.mark.parametrize("kind", list(NumberType))
@given(st.data())
def test_a_number_is_read_as_it_was_written(kind: NumberType, words: Order, octets: Order, data: st.DataObject) -> None:
    number = data.draw(_numbers(kind))
    registers = registers_of(number, kind, words, octets)
    assert len(registers) == kind.registers
    assert number_in(registers, kind, words, octets) == number


@pytest.mark.parametrize(("words", "octets"), ORDERS)
@pytest.mark.parametrize("kind", list(NumberType))
@given(st.data())
def test_registers_are_written_as_they_were_read(
    kind: NumberType, words: Order, octets: Order, data: st.DataObject
) -> None:
    registers = tuple(data.draw(st.lists(WORD, min_size=kind.registers, max_size=kind.registers)))
    number = number_in(registers, kind, words, octets)
    if not math.isnan(number):  # many patterns are no number
        assert registers_of(number, kind, words, octets) == registers


def test_orders_are_what_manuals_call_them() -> None:
    # 0x11223344 in the four orders.
    number = 0x11223344
    assert registers_of(number, NumberType.UINT32, Order.HIGH_FIRST, Order.HIGH_FIRST) == (0x1122, 0x3344)  # ABCD
    assert registers_of(number, NumberType.UINT32, Order.LOW_FIRST, Order.HIGH_FIRST) == (0x3344, 0x1122)  # CDAB
    assert registers_of(number, NumberType.UINT32, Order.HIGH_FIRST, Order.LOW_FIRST) == (0x2211, 0x4433)  # BADC
    assert registers_of(number, NumberType.UINT32, Order.LOW_FIRST, Order.LOW_FIRST) == (0x4433, 0x2211)  # DCBA


@pytest.mark.parametrize(
    ("number", "kind"),
    [(-1, NumberType.UINT16), (2**31, NumberType.INT32), (0.5, NumberType.INT16), (1e39, NumberType.FLOAT32)],
)
def test_what_does_not_fit_is_an_error(number: float, kind: NumberType) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        registers_of(number, kind, Order.HIGH_FIRST, Order.HIGH_FIRST)


@given(st.sampled_from(Table), st.integers(0, 65_000), st.lists(WORD, min_size=1, max_size=125))
def test_a_block_is_read_as_it_was_handed_on(table: Table, start: int, registers: list[int]) -> None:
    block = RegisterBlock(table, start, tuple(registers))
    assert RegisterBlock.parse(block.payload()) == block


@pytest.mark.parametrize(
    "payload",
    [
        b'{"start":0,"registers":[]}',
        b'{"start":-1,"registers":[0]}',
        b'{"start":65535,"registers":[0,0]}',
        b'{"start":0,"registers":[true]}',
        b'{"start":0,"registers":[1.0]}',
        b'{"start":0,"registers":"00"}',
        b'{"table":"coil","start":0,"registers":[1]}',
        b'{"table":[],"start":0,"registers":[1]}',
    ],
)
def test_what_is_no_block_is_refused(payload: bytes) -> None:
    with pytest.raises(PayloadRefusedError, match="registers"):
        RegisterBlock.parse(payload)


def test_a_number_is_whole_in_a_block_or_refused() -> None:
    block = RegisterBlock(Table.HOLDING, 10, (1, 2, 3))
    assert block.slice(10, 2) == (1, 2)
    assert block.slice(12, 1) == (3,)
    assert block.slice(8, 2) is None
    assert block.slice(13, 2) is None
    for address in (9, 12):
        with pytest.raises(PayloadRefusedError, match="cut_off"):
            block.slice(address, 2)
