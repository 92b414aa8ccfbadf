"""A database server that the user named."""

from __future__ import annotations

from urllib.parse import quote, urlsplit, urlunsplit

import psycopg

from standalone.failure import CannotStart
from standalone.installation import Edition


def edition_of(dsn: str) -> Edition:
    """Return what of TimescaleDB is at work in one database; none before the extension is made there."""
    with psycopg.connect(dsn, connect_timeout=10) as connection:
        connection.execute(
            "select from pg_extension"
        )  # the first statement loads the extension, and with it its settings
        row = connection.execute("select current_setting('timescaledb.license', true)").fetchone()
    licence = str(row[0]) if row else ""
    return {"timescale": Edition.COMMUNITY, "apache": Edition.APACHE}.get(licence, Edition.NONE)


class NamedServer:
    """A server that the user named by a connection URL; used, never started, stopped or configured."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
            raise CannotStart("name the database as a URL: postgresql://USER@HOST:PORT/DATABASE?passfile=FILE")
        self._parts = parts
        self.label: str = "the server that was named"
        self.edition: Edition = Edition.NONE

    @property
    def database(self) -> str:
        """The database in the URL."""
        return self._parts.path.strip("/")

    def dsn(self, database: str) -> str:
        """Return the URL with another database in it."""
        return urlunsplit(self._parts._replace(path="/" + quote(database)))

    def start(self) -> None:
        """Try the server, and learn what it is as far as the database in the URL tells."""
        try:
            with psycopg.connect(self.dsn(self.database), connect_timeout=10) as connection:
                row = connection.execute(
                    "select split_part(current_setting('server_version'), ' ', 1),"
                    " (select default_version from pg_available_extensions where name = 'timescaledb')"
                ).fetchone() or ("of unknown version", None)
        except psycopg.OperationalError as error:
            raise CannotStart(f"the named database doesn't answer: {error}") from error
        self.edition = edition_of(self.dsn(self.database))
        extension = f"TimescaleDB {row[1]}" if row[1] else "without TimescaleDB"
        self.label = f"PostgreSQL {row[0]}, {extension}, the server that was named"

    def stop(self) -> None:
        """Leave the server as it is."""
