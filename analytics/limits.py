"""Limits as data: each with its scheme, its source, how official it is, and from when it is in force."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from analytics.results import LimitCheck

_FILE = Path(__file__).with_name("limits.toml")


class Limit(BaseModel):
    """One limit, in force from ``valid_from`` until the next of its key begins."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    key: Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z_]+$")]
    value: float
    unit: Annotated[str, Field(min_length=1)]
    scheme: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(min_length=10)]
    status: Literal["official", "analogous", "project"]
    valid_from: date

    def check(self) -> LimitCheck:
        """Return the limit as a result names it."""
        return LimitCheck(
            key=self.key,
            value=self.value,
            unit=self.unit,
            scheme=self.scheme,
            source=self.source,
            status=self.status,
        )


class Limits:
    """A validated set of limits."""

    def __init__(self, limits: list[Limit]) -> None:
        self._of: dict[str, list[Limit]] = defaultdict(list)
        for limit in sorted(limits, key=lambda each: each.valid_from):
            same = self._of[limit.key]
            if same and same[-1].valid_from == limit.valid_from:
                msg = f"limit {limit.key} has two entries from {limit.valid_from}; keep one"
                raise ValueError(msg)
            if same and same[-1].unit != limit.unit:
                msg = f"limit {limit.key} changes its unit from {same[-1].unit} to {limit.unit}; use a new key"
                raise ValueError(msg)
            same.append(limit)

    @property
    def keys(self) -> frozenset[str]:
        """Keys of all limits, in force or not."""
        return frozenset(self._of)

    def on(self, key: str, day: date) -> Limit | None:
        """Return the limit in force on a day, None where none is yet; an unknown key is a KeyError."""
        if key not in self._of:
            raise KeyError(key)
        in_force = [limit for limit in self._of[key] if limit.valid_from <= day]
        return in_force[-1] if in_force else None


def read_limits(path: Path = _FILE) -> Limits:
    """Read and validate a file of limits.

    Raises
    ------
    ValueError
        If an entry is wrong; the message names the file, the entry and the field.
    """
    document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    limits = []
    for number, entry in enumerate(document.get("limit", []), start=1):
        try:
            limits.append(Limit.model_validate(entry))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"]))
            msg = f"{path.name}: limit {number} ({entry.get('key', 'no key')}): {field}: {first['msg']}"
            raise ValueError(msg) from error
    return Limits(limits)


@cache
def shipped_limits() -> Limits:
    """Return the limits that this release ships."""
    return read_limits()
