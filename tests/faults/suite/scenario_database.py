"""The database of one scenario: a clone of the migrated one, with a log-in for the workers, perhaps on a small disk."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import psycopg
from fault_tools.small_volume import SmallVolume
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from session_server import SessionServer
from standalone.account import server_account
from standalone.free_port import LOOPBACK

_SMALL_DISK_MIB = 160


class ScenarioDatabase:
    """Made on enter, dropped on exit; its server is started first where it does not run."""

    def __init__(self, server: SessionServer, folder: Path, *, small_disk: bool) -> None:
        self.server = server
        self.name = ""
        self.volume: SmallVolume | None = None
        self.password_file = folder / "database-password"
        self._on_small_disk = small_disk
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as ends:
            tablespace = self._small_disk(ends) if self._on_small_disk else None
            self.name = self.server.create(self.server.migrated(), tablespace)
            ends.callback(self._drop)
            self._let_in()
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    @property
    def address(self) -> tuple[str, int]:
        """Where the server listens."""
        return LOOPBACK, int(str(conninfo_to_dict(self.server.dsn(self.name))["port"]))

    @property
    def login(self) -> str:
        """The workers' user."""
        return f"{self.name}_ingest"

    def settings(self, port: int) -> str:
        """Return the ``[database]`` table of a worker that reaches the server by this port."""
        url = f"postgresql://{self.login}@{LOOPBACK}:{port}/{self.name}"
        return f'[database]\nurl = "{url}"\npassword_file = "{self.password_file}"\n'

    def connect(self) -> psycopg.Connection[Any]:
        """Return a connection of the owner's, in autocommit mode, whatever the database is set to."""
        own = "-c default_transaction_read_only=off -c statement_timeout=0"
        return psycopg.connect(self.server.dsn(self.name), autocommit=True, options=own)

    def execute(self, *statements: str) -> None:
        """Have the owner execute statements."""
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def end_sessions(self) -> None:
        """End the workers' sessions, so that what is set for the database reaches the next ones."""
        self.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name ~ '^smartstore'")

    def set_for_workers(self, name: str, value: str) -> None:
        """Give the workers' sessions another setting of the server."""
        self.execute(f"alter role {self.login} set {name} = '{value}'")
        self.end_sessions()

    def register(self, devices: list[tuple[str, str]]) -> None:
        """Register and approve agents, each with a device."""
        with self.connect() as connection, connection.transaction():
            connection.execute("insert into registry_versions (source, digest) values ('fault suite', '')")
            connection.execute(
                """insert into agents (agent_id, approved, valid_from, version_from)
                   select unnest(%s::text[]), true, '2000-01-01', max(version) from registry_versions""",
                [sorted({agent for agent, _ in devices})],
            )
            connection.execute(
                """insert into devices (device_id, agent_id, store_id, valid_from, version_from)
                   select d.device, d.agent, 'store', '2000-01-01', (select max(version) from registry_versions)
                     from unnest(%s::text[], %s::text[]) as d (agent, device)""",
                [[agent for agent, _ in devices], [device for _, device in devices]],
            )

    def _let_in(self) -> None:
        password = secrets.token_urlsafe(24)
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(password + "\n")
        make = sql.SQL("create role {} login password {} in role smartstore_ingest")
        self._administer(make.format(sql.Identifier(self.login), sql.Literal(password)))

    def _drop(self) -> None:
        self.server.revive()
        self.server.drop(self.name)
        self._administer(sql.SQL("drop role if exists {}").format(sql.Identifier(self.login)))

    def _small_disk(self, ends: ExitStack) -> str:
        """Mount a small volume that the server can reach, and return the tablespace on it."""
        private = self.server.private()
        name = f"small_{secrets.token_hex(4)}"
        self.volume = SmallVolume(private.installation.clusters / name, _SMALL_DISK_MIB, server_account())
        ends.enter_context(self.volume)
        place = sql.Literal(str(private.installation.inside(self.volume.folder)))
        self._administer(sql.SQL("create tablespace {} location {}").format(sql.Identifier(name), place))
        ends.callback(self._administer, sql.SQL("drop tablespace {}").format(sql.Identifier(name)))
        return name

    def _administer(self, statement: sql.Composed) -> None:
        with self.server.maintenance() as connection:
            connection.execute(statement)
