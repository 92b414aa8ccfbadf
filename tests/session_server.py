"""The database server of a test session."""

from __future__ import annotations

import functools
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg
from features import require_or_skip
from psycopg import sql
from standalone.data_folder import data_folder
from standalone.installation import Edition
from standalone.named_server import NamedServer, edition_of
from standalone.postgres import SUPERUSER, PrivateServer
from standalone.requirements import Feature

from ingest.migrate import migrate


class SessionServer:
    """The database server of a test session, and databases on it."""

    def __init__(self, server: PrivateServer | NamedServer) -> None:
        self.server = server
        self._template: str | None = None

    @functools.cached_property
    def edition(self) -> Edition:
        """What of TimescaleDB a migrated database of this server has, by its own word."""
        name = self.create(self.migrated())
        try:
            return edition_of(self.dsn(name))
        finally:
            self.drop(name)

    def dsn(self, database: str) -> str:
        return self.server.dsn(database)

    @property
    def label(self) -> str:
        """The line that names the server to a person, and how it keeps its files."""
        if not isinstance(self.server, PrivateServer):
            return self.server.label
        kept = "the data folder" if self.server.folder.is_relative_to(data_folder()) else "memory"
        return f"{self.server.label}; its files in {kept}"

    def leave_disk_alone(self) -> None:
        """Have a private server not wait for the disk: tests end processes and never the machine's power.

        What a killed process has written is the kernel's, and there after a start. ``deploy/faults`` and the benchmarks
        use servers that wait.
        """
        if isinstance(self.server, PrivateServer):
            with self.maintenance() as connection:
                connection.execute("alter system set fsync = off")
                connection.execute("select pg_reload_conf()")

    def kill(self) -> None:
        """Kill the server's processes at once, as a power cut does."""
        self.private().kill()

    def start(self) -> None:
        """Start a killed or stopped server again, on the same port."""
        self.private().start()

    def revive(self) -> None:
        """Start the server again if it is one that may have been killed."""
        if isinstance(self.server, PrivateServer):
            self.server.start()

    def stop(self) -> None:
        """Stop the server in order, ending its sessions."""
        self.private().stop()

    def restart(self) -> None:
        """Stop the server in order, and start it again on the same port."""
        self.private().restart()

    def private(self) -> PrivateServer:
        """Return the server as one that may be killed; skip the test where it may not."""
        if not isinstance(self.server, PrivateServer):
            require_or_skip(Feature.PRIVATE_DATABASE, "a named server is never stopped")
        return self.server

    def maintenance(self) -> psycopg.Connection[Any]:
        """Return a connection to a database that stays, in autocommit mode, for what concerns the whole server."""
        own = self.server.database if isinstance(self.server, NamedServer) else SUPERUSER
        return psycopg.connect(self.dsn(own), autocommit=True)

    def create(self, template: str | None = None, tablespace: str | None = None) -> str:
        """Return the name of a new database: empty, or a clone of ``template``."""
        name = f"smartstore_test_{secrets.token_hex(6)}"
        # template0: the extension must not come along from a template1 that someone changed
        clone = sql.Identifier(template or "template0")
        statement = sql.SQL("create database {} template {}").format(sql.Identifier(name), clone)
        if tablespace is not None:
            statement += sql.SQL(" tablespace {}").format(sql.Identifier(tablespace))
        with self.maintenance() as connection:
            connection.execute(statement)
        return name

    def drop(self, name: str) -> None:
        """Drop a database, ending the sessions in it."""
        with self.maintenance() as connection:
            connection.execute(sql.SQL("alter database {} with allow_connections true").format(sql.Identifier(name)))
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))

    def migrated(self) -> str:
        """Return the name of the migrated template, to which nobody can connect."""
        if self._template is None:
            self._template = self.template(migrate)
        return self._template

    def template(self, fill: Callable[[str], object]) -> str:
        """Return the name of a new database that is made once, by its URL, to be cloned; nobody can connect to it."""
        name = self.create()
        fill(self.dsn(name))
        with self.maintenance() as connection:
            # TimescaleDB's workers connect to each database that lets them, and a database in use can't be cloned
            connection.execute(sql.SQL("alter database {} with allow_connections false").format(sql.Identifier(name)))
            connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        return name

    def close(self) -> None:
        """Remove what this session made."""
        if isinstance(self.server, PrivateServer):
            self.server.stop()
            shutil.rmtree(self.server.folder)
            if not self.server.folder.is_relative_to(data_folder()):
                with suppress(OSError):  # another session may be there
                    self.server.folder.parent.rmdir()
        elif self._template is not None:
            self.drop(self._template)
