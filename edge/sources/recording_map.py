"""Maps of recordings: a TOML file that says what the columns, stamps and flows of a CSV file mean."""

from __future__ import annotations

import csv
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from edge.wire.model import Identifier
from edge.wire.quantities import QUANTITIES
from edge.wire.series import Channel, Kind, Quantity, Series, Unit


class RecordingError(ValueError):
    """A recording or its map cannot be used; the message says which, why, and what to do."""


class FlowTarget(BaseModel):
    """The quantity that one value of the flow column stands for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quantity: Quantity
    channel: Channel = ""


class RecordingMap(BaseModel):
    """What a recording's columns mean; a line holds the count of one flow over one period."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    header: str
    """The file's first line, by which a recording finds its map."""
    stamp_columns: tuple[str, ...] = Field(min_length=1)
    """Columns that, joined by a blank, make up the stamp."""
    stamp_format: str
    """Format of the joined stamp, as ``datetime.strptime`` reads it."""
    stamp: Literal["start", "end"]
    """Which edge of its period a stamp names."""
    period_s: Annotated[float, Field(gt=0, le=86_400)]
    time_zone: str
    """IANA name of the zone in which the stamps are local times."""
    device: Identifier
    flow_column: str
    value_column: str
    unit: Unit
    flows: dict[str, FlowTarget] = Field(min_length=1)
    """Target of each value of the flow column."""

    @field_validator("time_zone")
    @classmethod
    def _zone_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            msg = f"'{name}' is not known here; check the name, or install the time zones (Debian: apt install tzdata)"
            raise ValueError(msg) from None
        return name

    @field_validator("stamp_format")
    @classmethod
    def _without_zone(cls, stamp_format: str) -> str:
        if re.search(r"%[zZ]", stamp_format):
            msg = "%z and %Z are not supported: stamps are local times of time_zone"
            raise ValueError(msg)
        return stamp_format

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        missing = {*self.stamp_columns, self.flow_column, self.value_column} - set(self.columns)
        if missing:
            msg = f"header lacks the columns {', '.join(sorted(missing))}"
            raise ValueError(msg)
        for target in self.flows.values():
            known = QUANTITIES.get(target.quantity)
            if known is None or known.unit is not self.unit or Kind.INTERVAL not in known.kinds:
                msg = f"flows: '{target.quantity}' is not a quantity counted per interval in {self.unit}"
                raise ValueError(msg)
        return self

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in the file's order."""
        return fields_of(self.header)

    def series_by_flow(self) -> dict[str, Series]:
        """Return the series of each flow."""
        return {
            flow: Series(
                device=self.device,
                quantity=target.quantity,
                channel=target.channel,
                unit=self.unit,
                kind=Kind.INTERVAL,
                period_s=self.period_s,
            )
            for flow, target in self.flows.items()
        }


def fields_of(line: str) -> list[str]:
    """Return the fields of one line of CSV.

    Raises
    ------
    csv.Error
        If its quotes do not close.
    """
    return next(csv.reader([line], strict=True), [])


def load_map(path: Path) -> RecordingMap:
    """Return the map in a TOML file.

    Raises
    ------
    RecordingError
        If it cannot be read or does not say everything; the message names the file and the key.
    """
    try:
        return RecordingMap.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        msg = f"recording map {path}: {error.strerror}; check source.map"
        raise RecordingError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"recording map {path} is not TOML: {error}"
        raise RecordingError(msg) from error
    except ValidationError as error:
        details = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'map'}: {e['msg']}" for e in error.errors())
        msg = f"recording map {path}: {details}"
        raise RecordingError(msg) from error


def first_line(path: Path) -> str:
    """Return the first line of a recording, without its end.

    Raises
    ------
    RecordingError
        If the file cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return file.readline().rstrip("\n")
    except OSError as error:
        msg = f"recording {path}: {error.strerror}; check source.path"
        raise RecordingError(msg) from error


def find_map(path: Path, folder: Path) -> Path:
    """Return the map in a folder whose header is the first line of a recording.

    Raises
    ------
    RecordingError
        If no map fits; the message lists the headers that are known.
    """
    header = first_line(path)
    known = {load_map(candidate).header: candidate for candidate in sorted(folder.glob("*.toml"))}
    if header not in known:
        listed = "; ".join(f"{candidate.name}: {expected}" for expected, candidate in known.items()) or "none"
        msg = f"no map in {folder} describes {path}, which begins '{header[:200]}'; write one (known: {listed})"
        raise RecordingError(msg)
    return known[header]
