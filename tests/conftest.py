"""Fixtures of every room: a private database server, a fresh migrated database, a private broker, recordings."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from features import require_or_skip
from hypothesis import HealthCheck, settings
from memory_server import choose_session_server
from session_server import SessionServer
from standalone.broker import PrivateBroker
from standalone.data_folder import CLONE, data_folder
from standalone.installation import Edition
from standalone.mosquitto import find_mosquitto
from standalone.postgres import PrivateServer
from standalone.requirements import Feature

# A busy machine is no defect: examples may take the time that they take.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

_labels: list[str] = []


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for label in _labels:
        terminalreporter.write_line(label)


@pytest.fixture(scope="session")
def database_server() -> Iterator[SessionServer]:
    """Yield a database server of this session's own, killable; or the one named by ``SMARTSTORE_DATABASE_URL``."""
    data = data_folder()
    server = choose_session_server(data, f"test-{os.getpid()}")
    if isinstance(server, PrivateServer):
        _remove_leftovers(server.folder.parent)
    server.start()
    session = SessionServer(server)
    session.leave_disk_alone()
    _labels.append(f"database: {session.label}")
    yield session
    session.close()


def _remove_leftovers(folder: Path) -> None:
    """Remove what sessions left that were killed before they could."""
    for path in folder.glob("test-[0-9]*"):
        if not Path("/proc", path.name.split("-")[1]).exists():
            shutil.rmtree(path)


@pytest.fixture
def empty_database(database_server: SessionServer) -> Iterator[str]:
    """Yield the connection URL, as its owner, of a fresh database without a schema."""
    yield from _fresh(database_server, None)


@pytest.fixture
def database(database_server: SessionServer) -> Iterator[str]:
    """Yield the connection URL, as its owner, of a fresh database with this release's schema."""
    yield from _fresh(database_server, database_server.migrated())


def _fresh(database_server: SessionServer, template: str | None) -> Iterator[str]:
    name = database_server.create(template)
    yield database_server.dsn(name)
    database_server.revive()  # in case the test left it killed
    database_server.drop(name)


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection[Any]]:
    """Yield a connection to ``database``, as its owner."""
    with psycopg.connect(database) as connection:
        yield connection


@pytest.fixture
def broker() -> Iterator[PrivateBroker]:
    """Yield a running private broker with the user ``ingest``; agents are added by ``broker.add_user``."""
    data = data_folder()
    mosquitto = find_mosquitto(data)
    label = f"broker: {mosquitto.label}"
    if label not in _labels:
        _labels.append(label)
    _remove_leftovers(data / "brokers")
    folder = data / "brokers" / f"test-{os.getpid()}-{secrets.token_hex(4)}"
    running = PrivateBroker(folder, {"ingest": secrets.token_urlsafe(24)}, mosquitto)
    running.start()
    yield running
    running.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Return the folder of recordings of real stores; the test is skipped where it isn't there."""
    folder = Path(os.environ.get("SMARTSTORE_RECORDINGS") or CLONE.parent / "shared" / "data")
    if not folder.is_dir():
        require_or_skip(Feature.RECORDINGS, f"there is no folder of recordings at {folder}")
    return folder


@pytest.fixture
def community(database_server: SessionServer) -> None:
    """Skip the test where the database isn't TimescaleDB's community edition."""
    if database_server.edition is not Edition.COMMUNITY:
        require_or_skip(Feature.COMMUNITY, f"the database is {database_server.server.label}")


@pytest.fixture
def timescaledb(database_server: SessionServer) -> None:
    """Skip the test where the database is plain PostgreSQL."""
    if database_server.edition is Edition.NONE:
        require_or_skip(Feature.TIMESCALEDB, f"the database is {database_server.server.label}")
