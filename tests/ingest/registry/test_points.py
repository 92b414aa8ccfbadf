"""The database and the registry's rows name the same facilities."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from ingest.registry.points import FACILITY_KINDS, POINT_KINDS

_INSERT = """
    insert into points (point_id, store_id, facility, kind, valid_from, version_from)
    select 'p', 's', %s, 'any', '2026-01-01', max(version) from registry_versions"""


@pytest.fixture
def versioned(connection: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    connection.execute("insert into registry_versions (source, digest) values ('by hand', '')")
    return connection


@pytest.mark.parametrize("facility", sorted(FACILITY_KINDS))
def test_the_database_takes_a_point_of_every_facility(versioned: psycopg.Connection[Any], facility: str) -> None:
    versioned.execute(_INSERT, [facility])


@pytest.mark.parametrize("facility", ["", "sensing", "lifts"])
def test_and_of_no_other(versioned: psycopg.Connection[Any], facility: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="points_facility_check"):
        versioned.execute(_INSERT, [facility])


def test_every_kind_of_point_belongs_to_one_facility() -> None:
    kinds = [kind for of_facility in FACILITY_KINDS.values() for kind in of_facility]
    assert sorted(kinds) == sorted(POINT_KINDS)
