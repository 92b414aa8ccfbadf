"""``smartstore-ingest registry``: check a CSV set of the site model, import it, look at what the registry holds."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path

from psycopg.errors import InsufficientPrivilege

from ingest.admission import today
from ingest.commands.options import Subparsers, add_group, add_verb, settings_of, write_line, write_table
from ingest.reconsider import reconsider
from ingest.registry.changes import agents_with_more_rights, approvals_withdrawn, compare
from ingest.registry.csv_set import read_csv_set
from ingest.registry.problems import RegistryError
from ingest.registry.registry_set import ROW_TYPES, RegistrySet
from ingest.settings import load
from ingest.store.connection import Database, connect, conninfo
from ingest.store.registry import current_version
from ingest.store.registry_import import import_set, read_set, versions

NO_RIGHT = "this database user may not change the registry: use settings whose [database] url names the owner"


def add_parser(subparsers: Subparsers) -> None:
    """Add the group of verbs."""
    group = add_group(subparsers, "registry", "check and import the site model, or look at it")
    check = group.add_parser("check", help="list everything that is wrong with a CSV set; write nothing")
    check.add_argument("folder", type=Path, metavar="DIR")
    check.add_argument("--config", type=Path, metavar="FILE", help="compare with the registry of this database too")
    check.set_defaults(command=_check)
    importing = add_verb(group, "import", "make a CSV set the current version of the registry", _import)
    importing.add_argument("folder", type=Path, metavar="DIR")
    show = add_verb(group, "show", "show the versions of the registry and what one holds", _show)
    show.add_argument("--version", type=int, help="the version to show (default: the current one)")


def _check(arguments: argparse.Namespace) -> int:
    registry = _read(arguments.folder)
    if registry is None:
        return 1
    write_line(f"the set is in order: {sum(1 for _ in registry.rows())} facts")
    if arguments.config:
        with connect(conninfo(load(arguments.config).database), "registry check") as connection:
            _write_changes(read_set(connection), registry)
    return 0


def _import(arguments: argparse.Namespace) -> int:
    registry = _read(arguments.folder)
    if registry is None:
        return 1
    with connect(conninfo(settings_of(arguments).database), "registry import") as connection:
        return _import_read(connection, registry, arguments.folder)


def _import_read(connection: Database, registry: RegistrySet, folder: Path) -> int:
    before, version_before = read_set(connection), current_version(connection)
    try:
        version = import_set(connection, registry, f"import of {folder.resolve().name}")
    except InsufficientPrivilege:
        return _failed(NO_RIGHT)
    if version == version_before:
        write_line(f"the set equals registry version {version}; nothing was written")
        return 0
    write_line(f"registry version {version}")
    _write_changes(before, registry)
    outcomes = reconsider(connection, agents_with_more_rights(compare(before, registry)), today())
    if outcomes:
        write_line(f"refused batches replayed: {_text(outcomes)}")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    with connect(conninfo(settings_of(arguments).database), "registry show") as connection:
        known = versions(connection)
        version = current_version(connection) if arguments.version is None else arguments.version
        if known and version not in {number for number, *_ in known}:
            return _failed(f"there is no version {version}; versions are 1 to {known[-1][0]}")
        registry = read_set(connection, version)
    if not known:
        write_line("the registry is empty; import a set with: smartstore-ingest registry import DIR --config FILE")
        return 0
    write_table(("version", "imported", "from", "digest"), [(n, at, source, d[:16]) for n, at, source, d in known])
    write_line(f"\nversion {version} holds")
    write_table(("table", "facts"), [(row_type.table, len(registry.table(row_type))) for row_type in ROW_TYPES])
    write_line()
    write_table(
        ("district", "store", "name", "名称", "format", "valid from", "to"),
        [
            (s.district_id, s.store_id, s.name_en, s.name_zh, s.format, s.valid_from, _day(s.valid_to))
            for s in registry.stores
        ],
    )
    return 0


def _read(folder: Path) -> RegistrySet | None:
    try:
        registry = read_csv_set(folder)
    except RegistryError as error:
        for problem in error.problems:
            write_line(str(problem))
        _failed(f"{len(error.problems)} problems in {folder}; nothing was written")
        return None
    for warning in registry.warnings:
        write_line(f"warning: {warning}")
    return registry


def _write_changes(before: RegistrySet, after: RegistrySet) -> None:
    changes = compare(before, after)
    if not changes:
        write_line("it equals the current version")
        return
    write_table(
        ("table", "facts ended", "facts begun"),
        [(change.row_type.table, len(change.ended), len(change.begun)) for change in changes],
    )
    for agent in approvals_withdrawn(before, after, today()):
        write_line(
            f"warning: agent {agent} was approved and is not by this set, so its batches will be refused; if that is"
            " not meant, set approved to true in agents.csv"
        )


def _failed(message: str) -> int:
    sys.stderr.write(f"smartstore-ingest: {message}\n")
    return 1


def _text(outcomes: dict[str, int]) -> str:
    return ", ".join(f"{number} {outcome}" for outcome, number in sorted(outcomes.items()))


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()
