"""Features that a machine may lack and that a run of the tests can require."""

from __future__ import annotations

from enum import StrEnum

from standalone.failure import CannotStart

REQUIRE_VARIABLE = "SMARTSTORE_REQUIRE"


class Feature(StrEnum):
    """Something without which some tests are skipped."""

    TIMESCALEDB = "timescaledb"
    """Any edition of TimescaleDB."""
    COMMUNITY = "community"
    """TimescaleDB's community edition: continuous aggregates, columnstore, policies."""
    RECORDINGS = "recordings"
    """The recordings of real stores (``SMARTSTORE_RECORDINGS``, else ``../shared/data`` beside the clone)."""
    PRIVATE_DATABASE = "private-database"
    """A database server that the tests may kill: any but a named one."""


def parse_required(text: str) -> frozenset[Feature]:
    """Return the features of a comma-separated list; ``CannotStart`` names an unknown one."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = sorted(set(names) - set(Feature))
    if unknown:
        raise CannotStart(f"unknown feature {', '.join(unknown)}: one of {', '.join(Feature)}")
    return frozenset(Feature(name) for name in names)
