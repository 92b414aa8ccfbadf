"""The server reads laid-out arrays as the values that went into them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.store.arrays import array_cursor
from ingest.store.pgarray import digest_array, number_array

FIRST_US, AFTER_US = -62_135_596_800_000_000, 253_402_300_800_000_000
Connection = psycopg.Connection[Any]

one_connection = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@one_connection
@given(values=st.lists(st.integers(-(2**31), 2**31 - 1), max_size=20))
def test_small_integers(connection: Connection, values: list[int]) -> None:
    assert connection.execute("select %b", [number_array("int4", np.array(values, np.int64))]).fetchone() == (values,)


@one_connection
@given(values=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_integers(connection: Connection, values: list[int]) -> None:
    assert connection.execute("select %b", [number_array("int8", np.array(values, np.int64))]).fetchone() == (values,)


@one_connection
@given(values=st.lists(st.integers(FIRST_US, AFTER_US - 1), max_size=20))
def test_times(connection: Connection, values: list[int]) -> None:
    expected = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us) for us in values]
    connection.execute("set time zone 'UTC'")
    found = connection.execute("select %b", [number_array("timestamptz", np.array(values, np.int64))]).fetchone()
    assert found == (expected,)


@one_connection
@given(values=st.lists(st.binary(min_size=32, max_size=32), max_size=20))
def test_digests(connection: Connection, values: list[bytes]) -> None:
    assert connection.execute("select %b", [digest_array(values)]).fetchone() == (values,)


def test_other_elements_are_refused() -> None:
    with pytest.raises(KeyError):
        number_array("text", np.array([1]))


@pytest.mark.parametrize("kind", ["int2", "int4", "int8", "float8", "timestamptz"])
@pytest.mark.parametrize("elements", [0, 1, 2])
def test_numpys_arrays_come_back_empty_ones_included(connection: Connection, kind: str, elements: int) -> None:
    value = "timestamptz '2000-01-01 00:00:01Z'" if kind == "timestamptz" else "1"
    with array_cursor(connection) as cursor:
        row = cursor.execute(f"select array_fill(({value})::{kind}, array[{elements}])").fetchone()
    assert row is not None
    assert row[0].tolist() == [1_000_000 if kind == "timestamptz" else 1] * elements
