"""Series tables by digest, and the numbers that stand for series in the tables of readings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge.wire.series import Kind, Origin, Series, SeriesTable
from ingest.store.connection import Database

CLASSES = ("count", "state", "archive")
"""Retention classes; each has its table ``readings_<class>``."""

OF_STATISTIC = "coalesce(s.definition::jsonb #>> '{report,statistic}', %s) = %s"
"""SQL: of a window's four series only that of a statistic (given twice), and every series that holds no aggregates.

A device's key (device, quantity, channel) names all four of them, but one of them alone holds what was measured.
"""


def retention_class(origin: Origin, kind: Kind) -> str:
    """Return the retention class of a reading: recordings and imports of old data are kept apart from live data.

    A single event counts as much as the interval that counts it: a person at a door, a label update confirmed.
    """
    if origin in {Origin.REPLAYED, Origin.IMPORTED}:
        return "archive"
    return "state" if kind in {Kind.GAUGE, Kind.STATE} else "count"


def store_table(connection: Database, table: SeriesTable, document: bytes) -> None:
    """Keep a series table under its digest; keeping it again changes nothing."""
    connection.execute(
        "insert into series_tables (digest, document) values (%s, %s) on conflict do nothing",
        [bytes.fromhex(table.digest), document],
    )


def table_document(connection: Database, digest: bytes) -> bytes | None:
    """Return the document of a series table, None where it never arrived."""
    row = connection.execute("select document from series_tables where digest = %s", [digest]).fetchone()
    return bytes(row[0]) if row else None


def series_numbers(connection: Database, wanted: Sequence[tuple[Series, str]]) -> list[int]:
    """Return the number of each (series, retention class), registering those that are new."""
    keys = [(series.definition, of) for series, of in wanted]
    numbers = _known_numbers(connection, keys)
    # Only what is missing is inserted, since an insert that meets a conflict uses a number up.
    missing = {key: series for key, (series, _) in zip(keys, wanted, strict=True) if key not in numbers}
    if missing:
        _register(connection, missing)
        numbers |= _known_numbers(connection, list(missing))
    return [numbers[key] for key in keys]


def _known_numbers(connection: Database, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Return the numbers of those (definition, retention class) that have one."""
    # A subquery, so that each is looked up by the index, whatever is assumed of the size of a table that only grows.
    rows = connection.execute(
        """select definition, class,
                  (select series_id from series s where s.definition = n.definition and s.retention_class = n.class)
             from unnest(%s::text[], %s::text[]) as n (definition, class)""",
        [[definition for definition, _ in keys], [of for _, of in keys]],
    )
    return {(definition, of): number for definition, of, number in rows if number is not None}


def _register(connection: Database, missing: Mapping[tuple[str, str], Series]) -> None:
    # Sorted, since two workers that register the same series in different orders would deadlock.
    connection.execute(
        """insert into series (definition, device, quantity, channel, unit, kind, period_s, retention_class)
           select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::float8[],
                                %s::text[])
            order by 1, 8
           on conflict do nothing""",
        [
            [definition for definition, _ in missing],
            [series.device for series in missing.values()],
            [series.quantity for series in missing.values()],
            [series.channel for series in missing.values()],
            [str(series.unit) for series in missing.values()],
            [str(series.kind) for series in missing.values()],
            [series.period_s for series in missing.values()],
            [of for _, of in missing],
        ],
    )
