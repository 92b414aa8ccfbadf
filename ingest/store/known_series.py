"""Which series ever reported, and how they described themselves: what a silence is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.rows import class_row

from edge.wire.series import Statistic
from ingest.store.connection import Database
from ingest.store.series import OF_STATISTIC

Key = tuple[str, str, str]
"""(device, quantity, channel)"""


def known_series(c: Database, keys: Sequence[Key]) -> dict[Key, str]:
    """Return, for those of the keys that ever reported, the definition under which they first did so last.

    Where that is by aggregates of windows, it is the definition of their means.
    """
    rows = c.execute(
        f"""select distinct on (s.device, s.quantity, s.channel) s.device, s.quantity, s.channel, s.definition
             from series s
             join unnest(%s::text[], %s::text[], %s::text[]) as k (device, quantity, channel)
               on s.device = k.device and s.quantity = k.quantity and s.channel = k.channel
            where {OF_STATISTIC}
            order by s.device, s.quantity, s.channel, s.series_id desc""",  # noqa: S608 - own text
        [
            [key[0] for key in keys],
            [key[1] for key in keys],
            [key[2] for key in keys],
            Statistic.MEAN,
            Statistic.MEAN,
        ],
    )
    return {(device, quantity, channel): definition for device, quantity, channel, definition in rows}


@dataclass(frozen=True, slots=True)
class StoredSeries:
    """A definition of a series, as it is stored in one retention class."""

    series_id: int
    device: str
    quantity: str
    channel: str
    definition: str
    retention_class: str
    kind: str
    period_s: float | None

    @property
    def key(self) -> Key:
        """(device, quantity, channel)."""
        return self.device, self.quantity, self.channel


def series_of_devices(c: Database, devices: Sequence[str]) -> list[StoredSeries]:
    """Return every series that these devices ever reported, by number; of the four of a window its means alone."""
    with c.cursor(row_factory=class_row(StoredSeries)) as cursor:
        return cursor.execute(
            f"""select s.series_id, s.device, s.quantity, s.channel, s.definition, s.retention_class, s.kind, s.period_s
                  from series s where s.device = any(%s) and {OF_STATISTIC} order by s.series_id""",  # noqa: S608
            [list(devices), Statistic.MEAN, Statistic.MEAN],
        ).fetchall()
