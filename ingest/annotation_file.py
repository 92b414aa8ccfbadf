"""Annotations as a CSV file: UTF-8 with a header line; every problem is reported at once, with its line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from edge.wire.model import Identifier
from ingest.registry.cells import Day, OptionalText
from ingest.registry.problems import Problem, RegistryError

AnnotationText = Annotated[OptionalText, StringConstraints(strip_whitespace=True)]
COLUMNS = ("district_id", "store_id", "kind", "from_day", "to_day", "text_en", "text_zh")
_LONGEST_BYTES = 4_000_000


class AnnotationRow(BaseModel):
    """One line: of a district or of a store, over local days [from_day, to_day), in one language or both."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    district_id: Identifier | Literal[""] = ""
    store_id: Identifier | Literal[""] = ""
    kind: Literal["works", "closure", "promotion", "weather", "other"]
    from_day: Day
    to_day: Day
    text_en: AnnotationText = ""
    text_zh: AnnotationText = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.district_id) == bool(self.store_id):
            msg = "give either district_id or store_id"
            raise ValueError(msg)
        if self.to_day <= self.from_day:
            msg = "to_day must be after from_day (it is the first day on which it no longer holds)"
            raise ValueError(msg)
        if not (self.text_en or self.text_zh):
            msg = "give text_en, text_zh or both"
            raise ValueError(msg)
        return self


def read_annotations(path: Path, stores: frozenset[str], districts: frozenset[str]) -> tuple[AnnotationRow, ...]:
    """Return the annotations of a file, of stores and districts that the registry knows.

    Raises
    ------
    RegistryError
        With every problem found, each with its line.
    OSError
        The file cannot be read.
    """
    problems: list[Problem] = []
    rows = []
    for line, given in _lines(path):
        if isinstance(given, str):
            problems.append(Problem(path.name, line, given))
            continue
        try:
            row = AnnotationRow.model_validate(given)
        except ValidationError as error:
            problems += [Problem(path.name, line, text) for text in _texts(error)]
            continue
        problems += [Problem(path.name, line, text) for text in _unknown(row, stores, districts)]
        rows.append(row)
    if problems:
        raise RegistryError(problems)
    return tuple(rows)


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str] | str]]:
    """Yield the cells of each line by column, or what is wrong with it."""
    if path.stat().st_size > _LONGEST_BYTES:
        yield 0, f"is longer than {_LONGEST_BYTES} bytes; is it a file of annotations? If so, divide it"
        return
    try:
        reader = csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""), strict=True)
        columns = [cell.strip() for cell in next(reader, [])]
        if wrong := _wrong_header(columns):
            yield 1, wrong
            return
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if len(stripped) == len(columns):
                yield reader.line_num, dict(zip(columns, stripped, strict=True))
            elif any(stripped):
                told = f"{len(cells)} cells under {len(columns)} columns; check for a missing or an unquoted comma"
                yield reader.line_num, told
    except UnicodeDecodeError:
        yield 0, "is not UTF-8; save it as 'CSV UTF-8'"
    except csv.Error as error:
        yield 0, f"is not CSV ({error}); save it again as 'CSV UTF-8'"


def _wrong_header(columns: list[str]) -> str | None:
    strange = [column for column in columns if column not in COLUMNS]
    lacking = [column for column in ("kind", "from_day", "to_day") if column not in columns]
    if strange or lacking or len(set(columns)) < len(columns):
        return f"the columns must be of {', '.join(COLUMNS)}, each once; kind, from_day and to_day are needed"
    return None


def _unknown(row: AnnotationRow, stores: frozenset[str], districts: frozenset[str]) -> Iterator[str]:
    if row.store_id and row.store_id not in stores:
        yield f"store_id: the registry has no store '{row.store_id}'"
    if row.district_id and row.district_id not in districts:
        yield f"district_id: the registry has no district '{row.district_id}'"


def _texts(error: ValidationError) -> Iterator[str]:
    for detail in error.errors(include_url=False):
        column = str(detail["loc"][0]) if detail["loc"] else ""
        text = _text(detail)
        yield f"{column}: {text}" if column else text


def _text(detail: Any) -> str:
    message = str(detail["msg"]).removeprefix("Value error, ")
    return message if detail["type"] in {"value_error", "missing"} else f"'{detail['input']}': {message}"
