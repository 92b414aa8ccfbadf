"""What a value of a row is of: its series, and how it is read."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from edge.decoders.payload import PayloadRefusedError
from edge.decoders.reading_json import number
from edge.wire.personal_data import forbidden_names
from edge.wire.series import Kind, Series, Unit
from ingest.history.block import HistoryError
from ingest.history.history_map import HistoryReading

_TOLD_APART = frozenset({Kind.EVENT, Kind.STATE})


class Target:
    """A series with its reading's rule; without a rule, a value is any finite number."""

    def __init__(self, series: Series, rule: HistoryReading | None = None, *, marks_end: bool = False) -> None:
        self.series = series
        self._rule = rule
        self.told_apart = series.kind in _TOLD_APART
        """Whether several readings of one instant are each their own."""
        self.shift_us = round((series.period_s or 0) * 1e6) if marks_end and series.kind is Kind.INTERVAL else 0
        """What a stated time is later than the reading's."""
        self.plain = rule is None or (not rule.states and not rule.ignore and rule.scale == 1 and rule.offset == 0)
        """Whether a plain number stands for itself."""
        self.counts = rule is not None and rule.unit is Unit.COUNT
        """Whether only whole numbers of at least zero are values."""

    def read(self, raw: Any, name: str) -> float | None:
        """Return the value that a cell of a column holds; None where the map says that it is to be ignored.

        Raises
        ------
        PayloadRefusedError
            It is no value of this series.
        """
        return number(raw, name) if self._rule is None else self._rule.value(raw, name)


class Targets:
    """The series of an import, numbered from 0 as they are met."""

    def __init__(self) -> None:
        self.all: list[Target] = []
        self._by_definition: dict[str, int] = {}

    def add(self, target: Target) -> int:
        """Take a target in; return its number.

        Raises
        ------
        HistoryError
            Its series is named like personal data.
        """
        if names := forbidden_names(target.series.model_dump(mode="json")):
            msg = f"device, quantity or channel is named like personal data ({', '.join(names)}); give it another name"
            raise HistoryError(msg)
        self.all.append(target)
        self._by_definition[target.series.definition] = len(self.all) - 1
        return len(self.all) - 1

    def of_definition(self, text: str) -> int:
        """Return the number of the series that an export defines so, taking it in when it is new.

        Raises
        ------
        PayloadRefusedError
            The text is no definition.
        """
        found = self._by_definition.get(text)
        if found is not None:
            return found
        try:
            series = Series.model_validate_json(text)
        except ValidationError:
            raise PayloadRefusedError("series", "the definition is none of a series") from None
        if series.definition != text:
            raise PayloadRefusedError("series", "the definition is not as an export writes it")
        return self.add(Target(series))
