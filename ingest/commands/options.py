"""What every verb of the command line shares: where its settings are, and how it writes lines."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ingest.settings import IngestSettings, load

Command = Callable[[argparse.Namespace], int]
Subparsers = Any
"""What ``ArgumentParser.add_subparsers`` returns; argparse does not publish its type."""


def add_verb(subparsers: Subparsers, name: str, summary: str, command: Command) -> argparse.ArgumentParser:
    """Add a verb that takes ``--config FILE`` and runs ``command``; return its parser for further arguments."""
    parser: argparse.ArgumentParser = subparsers.add_parser(name, help=summary, description=summary)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="settings of ingest (TOML)")
    parser.set_defaults(command=command)
    return parser


def add_group(subparsers: Subparsers, name: str, summary: str) -> Subparsers:
    """Add a group of verbs, such as ``refusals``; return what its verbs are added to."""
    return subparsers.add_parser(name, help=summary, description=summary).add_subparsers(required=True, metavar="VERB")


def settings_of(arguments: argparse.Namespace) -> IngestSettings:
    """Return the settings that ``--config`` names.

    Raises
    ------
    edge.configuration.ConfigurationError
        The file is missing or wrong; the message names the key.
    """
    return load(arguments.config)


def write_line(text: str = "") -> None:
    """Write one line of a command's answer to standard output."""
    sys.stdout.write(f"{text}\n")


def write_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write rows in columns as wide as their widest cell."""
    cells = [list(headings), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    for row in cells:
        write_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
