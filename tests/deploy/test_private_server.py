"""The private database server: durable over a kill, closed to everyone without its password."""

from __future__ import annotations

import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from session_server import SessionServer
from standalone.failure import CannotStart
from standalone.postgres import PrivateServer


@pytest.fixture
def private(database_server: SessionServer) -> PrivateServer:
    return database_server.private()


@pytest.mark.fault
@pytest.mark.usefixtures("private")
def test_a_commit_outlives_a_kill_and_nothing_else_does(database_server: SessionServer, empty_database: str) -> None:
    with psycopg.connect(empty_database) as connection:
        connection.execute("create table kept (number int)")
        connection.execute("insert into kept values (1)")
    open_connection = psycopg.connect(empty_database)
    open_connection.execute("insert into kept values (2)")
    database_server.kill()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(empty_database)
    with pytest.raises(psycopg.OperationalError):
        open_connection.commit()
    open_connection.close()
    database_server.start()
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("select number from kept").fetchall() == [(1,)]


@pytest.mark.fault
def test_a_killed_server_leaves_no_process(private: PrivateServer, empty_database: str) -> None:
    busy = [psycopg.connect(empty_database, autocommit=True) for _ in range(6)]
    for connection in busy:
        connection.pgconn.send_query(b"select count(*) from generate_series(1, 1e9)")
    cluster = str(private.folder / "cluster")
    assert len(_processes_in(cluster)) > len(busy)
    private.kill()
    left = _processes_in(cluster)  # each of them would keep the next server from its shared memory
    private.start()
    for connection in busy:
        connection.close()
    assert left == []


def _processes_in(folder: str) -> list[str]:
    """Return the processes that run in a folder, as all of a server's do in that of its data."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str((process / "cwd").readlink()) == folder:
                found.append(process.name)
    return found


@pytest.mark.fault
@pytest.mark.usefixtures("private")
def test_restart_keeps_the_port_and_the_data(database_server: SessionServer, empty_database: str) -> None:
    with psycopg.connect(empty_database) as connection:
        connection.execute("create table kept (number int)")
    database_server.restart()
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (0,)


def test_nobody_enters_without_the_password(private: PrivateServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(private.url("postgres"), passfile="/dev/null", password="guess")
    for path in (private.password_file, private.pass_file):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not (private.folder / "first-password").exists()
    with socket.socket() as other, pytest.raises(OSError, match="refused"):
        other.connect(("127.0.0.2", private.port))


def test_no_password_in_an_argument_list_or_a_log(private: PrivateServer) -> None:
    password = private.password_file.read_text().strip()
    assert len(password) >= 24
    assert password not in private.dsn("postgres")
    for path in [*Path("/proc").glob("[0-9]*/cmdline"), private.log, private.folder / "initdb.log"]:
        try:
            text = path.read_bytes()
        except OSError:
            continue
        assert password.encode() not in text, path


def test_settings_that_a_number_stands_on(connection: psycopg.Connection[tuple[str]]) -> None:
    wanted = {"synchronous_commit": "on", "jit": "off", "TimeZone": "UTC", "server_encoding": "UTF8"}
    assert {name: connection.execute(f"show {name}").fetchone() for name in wanted} == {
        name: (value,) for name, value in wanted.items()
    }


def test_the_launcher_has_commits_reach_the_disk(private: PrivateServer, connection: psycopg.Connection[Any]) -> None:
    """Tests alone do without, by a setting of their own that goes before the launcher's."""
    by_file = connection.execute("select setting, sourcefile from pg_file_settings where name = 'fsync'").fetchall()
    conf = private.installation.inside(private.folder / "cluster" / "postgresql.conf")
    assert ("on", str(conf)) in by_file


def test_one_launcher_at_a_time(private: PrivateServer) -> None:
    with pytest.raises(CannotStart, match="another launcher"):
        PrivateServer(private.installation, private.folder).start()


def test_the_server_does_not_run_as_root(private: PrivateServer) -> None:
    postmaster = int((private.folder / "cluster" / "postmaster.pid").read_text().splitlines()[0])
    assert Path(f"/proc/{postmaster}").stat().st_uid != 0
