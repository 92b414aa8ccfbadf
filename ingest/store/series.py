"""Series tables by digest, and the numbers that stand for series in the tables of readings."""

from __future__ import annotations

from collections.abc import Sequence

from edge.wire.series import Kind, Origin, Series, SeriesTable
from ingest.store.connection import Database

CLASSES = ("count", "state", "archive")
"""Retention classes; each has its table ``readings_<class>``."""

OF_STATISTIC = "coalesce(s.definition::jsonb #>> '{report,statistic}', %s) = %s"
"""SQL: of a window's four series only that of a statistic (given twice), and every series that holds no aggregates.

A device's key (device, quantity, channel) names all four of them, but one of them alone holds what was measured.
"""


def retention_class(origin: Origin, kind: Kind) -> str:
    """Return the retention class of a reading: recordings and imports of old data are kept apart from live data."""
    if origin in {Origin.REPLAYED, Origin.IMPORTED}:
        return "archive"
    return "count" if kind in {Kind.INTERVAL, Kind.CUMULATIVE} else "state"


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
    definitions = [series.definition for series, _ in wanted]
    classes = [of for _, of in wanted]
    # Sorted, since two workers that register the same series in different orders would deadlock; and looked for
    # first, since an insert that meets a conflict uses a number up.
    connection.execute(
        """insert into series (definition, device, quantity, channel, unit, kind, period_s, retention_class)
           select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::float8[],
                                %s::text[]) as n (definition, device, quantity, channel, unit, kind, period_s, class)
            where not exists (select from series s where s.definition = n.definition and s.retention_class = n.class)
            order by 1, 8
           on conflict do nothing""",
        [
            definitions,
            [series.device for series, _ in wanted],
            [series.quantity for series, _ in wanted],
            [series.channel for series, _ in wanted],
            [str(series.unit) for series, _ in wanted],
            [str(series.kind) for series, _ in wanted],
            [series.period_s for series, _ in wanted],
            classes,
        ],
    )
    rows = connection.execute(
        """select s.definition, s.retention_class, s.series_id
             from series s join unnest(%s::text[], %s::text[]) as n (definition, class)
               on s.definition = n.definition and s.retention_class = n.class""",
        [definitions, classes],
    )
    numbers = {(definition, of): number for definition, of, number in rows}
    return [numbers[key] for key in zip(definitions, classes, strict=True)]
