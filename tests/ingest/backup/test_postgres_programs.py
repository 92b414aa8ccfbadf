"""Which program of PostgreSQL is taken, and that nobody can read the password that it is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.backup import postgres_programs
from ingest.backup.postgres_programs import BackupError, PostgresProgram, find_program


def program(folder: Path, version: str, text: str = "") -> Path:
    folder.mkdir(parents=True)
    path = folder / "pg_dump"
    path.write_text(
        f'#!/bin/sh\nif [ "$1" = --version ]; then echo "pg_dump (PostgreSQL) {version}"; exit; fi\n{text}\n'
    )
    path.chmod(0o755)
    return path


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(postgres_programs, "_DEBIAN", tmp_path / "debian")
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    return tmp_path


def test_the_same_version_goes_before_a_newer_one(places: Path) -> None:
    program(places / "path", "18.1")
    assert find_program("pg_dump", 15, None, None).version == "18.1"
    own = program(places / "debian" / "15" / "bin", "15.4 (Debian 15.4-1)")
    assert find_program("pg_dump", 15, None, None) == PostgresProgram(own, "15.4")


def test_the_servers_own_folder(places: Path) -> None:
    own = program(places / "server", "17.2")
    assert find_program("pg_dump", 17, None, str(places / "server")).path == own
    assert find_program("pg_dump", 17, places / "server", None).path == own


def test_an_older_one_cannot_read_the_server(places: Path) -> None:
    old = program(places / "path", "14.9")
    with pytest.raises(BackupError, match=rf"no pg_dump .* 15 .*{old} \(14\.9\).*postgresql-client-15.*--bin"):
        find_program("pg_dump", 15, places / "path", None)
    with pytest.raises(BackupError, match="found: none"):
        find_program("pg_dump", 15, places / "nowhere", None)


def test_the_password_goes_by_the_environment(places: Path) -> None:
    path = program(places / "path", "15.1", 'echo "args: $* env: $PGPASSWORD" >&2; exit 1')
    with pytest.raises(BackupError) as told:
        PostgresProgram(path, "15.1").run("postgresql://u:secret@h/d?application_name=x", ["--verbose"])
    assert "env: secret" in str(told.value)
    arguments = str(told.value).split("env:")[0]
    assert "secret" not in arguments
    assert "--verbose" in arguments
    assert "application_name=x" in arguments
