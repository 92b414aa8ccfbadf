"""Maps of histories: a TOML file that says which columns of a CSV or Parquet file hold which readings.

A map lists ``[[reading]]`` tables, each with the ``column`` that holds the values, the ``device``, and what the map of
an agent says of a reading as well (``quantity``, ``unit``, ``kind``, ``scale``, ``states``, ...). A wide file has one
column a series. In a long file ``key_columns`` say which series a row is of, and each reading names its ``key``. Both
may be combined. Or ``[exported]`` names the columns of an export, whose rows hold the definitions of their series.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from edge.configuration import SettingsModel, read_configuration
from edge.decoders.mapped import MappedReading
from edge.wire.model import Identifier
from edge.wire.series import Kind

EPOCHS = {"epoch_s": 1.0, "epoch_ms": 1e3}
"""Forms of a time as a number since 1970, and how many of it make a second."""
_WITH_OFFSET = re.compile(r"%z")
Columns = tuple[str, ...]


class HistoryTime(SettingsModel):
    """``[time]``: where the rows state their time, and in which form."""

    columns: Annotated[Columns, Field(min_length=1)]
    """Columns that, joined by a blank, make up the time."""
    form: str
    """``iso``, ``epoch_s``, ``epoch_ms``, ``timestamp`` (Parquet's own), or a format of ``strptime``."""
    zone: ZoneInfo | None = None
    """Zone of times that state no offset, such as ``Asia/Shanghai``."""
    marks: Literal["start", "end"] | None = None
    """Which edge of its period the time is, where a reading is an interval."""

    @field_validator("form")
    @classmethod
    def _known(cls, form: str) -> str:
        if form not in ("iso", "timestamp", *EPOCHS) and "%" not in form:
            msg = "give iso, epoch_s, epoch_ms, timestamp, or a format with % such as %Y/%m/%d %H:%M:%S"
            raise ValueError(msg)
        return form

    @model_validator(mode="after")
    def _told_where(self) -> Self:
        if self.zone is None and self.form not in EPOCHS and not _WITH_OFFSET.search(self.form):
            msg = "zone: name the zone of times that state no offset, such as Asia/Shanghai"
            raise ValueError(msg)
        if self.form in ("timestamp", *EPOCHS) and len(self.columns) > 1:
            msg = f"columns: a time of the form {self.form} stands in one column"
            raise ValueError(msg)
        return self


class HistoryReading(MappedReading):
    """One ``[[reading]]``: which values are of this series."""

    column: str
    key: Columns = ()
    """What the ``key_columns`` hold in the rows of this series."""
    device: Identifier


class ExportedColumns(SettingsModel):
    """``[exported]``: the columns of an export, in which every row names the definition of its series."""

    definition: str = "definition"
    value: str = "value"
    flags: str = "flags"
    ordinal: str = "ordinal"


class HistoryMap(SettingsModel):
    """What the columns of a history mean."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    """What the history is, for a person."""
    encoding: str = "utf-8"
    """Of a CSV file; ``gb18030`` for one saved on a Chinese Windows."""
    delimiter: Annotated[str, Field(pattern=r"^[^\"\r\n]$")] = ","
    """Between the fields of a CSV file."""
    time: HistoryTime
    key_columns: Columns = ()
    reading: tuple[HistoryReading, ...] = ()
    exported: ExportedColumns | None = None

    @field_validator("encoding")
    @classmethod
    def _encoding_known(cls, encoding: str) -> str:
        try:
            codecs.lookup(encoding)
        except LookupError:
            msg = f"'{encoding}' is no encoding that Python knows; try utf-8 or gb18030"
            raise ValueError(msg) from None
        return encoding

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.reading) == (self.exported is not None):
            msg = "give either [[reading]] tables or, for a file of 'smartstore-ingest export', [exported]"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _each_value_once(self) -> Self:
        cells: set[tuple[str, Columns]] = set()
        series: set[tuple[str, str, str]] = set()
        for reading in self.reading:
            where = f"reading of column {reading.column}, key {list(reading.key)}"
            if len(reading.key) != len(self.key_columns):
                msg = f"{where}: key_columns has {len(self.key_columns)} columns, key must have as many"
                raise ValueError(msg)
            if (reading.column, reading.key) in cells:
                msg = f"{where}: stands twice"
                raise ValueError(msg)
            name = (reading.device, reading.quantity, reading.channel)
            if name in series:
                msg = f"{where}: {reading.quantity} of {reading.device} stands twice; give each its own channel"
                raise ValueError(msg)
            cells.add((reading.column, reading.key))
            series.add(name)
        return self

    @model_validator(mode="after")
    def _edge_told(self) -> Self:
        if self.time.marks is None and any(reading.kind is Kind.INTERVAL for reading in self.reading):
            msg = "time.marks: say whether the time is the start or the end of the interval"
            raise ValueError(msg)
        return self

    @property
    def value_columns(self) -> list[str]:
        """Columns that hold values, each once, in the order of the map."""
        if self.exported is not None:
            return [self.exported.value]
        return list(dict.fromkeys(reading.column for reading in self.reading))

    @property
    def used_columns(self) -> list[str]:
        """Every column that is looked at, each once."""
        of_export = [] if self.exported is None else list(self.exported.model_dump().values())
        return list(dict.fromkeys([*self.time.columns, *self.key_columns, *self.value_columns, *of_export]))


def load_history_map(path: Path) -> HistoryMap:
    """Return the map in a TOML file.

    Raises
    ------
    edge.configuration.ConfigurationError
        The file cannot be read, is not TOML, or a key is missing, unknown or wrong; the message names it.
    """
    return read_configuration(path, HistoryMap)
