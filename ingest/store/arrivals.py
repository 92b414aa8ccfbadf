"""What came otherwise than live, by series and hour: late, again, or different; and which hours that touches.

An hour is closed before its buckets are computed. Who commits a reading of a closed hour, or a correction there,
touches the hour of that series in the same transaction; the buckets are then made good from what is in force.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.store.connection import Database
from ingest.store.entries import Conflicts

HOUR_US = 3_600_000_000


def note(
    connection: Database,
    columns: Mapping[str, NDArray[Any]],
    expected: NDArray[np.bool_],
    conflicts: Sequence[Conflicts],
    *,
    late_before_us: int | None,
) -> None:
    """Note within the caller's transaction, which stores these readings, what of them came otherwise than live.

    Costs one short statement where there is something to note.

    Parameters
    ----------
    columns, expected
        Of every reading: ``series_id``, ``t_us`` in µs since 1970, and whether it is late if its hour is closed.
        Recordings and imports of old data are not: nobody waited for them.
    conflicts
        What of these readings were duplicates or corrections.
    late_before_us
        End of what is closed, in µs since 1970, as it was asked for before the readings were stored; None: nothing is.
    """
    series_id, t_us = columns["series_id"], columns["t_us"]
    closed = np.zeros(len(t_us), np.bool_) if late_before_us is None else t_us < late_before_us
    if not conflicts and not closed.any():
        return
    series, hours, rows, may_be_late, duplicates, corrections = _by_hour(
        series_id[closed], t_us[closed], expected[closed], conflicts
    )
    new = rows - duplicates - corrections  # where the hour is closed; elsewhere no rows are counted
    late = np.where(may_be_late, np.maximum(new, 0), 0)
    touching = (rows > 0) & ((new > 0) | (corrections > 0))
    _add(connection, series, hours, late, duplicates, corrections, touching)


def _by_hour(
    series_id: NDArray[Any], t_us: NDArray[Any], expected: NDArray[np.bool_], conflicts: Sequence[Conflicts]
) -> tuple[NDArray[Any], ...]:
    """Return by series and hour since 1970: both, then readings, whether they may be late, duplicates, corrections."""
    told = np.array(
        [(c.series_id, c.hour_us // HOUR_US, c.duplicates, c.corrections) for c in conflicts], np.int64
    ).reshape(-1, 4)
    keys = np.concatenate([np.stack([series_id, t_us // HOUR_US], axis=1), told[:, :2]]).astype(np.int64)
    found, place = np.unique(keys, axis=0, return_inverse=True)
    place = place.reshape(-1)

    def total(of_readings: NDArray[Any], of_conflicts: NDArray[Any]) -> NDArray[np.int64]:
        weights = np.concatenate([of_readings, of_conflicts]).astype(np.float64)
        return np.bincount(place, weights, len(found)).astype(np.int64)

    none_read, none_told = np.zeros(len(t_us)), np.zeros(len(told))
    return (
        found[:, 0],
        found[:, 1],
        total(none_read + 1, none_told),
        total(expected, none_told) > 0,
        total(none_read, told[:, 2]),
        total(none_read, told[:, 3]),
    )


def _add(connection: Database, *columns: NDArray[Any]) -> None:
    connection.execute(
        """insert into arrivals as a (series_id, hour, late, duplicates, corrections, touched)
           select series_id, timestamptz 'epoch' + hours * interval '1 hour', late, duplicates, corrections,
                  case when touching then nextval('touches') end
             from unnest(%b::integer[], %b::integer[], %b::integer[], %b::integer[], %b::integer[], %b::boolean[])
                  as n (series_id, hours, late, duplicates, corrections, touching)
            order by 1, 2
           on conflict (series_id, hour) do update
              set late = a.late + excluded.late,
                  duplicates = a.duplicates + excluded.duplicates,
                  corrections = a.corrections + excluded.corrections,
                  touched = coalesce(excluded.touched, a.touched)""",
        [column.tolist() for column in columns],
    )
