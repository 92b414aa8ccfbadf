"""A backup comes back as it was, and a restore that does not is found out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from backup_tools.populated import AGENTS, aggregate, compress, deliver, populate
from backup_tools.programs import programs_for
from ingest_steps import Steps
from psycopg import sql
from session_server import SessionServer

from ingest.backup.backup import back_up
from ingest.backup.manifest import DUMP, MANIFEST, Manifest
from ingest.backup.postgres_programs import BackupError, PostgresProgram
from ingest.backup.restore import restore
from ingest.cli import main
from ingest.migrate import migrate, schema_files
from ingest.store.account import account
from ingest.store.connection import connect

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Copies:
    """Makes backups, and restores them into another empty database."""

    folder: Path
    target: str
    programs: Path | None

    def dump(self, dsn: str) -> Path:
        with connect(dsn, "test") as connection:
            back_up(connection, dsn, self.folder, self.programs)
        return self.folder

    def restore(self, folder: Path) -> list[str]:
        """Restore and return what differs from the manifest."""
        return restore(self.target, folder, self.programs)[1]

    def manifest(self) -> Manifest:
        return Manifest.model_validate_json((self.folder / MANIFEST).read_bytes())


@pytest.fixture
def copies(tmp_path: Path, database_server: SessionServer) -> Iterator[Copies]:
    name = database_server.create()
    yield Copies(tmp_path / "backup", database_server.dsn(name), programs_for(database_server))
    database_server.drop(name)


def contents(dsn: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table of the schema, sorted, and the number of each sequence's next value."""
    with psycopg.connect(dsn) as connection:
        names = connection.execute("select tablename from pg_tables where schemaname = 'public' order by 1").fetchall()
        found = {}
        for (name,) in names:
            query = sql.SQL("select t::text from {} t order by 1").format(sql.Identifier(name))
            found[name] = connection.execute(query).fetchall()
        found["sequences"] = connection.execute(
            "select sequencename, last_value from pg_sequences where schemaname = 'public' order by 1"
        ).fetchall()
        found["rights"] = connection.execute(
            """select t.tablename, r.rolname, p, has_table_privilege(r.rolname, format('public.%I', t.tablename), p)
                 from pg_tables t, pg_roles r, unnest(array['select', 'insert', 'update', 'delete']) p
                where t.schemaname = 'public' and r.rolname like 'smartstore%' order by 1, 2, 3"""
        ).fetchall()
    return found


def test_everything_comes_back(database: str, copies: Copies) -> None:
    agents = populate(database)
    folder = copies.dump(database)
    assert {path.name for path in folder.iterdir()} == {DUMP, MANIFEST}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / DUMP).stat().st_mode & 0o777 == 0o600
    assert copies.restore(folder) == []
    manifest = copies.manifest()
    assert contents(copies.target) == contents(database)
    assert len(manifest.facts.row_roots) > 30
    assert manifest.facts.account is not None
    migrate(copies.target)
    with connect(copies.target, "test") as connection:  # it goes on where it was
        for name in AGENTS:
            deliver(Steps(connection), agents[name], 31)
        assert [(a.agent, a.committed, a.declared_lost, a.missing, a.chain_breaks) for a in account(connection)] == [
            (name, 31, 1, 0, 0) for name in AGENTS
        ]


def test_compressed_chunks_and_continuous_aggregates_come_back(community: None, database: str, copies: Copies) -> None:
    agents = populate(database, 60)
    assert compress(database) > 5
    name = aggregate(database)
    assert copies.restore(copies.dump(database)) == []
    query = f"select t::text from {name} t order by 1"  # noqa: S608 - own name
    chunks = "select chunk_name, is_compressed from timescaledb_information.chunks order by 1"
    with connect(database, "test") as there, connect(copies.target, "test") as here:
        for text in (query, chunks):
            assert here.execute(text.encode()).fetchall() == there.execute(text.encode()).fetchall()
        assert len(here.execute(query.encode()).fetchall()) > 50
        deliver(Steps(here), agents["a"], 3)  # into a compressed chunk: all of it is there already, or corrects
        here.execute(f"call refresh_continuous_aggregate('{name}', null, null)".encode())
    assert compress(copies.target) == 0
    assert contents(database)["readings_state"] == contents(copies.target)["readings_state"]


def test_an_older_schema_is_restored_and_migrated_on(empty_database: str, copies: Copies) -> None:
    migrate(empty_database, files=schema_files()[:6])
    with connect(empty_database, "test") as connection:
        connection.execute("insert into spools (spool, agent) values (gen_random_uuid(), 'a')")
        connection.execute("insert into readings_state values ('2026-01-01', 1, 1, 1, 0, 0)")
    assert copies.restore(copies.dump(empty_database)) == []
    assert sorted(copies.manifest().facts.migrations) == [1, 2, 3, 4, 5, 6]
    migrate(copies.target)
    with connect(copies.target, "test") as connection:
        assert connection.execute("select count(*) from schema_migrations").fetchone() == (len(schema_files()),)
        assert connection.execute("select count(*) from readings_state").fetchone() == (1,)


def test_what_is_committed_meanwhile_is_in_the_next_backup(
    database: str, copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    agents, run = populate(database, 3), PostgresProgram.run

    def late(self: PostgresProgram, dsn: str, arguments: Any) -> None:
        with connect(database, "test") as connection:
            deliver(Steps(connection), agents["a"], 4)
        run(self, dsn, arguments)

    monkeypatch.setattr(PostgresProgram, "run", late)
    folder = copies.dump(database)
    monkeypatch.undo()
    assert copies.restore(folder) == []
    with connect(copies.target, "test") as connection:
        assert connection.execute("select count(*) from ledger").fetchone() == (6,)


# The one place and way in which each differs, and what is told of it.
DIFFERENT = {
    "update readings_state set value = value + 1": "row root",
    "delete from readings_state where ctid in (select min(ctid) from readings_state)": "table readings_state",
    "update spools set head = sha256('other')": "ledger head",
    "update ledger set duplicates = duplicates + 1 where sequence = 1": "account",
    "delete from refusals where unit = 'reading'": "table refusals",
    "delete from schema_migrations where number = 6": "schema",
}


@pytest.mark.parametrize("change", DIFFERENT)
def test_a_restore_that_differs_is_told(
    database: str, copies: Copies, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    populate(database, 10)
    folder, run = copies.dump(database), PostgresProgram.run

    def changed(self: PostgresProgram, dsn: str, arguments: Any) -> None:
        run(self, dsn, arguments)
        # As if the dump had been so: before TimescaleDB works again, its tables are found by their chunks only.
        with connect(dsn, "test") as connection:
            if connection.execute("select from pg_extension where extname = 'timescaledb'").fetchone():
                connection.execute("select timescaledb_post_restore()")
        with connect(dsn, "test") as connection:
            connection.execute(change.encode())

    monkeypatch.setattr(PostgresProgram, "run", changed)
    differing = copies.restore(folder)
    assert any(line.startswith(DIFFERENT[change]) for line in differing), differing


def test_rows_that_were_changed_before_the_backup_are_told(
    database: str, copies: Copies, caplog: pytest.LogCaptureFixture
) -> None:
    populate(database, 10)
    with connect(database, "test") as connection:
        connection.execute("update readings_count set value = value + 1 where entry_id = 2")
    copies.dump(database)
    assert [record.message for record in caplog.records].count("row_root_differs") == 1
    manifest = copies.manifest()
    assert 2 not in {
        fact.sequence for fact in manifest.facts.row_roots if fact.spool == manifest.facts.row_roots[0].spool
    }


@pytest.mark.parametrize(
    "what", ["create table mine (n integer)", "create sequence mine", "create view mine as select 1"]
)
def test_only_into_an_empty_database(database: str, copies: Copies, what: str) -> None:
    folder = copies.dump(database)
    with connect(copies.target, "test") as connection:
        connection.execute(what.encode())
    with pytest.raises(BackupError, match=r"not empty \(it has mine"):
        copies.restore(folder)
    with pytest.raises(BackupError, match="not empty"):
        restore(database, folder, copies.programs)


def test_a_database_with_the_extension_alone_is_empty(timescaledb: None, database: str, copies: Copies) -> None:
    with connect(copies.target, "test") as connection:
        connection.execute("create extension timescaledb")
    assert copies.restore(copies.dump(database)) == []


def test_a_backup_that_is_not_whole(database: str, copies: Copies) -> None:
    folder = copies.dump(database)
    text, dumped = (folder / MANIFEST).read_text(), (folder / DUMP).read_bytes()
    with (folder / DUMP).open("r+b") as file:
        file.seek(1000)
        file.write(b"x" if dumped[1000:1001] != b"x" else b"y")
    with pytest.raises(BackupError, match=r"database\.dump is not as it was made"):
        copies.restore(folder)
    (folder / DUMP).unlink()
    with pytest.raises(BackupError, match=r"lacks its file database\.dump"):
        copies.restore(folder)
    (folder / DUMP).write_bytes(dumped)
    (folder / MANIFEST).write_text(text.replace('"format": 1', '"format": 2'))
    with pytest.raises(BackupError, match="restore with the release that made it"):
        copies.restore(folder)
    (folder / MANIFEST).unlink()
    with pytest.raises(BackupError, match="the backup was cut off"):
        copies.restore(folder)
    (folder / MANIFEST).write_text(text)
    assert copies.restore(folder) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"timescaledb": "0.1.0"}, r"of TimescaleDB 0\.1\.0, which this server does not offer"),
        ({"postgresql": 99}, "the backup of 99: restore into that or a newer one"),
    ],
)
def test_a_server_that_does_not_fit(database: str, copies: Copies, change: dict[str, Any], told: str) -> None:
    folder = copies.dump(database)
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | change))
    with pytest.raises(BackupError, match=told):
        copies.restore(folder)


def test_the_apache_edition_cannot_take_the_community_one(
    database: str, copies: Copies, database_server: SessionServer
) -> None:
    folder = copies.dump(database)
    manifest = copies.manifest()
    assert manifest.community is (database_server.edition.value == "community")
    if manifest.timescaledb is None or manifest.community:
        return
    (folder / MANIFEST).write_text(manifest.model_copy(update={"community": True}).model_dump_json())
    with pytest.raises(BackupError, match="restore into a server with the community edition"):
        copies.restore(folder)


def test_roles_that_are_missing_are_made(database: str, copies: Copies, database_server: SessionServer) -> None:
    database_server.private()  # a named server's roles are its own
    with connect(database, "test") as connection:
        connection.execute("create role auditor nologin")
        connection.execute("grant select on ledger to auditor")
        folder = copies.dump(database)
        connection.execute("revoke select on ledger from auditor")
        connection.execute("drop role auditor")
    try:
        assert copies.restore(folder) == []
        with connect(copies.target, "test") as connection:
            assert connection.execute("select has_table_privilege('auditor', 'ledger', 'select')").fetchone() == (True,)
    finally:
        with connect(copies.target, "test") as connection:
            connection.execute("drop owned by auditor")
            connection.execute("drop role if exists auditor")


def test_a_failed_dump_leaves_nothing_that_looks_like_a_backup(database: str, tmp_path: Path) -> None:
    program = tmp_path / "pg_dump"
    program.write_text('#!/bin/sh\nif [ "$1" = --version ]; then echo pg_dump 99.1; exit; fi\necho why >&2; exit 3\n')
    program.chmod(0o755)
    with connect(database, "test") as connection:
        with pytest.raises(BackupError, match="exit code 3: why"):
            back_up(connection, database, tmp_path / "backup", tmp_path)
        assert list((tmp_path / "backup").iterdir()) == []
        (tmp_path / "backup" / "other").touch()
        with pytest.raises(BackupError, match="is not empty: name a new folder"):
            back_up(connection, database, tmp_path / "backup", tmp_path)


def test_a_half_restored_database_is_not_used_again(
    database: str, copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    populate(database, 3)
    folder, run = copies.dump(database), PostgresProgram.run

    def cut_off(self: PostgresProgram, dsn: str, arguments: Any) -> None:
        run(self, dsn, [*arguments, "--section=pre-data"])
        raise BackupError("killed")

    monkeypatch.setattr(PostgresProgram, "run", cut_off)
    with pytest.raises(BackupError, match="half restored: drop the database, create it again"):
        copies.restore(folder)
    monkeypatch.undo()
    with pytest.raises(BackupError, match="not empty"):
        copies.restore(folder)


def test_the_commands(database: str, tmp_path: Path, copies: Copies, capsys: pytest.CaptureFixture[str]) -> None:
    populate(database, 5)
    config = tmp_path / "ingest.toml"
    config.write_text(f'[broker]\nhost = "127.0.0.1"\n[database]\nurl = "{database}"\n')
    where = [] if copies.programs is None else ["--bin", str(copies.programs)]
    assert main(["backup", str(tmp_path / "b"), "--config", str(config), *where]) == 0
    assert "8 batches' row roots" in capsys.readouterr().out
    assert main(["backup", str(tmp_path / "b"), "--config", str(config), *where]) == 1
    assert "not empty" in capsys.readouterr().err
    assert main(["restore", str(tmp_path / "b"), "--into", "postgresql://u:secret@h/d"]) == 1
    assert "password_file" in capsys.readouterr().err
    assert main(["restore", str(tmp_path / "b"), "--into", copies.target, *where]) == 0
    assert "heads of 2 spools, account, 8 row roots are as the manifest says" in capsys.readouterr().out
