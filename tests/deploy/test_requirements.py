"""A run that requires a feature fails where the feature is missing, even if no other test looks for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from session_server import SessionServer
from standalone.failure import CannotStart
from standalone.installation import Edition
from standalone.postgres import PrivateServer
from standalone.requirements import Feature, parse_required


@pytest.mark.usefixtures("community")
def test_community_edition(database_server: SessionServer) -> None:
    assert database_server.edition is Edition.COMMUNITY


@pytest.mark.usefixtures("timescaledb")
def test_timescaledb(database_server: SessionServer) -> None:
    assert database_server.edition in {Edition.COMMUNITY, Edition.APACHE}


def test_recordings(recordings: Path) -> None:
    assert any(recordings.rglob("*.csv")) or any(recordings.rglob("*.data"))


def test_label_of_a_private_server_tells_the_edition_that_the_database_has(database_server: SessionServer) -> None:
    if isinstance(database_server.server, PrivateServer):
        assert database_server.server.edition is database_server.edition


def test_list_of_features() -> None:
    assert parse_required(" recordings,community, ") == {Feature.RECORDINGS, Feature.COMMUNITY}
    assert parse_required("") == frozenset()
    with pytest.raises(CannotStart, match="unknown feature gold: one of timescaledb"):
        parse_required("recordings,gold")
