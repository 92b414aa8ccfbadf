"""Canonical records and Merkle roots against RFC 6962 as it is written, and against struct."""

from __future__ import annotations

import struct
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.canonical import (
    EMPTY_ROOT,
    definition_digest,
    leaf_hash,
    records,
    root_of_leaves,
    root_of_series,
    row_roots,
    series_leaf,
)

# The tree of Certificate Transparency's reference tests: inputs and the root over the first n of them.
INPUTS = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize(("count", "root"), list(enumerate(ROOTS)))
def test_roots_are_those_of_the_reference_tree(count: int, root: str) -> None:
    leaves = [leaf_hash(bytes.fromhex(data)) for data in INPUTS[:count]]
    assert root_of_leaves(leaves).hex() == root


def merkle_tree_hash(data: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word by word."""
    if not data:
        return sha256(b"").digest()
    if len(data) == 1:
        return sha256(b"\x00" + data[0]).digest()
    k = 1
    while 2 * k < len(data):
        k *= 2
    return sha256(b"\x01" + merkle_tree_hash(data[:k]) + merkle_tree_hash(data[k:])).digest()


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_levels_join_to_the_recursive_tree(data: list[bytes]) -> None:
    assert root_of_leaves([leaf_hash(item) for item in data]) == merkle_tree_hash(data)


INT64 = st.integers(-(2**63), 2**63 - 1)
INT16 = st.integers(0, 2**15 - 1)
READING = st.tuples(INT64, INT16, st.floats(allow_nan=False), INT16)


@given(st.lists(READING, max_size=20))
def test_a_record_is_twenty_packed_bytes(readings: list[tuple[int, int, float, int]]) -> None:
    t_us, ordinal, value, flags = zip(*readings, strict=True) if readings else ((), (), (), ())
    rows = records(
        np.array(t_us, np.int64),
        np.array(ordinal, np.int16),
        np.array(value, np.float64),
        np.array(flags, np.int16),
    )
    assert rows.tobytes() == b"".join(struct.pack(">qhdh", t, o, v, f) for t, o, v, f in readings)


@given(st.lists(st.lists(st.tuples(st.integers(0, 5), READING), max_size=12), min_size=1, max_size=4))
def test_row_roots_of_several_batches_are_those_of_each_by_itself(
    batches: list[list[tuple[int, tuple[int, int, float, int]]]],
) -> None:
    names = [f"series {n}" for n in range(6)]
    flat = sorted(
        (b, series, t, ordinal, value, flags)
        for b, readings in enumerate(batches)
        for series, (t, ordinal, value, flags) in readings
    )
    columns = list(zip(*flat, strict=True)) or [()] * 6
    batch, series, t_us, ordinal, value, flags = columns
    rows = records(
        np.array(t_us, np.int64), np.array(ordinal, np.int16), np.array(value, np.float64), np.array(flags, np.int16)
    )
    digests = [definition_digest(name) for name in names]
    roots = row_roots(rows, np.array(batch, np.int64), np.array(series, np.int64), [digests] * len(batches))
    expected = []
    for number in range(len(batches)):
        leaves = []
        for index, name in enumerate(names):
            mine = [row[2:] for row in flat if row[:2] == (number, index)]
            if mine:
                packed = b"".join(struct.pack(">qhdh", t, o, v, f) for t, o, v, f in mine)
                leaves.append(sha256(name.encode()).digest() + packed)
        expected.append(merkle_tree_hash(leaves))
    assert roots == expected


def test_series_are_ordered_by_definition_and_silent_ones_have_no_leaf() -> None:
    one = records(np.array([1]), np.array([0], np.int16), np.array([2.0]), np.array([0], np.int16))
    none = one[:0]
    leaves = [leaf_hash(definition_digest(name) + one.tobytes()) for name in ("a", "b")]
    assert root_of_series([("b", one), ("silent", none), ("a", one)]) == root_of_leaves(leaves)
    assert root_of_series([("silent", none)]) == EMPTY_ROOT


def test_a_leaf_made_in_portions_is_the_leaf_of_all_records() -> None:
    number = 40_000
    columns = (
        np.arange(number, dtype=np.int64) * 60_000_000,
        np.arange(number).astype(np.int16),
        np.linspace(-1, 1, number),
        np.ones(number, np.int16),
    )
    whole = definition_digest("a") + records(*columns).tobytes()
    assert series_leaf("a", columns) == leaf_hash(whole)
