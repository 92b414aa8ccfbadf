"""The COPY stream that numpy lays out, against the one that the server and psycopg write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.store.pgcopy import READING_COLUMNS, reading_tuples

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEAR_1_US, YEAR_9999_US = -62_135_596_800_000_000, 253_402_300_799_999_999
ROW = st.tuples(
    st.integers(YEAR_1_US, YEAR_9999_US),
    st.floats(),
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**15 - 1),
    st.integers(0, 2**15 - 1),
    st.integers(0, 2**31 - 1),
)
KINDS = ["timestamptz", "float8", "int8", "int4", "int2", "int2", "int4"]


def laid_out(rows: list[tuple[Any, ...]], *, placed: bool) -> bytes:
    names = ["t_us", *READING_COLUMNS[1:], "place"]
    columns = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(names, ())
    arrays = {name: np.array(values, np.float64 if name == "value" else np.int64) for name, values in columns.items()}
    if not placed:
        del arrays["place"]
    return reading_tuples(arrays)


def through_the_server(connection: psycopg.Connection[Any], rows: list[tuple[Any, ...]], *, placed: bool) -> bytes:
    """Write the rows with psycopg's own binary dumpers, and read back what the server's COPY makes of them."""
    width = 7 if placed else 6
    with connection.transaction(force_rollback=True):
        connection.execute(
            "create temporary table t (n serial, "
            + ", ".join(f"c{i} {kind}" for i, kind in enumerate(KINDS[:width]))
            + ")"
        )
        names = ", ".join(f"c{i}" for i in range(width))
        with (
            connection.cursor() as cursor,
            cursor.copy(f"copy t ({names}) from stdin (format binary)".encode()) as copy,
        ):
            copy.set_types(KINDS[:width])
            for row in rows:
                copy.write_row((EPOCH + timedelta(microseconds=row[0]), *row[1:width]))
        query = f"copy (select {names} from t order by n) to stdout (format binary)"  # noqa: S608
        with connection.cursor() as cursor, cursor.copy(query.encode()) as copy:
            return b"".join(bytes(part) for part in copy)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, max_size=20), placed=st.booleans())
def test_bytes_are_those_of_the_server(
    connection: psycopg.Connection[Any], rows: list[tuple[Any, ...]], *, placed: bool
) -> None:
    ours, theirs = laid_out(rows, placed=placed), through_the_server(connection, rows, placed=placed)
    if any(row[1] != row[1] for row in rows):
        # Which of the many NaN a value is, is not kept on the way through Python.
        assert len(ours) == len(theirs)
    else:
        assert ours == theirs
