"""Read a site model from a folder of CSV files, one a table; every problem of the set is reported at once.

Files are UTF-8 with or without a byte order mark, with a header line, commas, and any line ending. A column whose cells
may be empty may be missing; an empty cell takes the column's default.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ingest.registry.checks import Line, Table, set_problems, set_warnings
from ingest.registry.problems import Problem, RegistryError
from ingest.registry.registry_set import ROW_TYPES, RegistrySet
from ingest.registry.rows import Audit, Floor, RegistryRow, Tenant, Zone

OPTIONAL_FILES: tuple[type[RegistryRow], ...] = (Tenant, Floor, Zone, Audit)


def read_csv_set(folder: Path) -> RegistrySet:
    """Return the set that a folder holds.

    Raises
    ------
    RegistryError
        With every problem found, each with file and line.
    """
    problems = list(_strange_files(folder))
    tables: dict[str, Table] = {}
    for row_type in ROW_TYPES:
        tables[row_type.table] = _read_table(folder / f"{row_type.table}.csv", row_type, problems)
    problems += set_problems(tables)
    if problems:
        raise RegistryError(problems)
    rows = [line.row for table in tables.values() for line in table.lines]
    return RegistrySet.of(rows, warnings=sorted(set_warnings(tables)))


def _strange_files(folder: Path) -> Iterator[Problem]:
    if not folder.is_dir():
        yield Problem(str(folder), 0, "is not a folder; name the folder that holds the CSV files")
        return
    known = [f"{row_type.table}.csv" for row_type in ROW_TYPES]
    for path in sorted(folder.glob("*.csv")):
        if path.name not in known:
            yield Problem(path.name, 0, f"is no file of the set; rename or remove it (known: {', '.join(known)})")


def _read_table(path: Path, row_type: type[RegistryRow], problems: list[Problem]) -> Table:
    if not path.exists():
        if row_type not in OPTIONAL_FILES and path.parent.is_dir():
            problems.append(Problem(path.name, 0, "is missing; a set needs it, if only with its header line"))
        return Table(row_type, complete=row_type in OPTIONAL_FILES)
    try:
        records = list(_records(path.read_text(encoding="utf-8-sig")))
    except UnicodeDecodeError:
        problems.append(Problem(path.name, 0, "is not UTF-8; save it as 'CSV UTF-8'"))
        return Table(row_type, complete=False)
    except csv.Error as error:
        problems.append(Problem(path.name, 0, f"is not CSV ({error}); save it again as 'CSV UTF-8'"))
        return Table(row_type, complete=False)
    header_problems = list(_header_problems(path.name, records[0] if records else (0, []), row_type))
    problems += header_problems
    if header_problems:
        return Table(row_type, complete=False)
    return _rows(path.name, records, row_type, problems)


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the records that are not empty, stripped, with the line on which each begins."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins = 1
    for cells in reader:
        stripped = [cell.strip() for cell in cells]
        if any(stripped):
            yield begins, stripped
        begins = reader.line_num + 1


def _header_problems(file: str, header: tuple[int, list[str]], row_type: type[RegistryRow]) -> Iterator[Problem]:
    line, columns = header
    if not columns:
        yield Problem(file, 0, f"has no header line; begin it with: {','.join(row_type.model_fields)}")
        return
    if len(columns) == 1 and (";" in columns[0] or "\t" in columns[0]):
        yield Problem(file, line, "the separator must be a comma; save it as 'CSV UTF-8 (comma delimited)'")
        return
    fields = row_type.model_fields
    for column in dict.fromkeys(columns):
        if column not in fields:
            known = ", ".join(fields)
            yield Problem(file, line, f"unknown column '{column}'; remove or rename it (known: {known})")
        elif columns.count(column) > 1:
            yield Problem(file, line, f"column '{column}' occurs {columns.count(column)} times; keep one")
    for name, info in fields.items():
        if info.is_required() and name not in columns:
            yield Problem(file, line, f"missing column '{name}'; add it")


def _rows(
    file: str, records: list[tuple[int, list[str]]], row_type: type[RegistryRow], problems: list[Problem]
) -> Table:
    table = Table(row_type)
    columns = records[0][1]
    for line, cells in records[1:]:
        if len(cells) != len(columns):
            text = f"{len(cells)} cells under {len(columns)} columns; check for a missing or an unquoted comma"
            problems.append(Problem(file, line, text))
            table.complete = False
            continue
        given = {column: cell for column, cell in zip(columns, cells, strict=True) if cell}
        try:
            table.lines.append(Line(line, row_type.model_validate(given)))
        except ValidationError as error:
            problems += [Problem(file, line, text) for text in _texts(error)]
            table.doubtful.add(tuple(given.get(column, "") for column in row_type.key))
    return table


def _texts(error: ValidationError) -> Iterator[str]:
    for detail in error.errors(include_url=False):
        column = ".".join(map(str, detail["loc"]))
        text = _text(column, detail)
        yield f"{column}: {text}" if column else text


def _text(column: str, detail: Any) -> str:
    message = str(detail["msg"]).removeprefix("Value error, ")
    match detail["type"]:
        case "missing":
            return "is empty; give a value"
        case "value_error":
            return message
        case "string_pattern_mismatch" if column == "agent_id":
            return f"'{detail['input']}' is no name of an agent; use small letters, digits and -, at most 63"
        case "string_pattern_mismatch" if column.endswith("_id"):
            return f"'{detail['input']}' is no id; use letters, digits and _ . : -, at most 64"
        case _:
            return f"'{detail['input']}': {message}"
