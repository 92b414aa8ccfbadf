"""``smartstore-ingest annotations``: enter what was going on at stores, list it, withdraw what was wrong."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path

from ingest.annotation_file import COLUMNS, read_annotations
from ingest.commands.options import Subparsers, add_group, add_verb, settings_of, write_line, write_table
from ingest.registry.problems import RegistryError
from ingest.store.annotations import (
    Annotation,
    UnknownAnnotationError,
    enter,
    every_annotation,
    places,
    withdraw,
)
from ingest.store.connection import Database, connect, conninfo


def add_parser(subparsers: Subparsers) -> None:
    """Add the group of verbs."""
    group = add_group(subparsers, "annotations", "enter, list or withdraw dated annotations of stores and districts")
    importing = add_verb(
        group, "import", f"enter the lines of a CSV file with the columns {','.join(COLUMNS)}", _import
    )
    importing.add_argument("file", type=Path, metavar="FILE")
    _add_by(importing)
    listing = add_verb(group, "list", "list the annotations", _list)
    listing.add_argument("--withdrawn", action="store_true", help="those withdrawn, too, with who and why")
    withdrawing = add_verb(group, "withdraw", "show an annotation no more; it is kept", _withdraw)
    withdrawing.add_argument("number", type=int, metavar="NUMBER")
    withdrawing.add_argument("--reason", required=True, help="why it is wrong")
    _add_by(withdrawing)


def _add_by(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--by", metavar="NAME", help="who says so (default: the user of this session)")


def _connection(arguments: argparse.Namespace) -> Database:
    return connect(conninfo(settings_of(arguments).database), "annotations")


def _by(arguments: argparse.Namespace) -> str:
    return str(arguments.by or getpass.getuser()).strip() or getpass.getuser()


def _import(arguments: argparse.Namespace) -> int:
    with _connection(arguments) as connection:
        try:
            rows = read_annotations(arguments.file, *places(connection))
        except RegistryError as error:
            for problem in error.problems:
                write_line(str(problem))
            return _failed(f"{len(error.problems)} problems in {arguments.file}; nothing was entered")
        entered = enter(connection, rows, _by(arguments))
    write_line(f"{len(entered)} entered, {len(rows) - len(entered)} there already")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    with _connection(arguments) as connection:
        found = every_annotation(connection)
    headings = ("number", "place", "kind", "from", "to", "text", "文字", "by")
    shown = [each for each in found if arguments.withdrawn or each.withdrawn_at is None]
    write_table(
        (*headings, "withdrawn") if arguments.withdrawn else headings,
        [(*_cells(each), _withdrawal(each)) if arguments.withdrawn else _cells(each) for each in shown],
    )
    return 0


def _cells(each: Annotation) -> tuple[object, ...]:
    place = f"store {each.store_id}" if each.store_id else f"district {each.district_id}"
    return (
        *(each.annotation_id, place, each.kind, each.from_day, each.to_day, each.text_en, each.text_zh),
        each.entered_by,
    )


def _withdrawal(each: Annotation) -> str:
    if each.withdrawn_at is None:
        return ""
    return f"{each.withdrawn_at.isoformat(timespec='seconds')} by {each.withdrawn_by}: {each.withdrawn_reason}"


def _withdraw(arguments: argparse.Namespace) -> int:
    if not arguments.reason.strip():
        return _failed("--reason is empty: say why the annotation is wrong")
    with _connection(arguments) as connection:
        try:
            withdraw(connection, arguments.number, _by(arguments), arguments.reason.strip())
        except UnknownAnnotationError as error:
            return _failed(str(error))
    write_line(f"annotation {arguments.number} is withdrawn")
    return 0


def _failed(message: str) -> int:
    sys.stderr.write(f"smartstore-ingest: {message}\n")
    return 1
