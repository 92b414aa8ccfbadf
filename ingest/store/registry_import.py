"""Write the site model: a changed set becomes the next version, and no earlier version ever reads differently."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date

from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.numeric import Int4

from edge import event_log
from ingest.registry.changes import compare
from ingest.registry.registry_set import ROW_TYPES, RegistrySet
from ingest.registry.rows import RegistryRow
from ingest.store.connection import Database
from ingest.store.registry import current_version

log = event_log.get(__name__)

_LOCK = 0x72656769  # "regi": one change of the registry at a time in a database


class UnknownAgentError(LookupError):
    """The registry knows no such agent at present; the message says what to do."""

    def __init__(self, agent_id: str) -> None:
        super().__init__(
            f"the registry has no agent '{agent_id}' that is valid now or later; add it to agents.csv, with its devices"
            " in devices.csv, and import the set"
        )


def import_set(c: Database, registry: RegistrySet, source: str) -> int:
    """Make this set the current version and return its number.

    A set equal to the current version writes nothing and returns its number. Facts that stay keep their rows, facts
    that go end with the new version, facts that come begin with it. One transaction, one import at a time.
    """
    return _change(c, source, lambda _: registry)


def set_approval(c: Database, agent_id: str, approved: bool, on: date, source: str) -> int:
    """Approve or revoke an agent, from ``on`` as far as the registry knows it, and return the version.

    Raises
    ------
    UnknownAgentError
        No fact about the agent is valid on that day or later.
    """

    def edited(registry: RegistrySet) -> RegistrySet:
        known = [a for a in registry.agents if a.agent_id == agent_id and (a.valid_to is None or a.valid_to > on)]
        if not known:
            raise UnknownAgentError(agent_id)
        others = [row for row in registry.rows() if row not in known]
        return RegistrySet.of([*others, *(agent.model_copy(update={"approved": approved}) for agent in known)])

    return _change(c, source, edited)


def read_set(c: Database, version: int | None = None) -> RegistrySet:
    """Return the whole site model as it was in a version (None: the current one)."""
    chosen = current_version(c) if version is None else version
    return RegistrySet.of(row for row_type in ROW_TYPES for row in _rows(c, row_type, chosen))


def versions(c: Database) -> list[tuple[int, str, str, str]]:
    """Return every version: its number, when it was imported (UTC, ISO form), from what, and its digest in hex."""
    return c.execute(
        """select version, to_char(imported_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), source,
                  encode(digest, 'hex')
             from registry_versions order by version"""
    ).fetchall()


def _change(c: Database, source: str, edit: Callable[[RegistrySet], RegistrySet]) -> int:
    with c.transaction():
        c.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
        version = current_version(c)
        before = read_set(c, version)
        after = edit(before)
        changes = compare(before, after)
        if not changes:
            return version
        c.execute(
            "insert into registry_versions (version, source, digest) overriding system value values (%s, %s, %s)",
            (version + 1, source, after.digest()),
        )
        for change in changes:
            _close(c, change.row_type, change.ended, version + 1)
            _open(c, change.row_type, change.begun, version + 1)
    log.info(
        "registry_changed",
        version=version + 1,
        source=source,
        facts_ended=sum(len(change.ended) for change in changes),
        facts_begun=sum(len(change.begun) for change in changes),
    )
    return version + 1


def _rows(c: Database, row_type: type[RegistryRow], version: int) -> list[RegistryRow]:
    # Without validation: what was right under the rules of its day must stay readable.
    query = sql.SQL("select {} from {} where int4range(version_from, version_to) @> %s").format(
        _names(row_type.model_fields), sql.Identifier(row_type.table)
    )
    with c.cursor(row_factory=dict_row) as cursor:
        return [row_type.model_construct(**row) for row in cursor.execute(query, (Int4(version),))]


def _close(c: Database, row_type: type[RegistryRow], rows: Iterable[RegistryRow], version: int) -> None:
    key = (*row_type.key, "valid_from")
    query = sql.SQL("update {} set version_to = %s where version_to is null and ({}) = ({})").format(
        sql.Identifier(row_type.table), _names(key), sql.SQL(", ").join([sql.Placeholder()] * len(key))
    )
    with c.cursor() as cursor:
        cursor.executemany(query, [(version, *(getattr(row, column) for column in key)) for row in rows])


def _open(c: Database, row_type: type[RegistryRow], rows: Iterable[RegistryRow], version: int) -> None:
    columns = tuple(row_type.model_fields)
    query = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(row_type.table), _names((*columns, "version_from"))
    )
    with c.cursor() as cursor, cursor.copy(query) as copy:
        for row in rows:
            copy.write_row((*(getattr(row, column) for column in columns), version))


def _names(columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
