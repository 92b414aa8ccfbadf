"""What is in force, by pandas from the rows of the tables alone: the oracle of buckets and increments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import psycopg
from numpy.typing import NDArray

from ingest.store.buckets import Measure, SeriesBuckets

KEY = ["series_id", "t_us", "ordinal"]


def effective_rows(connection: psycopg.Connection[Any], *, merged: bool = True) -> pd.DataFrame:
    """Return every reading in force: definition, device, t_us, ordinal, value, flags, sorted.

    Unless ``merged``, retention classes stay apart: in the place of the definition stands the number of the series.
    """
    rows = _frame(
        connection,
        """select s.definition, s.device, r.series_id, (extract(epoch from r.t) * 1000000)::bigint as t_us, r.ordinal,
                  r.value, r.flags, r.entry_id
             from (select * from readings_count union all select * from readings_state
                   union all select * from readings_archive) r join series s using (series_id)""",
    )
    corrections = _frame(
        connection,
        """select series_id, (extract(epoch from t) * 1000000)::bigint as t_us, ordinal, new_value, new_flags
             from corrections order by correction_id""",
    )
    rows = rows.merge(corrections.drop_duplicates(KEY, keep="last"), on=KEY, how="left")
    rows["value"] = rows["new_value"].where(rows["new_value"].notna(), rows["value"]).astype(float)
    rows["flags"] = rows["new_flags"].where(rows["new_flags"].notna(), rows["flags"]).astype(int)
    if not merged:
        rows["definition"] = rows["series_id"].astype(str)
    first = rows.sort_values("entry_id").drop_duplicates(["definition", "t_us", "ordinal"], keep="first")
    return first.sort_values(["definition", "t_us", "ordinal"]).reset_index(drop=True)


def _frame(connection: psycopg.Connection[Any], query: str) -> pd.DataFrame:
    cursor = connection.execute(query.encode())
    return pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description or ()])


def expected_buckets(rows: pd.DataFrame, bounds_us: NDArray[np.int64]) -> pd.DataFrame:
    """Return what ``fetch_buckets`` should answer, indexed by definition and interval."""
    inside = rows[(rows["t_us"] >= bounds_us[0]) & (rows["t_us"] < bounds_us[-1])]
    interval = pd.cut(inside["t_us"], bounds_us.tolist(), right=False, labels=False).rename("interval").astype(int)
    by_value = inside.groupby(["definition", interval])["value"]
    flagged = (inside["flags"] != 0).groupby([inside["definition"], interval]).sum()
    expected: pd.DataFrame = by_value.agg(n="size", sum="sum", min="min", max="max", first="first", last="last")
    return expected.assign(flagged=flagged)


def found_buckets(series: Sequence[SeriesBuckets]) -> pd.DataFrame:
    """Return an answer of ``fetch_buckets`` in the same form."""
    frames = [
        pd.DataFrame(dict(one.measures)).assign(definition=one.definition, interval=one.interval) for one in series
    ]
    if not frames:
        return pd.DataFrame(
            columns=list(Measure), index=pd.MultiIndex.from_arrays([[], []], names=["definition", "interval"])
        )
    return pd.concat(frames).set_index(["definition", "interval"])


def check_buckets(series: Sequence[SeriesBuckets], rows: pd.DataFrame, bounds_us: NDArray[np.int64]) -> None:
    """Fail unless an answer of ``fetch_buckets`` is what these rows give: counts exactly, sums to their rounding."""
    expected, found = expected_buckets(rows, bounds_us), found_buckets(series)
    assert found.index.tolist() == expected.index.tolist()
    for name in ("n", "min", "max", "first", "last", "flagged"):
        assert found[name].tolist() == expected[name].tolist(), name
    np.testing.assert_allclose(found["sum"].to_numpy(float), expected["sum"].to_numpy(float), rtol=1e-12, atol=1e-9)
