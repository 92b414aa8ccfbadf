"""The house stands as designed: rooms, sizes, names, where SQL may be, and imports without cycles."""

from __future__ import annotations

import ast
import re
from importlib.metadata import entry_points
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("edge", "ingest", "analytics")
MODULES = sorted(p for package in (*PACKAGES, "deploy") for p in (ROOT / package).rglob("*.py"))
LONGEST_MODULE = 320
SQL = re.compile(
    r"\s*(?:select\s.+\sfrom\s|insert\s+into\s|update\s+\S+\s+(?:\S+\s+)?set\s|delete\s+from\s|copy\s+\S+\s*\()",
    re.IGNORECASE | re.DOTALL,
)
"""A text that begins as a statement does."""


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", [p for p in MODULES if p.name == "__init__.py"], ids=_name)
def test_a_package_door_holds_a_docstring_only(path: Path) -> None:
    body = ast.parse(path.read_text()).body
    assert len(body) == 1
    assert ast.get_docstring(ast.Module(body=body, type_ignores=[]))


def test_test_folders_are_no_packages() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_modules_are_small_named_for_their_subject_and_say_what_for(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST_MODULE
    assert path.stem not in {"utils", "helpers", "base", "manager", "common", "misc"}
    assert ast.get_docstring(ast.parse(text))


def _texts(tree: ast.AST) -> list[str]:
    """Return the text constants of a module that are not docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    constants = (n for n in ast.walk(tree) if isinstance(n, ast.Constant) and id(n) not in docstrings)
    return [n.value for n in constants if isinstance(n.value, str)]


def test_sql_is_written_in_the_store_alone() -> None:
    outside = [
        _name(path)
        for path in MODULES
        if not path.is_relative_to(ROOT / "ingest" / "store")
        and path not in {ROOT / "ingest" / "migrate.py"}
        and path.is_relative_to(ROOT / "deploy") is False
        and not path.is_relative_to(ROOT / "edge" / "spool")  # its own SQLite file, not the database
        and any(SQL.match(text) for text in _texts(ast.parse(path.read_text())))
    ]
    assert outside == []


def test_a_reader_who_follows_imports_downwards_never_comes_back_up() -> None:
    graph = grimp.build_graph(*PACKAGES)
    cycles = [
        (low, high)
        for low in sorted(graph.modules)
        for high in sorted(graph.find_modules_directly_imported_by(low))
        if graph.chain_exists(importer=high, imported=low)
    ]
    assert cycles == []


def test_console_commands_resolve() -> None:
    commands = {e.name: e for e in entry_points(group="console_scripts") if e.value.split(".")[0] in PACKAGES}
    assert set(commands) == {"smartstore-edge", "smartstore-ingest", "smartstore"}
    assert all(callable(e.load()) for e in commands.values())
