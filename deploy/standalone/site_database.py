"""The database of one site: made afresh on a server, with a log-in for each process, and dropped at the end."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ingest.store.account import rows_stored
from ingest.store.connection import connect
from standalone.postgres import DatabaseServer

_ROLES = {"ingest": "smartstore_ingest", "web": "smartstore_read"}


class SiteDatabase:
    """A new database with an unused name; processes other than its owner hold no more rights than they need."""

    def __init__(self, server: DatabaseServer, folder: Path) -> None:
        self.server = server
        self.name = f"smartstore_{secrets.token_hex(4)}"
        self._folder = folder / "secrets"
        self._made = False

    @property
    def dsn(self) -> str:
        """The owner's connection URL."""
        return self.server.dsn(self.name)

    def make(self) -> None:
        """Start the server and make the database."""
        self.server.start()
        with self._administrator() as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(self.name)))
        self._made = True

    def let_in(self) -> None:
        """Make the log-ins of ingest and web, once the schema has made the roles that they take on."""
        with self._administrator() as connection:
            for process, role in _ROLES.items():
                password = secrets.token_urlsafe(24)
                make = sql.SQL("create role {} login password {} in role {}")
                connection.execute(
                    make.format(sql.Identifier(self._login(process)), sql.Literal(password), sql.Identifier(role))
                )
                self._password_file(process).write_text(password + "\n")

    def settings(self, process: str) -> str:
        """Return the ``[database]`` table of a process's settings: owner, ingest or web."""
        if process == "owner":
            return f'[database]\nurl = "{self.dsn}"\n'
        parts = {k: v for k, v in conninfo_to_dict(self.dsn).items() if k not in {"user", "password", "passfile"}}
        url = make_conninfo("", **{**parts, "user": self._login(process)})
        return f'[database]\nurl = "{url}"\npassword_file = "{self._password_file(process)}"\n'

    def rows_stored(self, agent: str) -> int:
        """Return how many rows the tables of readings hold of an agent's batches."""
        with connect(self.dsn, "demo") as connection:
            return rows_stored(connection, agent)

    def drop(self) -> None:
        """Drop the database and its log-ins, and stop a private server."""
        if self._made:
            with suppress(psycopg.OperationalError), self._administrator() as connection:  # it may have died
                connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(self.name)))
                for process in _ROLES:
                    connection.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(self._login(process))))
        self._made = False
        self.server.stop()

    def _administrator(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.server.dsn("postgres"), autocommit=True)

    def _login(self, process: str) -> str:
        return f"{self.name}_{process}"

    def _password_file(self, process: str) -> Path:
        path = self._folder / f"database-{process}"
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        return path
