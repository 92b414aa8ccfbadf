"""A registry that says in which time zone the devices of a test stand."""

from __future__ import annotations

from typing import Any

import psycopg


def place_in_zone(connection: psycopg.Connection[Any], zone: str) -> None:
    """Have the registry, in a new version, say that the store of ``sealed_batches.register`` is in a zone."""
    with connection.transaction():
        ((version,),) = connection.execute(
            "insert into registry_versions (source, digest) values ('zone', '') returning version"
        ).fetchall()
        connection.execute("update stores set version_to = %s where version_to is null", [version])
        connection.execute(
            """insert into stores (store_id, district_id, name_en, name_zh, format, floor_area_m2, area_kind, opens_at,
                                   closes_at, time_zone, valid_from, version_from)
               values ('store', 'd', '', '', '', 1, 'gross', '08:00', '20:00', %s, '2000-01-01', %s)""",
            [zone, version],
        )
