"""Reads the part of PromQL that the dashboard and the alert rules use; anything else is an error, never passed over."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from telemetry_tools.exported import Sample

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<name>[A-Za-z_:][A-Za-z0-9_:]*)
      | (?P<text>"[^"]*")
      | (?P<duration>\[\d+[smhd]\])
      | (?P<number>\d+(?:\.\d+)?)
      | (?P<sign>=~|!~|==|!=|>=|<=|[-+*/(){},=<>])
    )""",
    re.VERBOSE,
)
_OF_COUNTERS = {"rate", "increase"}
_FUNCTIONS = {*_OF_COUNTERS, "histogram_quantile", "time", "vector"}
_AGGREGATIONS = {"sum", "min", "max", "count", "topk"}
_GROUPINGS = {"by", "without", "on", "ignoring"}
_OPERATORS = {"or", "and", "unless"}
_MATCHES = {"=", "!=", "=~", "!~"}


class QueryError(ValueError):
    """A query is wrong, or uses what is not read here."""


@dataclass
class Query:
    """The series that a query reads, the labels that it groups by, and its problems against what is exported."""

    series: set[str] = field(default_factory=set)
    grouped_by: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


def read(expression: str, exported: Mapping[str, Sample]) -> Query:
    """Return what an expression uses, with a problem for each name or label that is not exported.

    Raises
    ------
    QueryError
        It is not written in the part of PromQL that is read here.
    """
    return _Reader(_tokens(expression), exported).read()


def _tokens(expression: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    place = 0
    while expression[place:].strip():
        match = _TOKEN.match(expression, place)
        if match is None or match.lastgroup is None:
            msg = f"cannot be read from here on: {expression[place:]}"
            raise QueryError(msg)
        tokens.append((match.lastgroup, match[match.lastgroup]))
        place = match.end()
    return tokens


class _Reader:
    def __init__(self, tokens: Sequence[tuple[str, str]], exported: Mapping[str, Sample]) -> None:
        self._tokens = tokens
        self._exported = exported
        self._place = 0
        self._callers: list[str] = []
        self._query = Query()

    def read(self) -> Query:
        while self._place < len(self._tokens):
            self._step()
        if self._callers:
            msg = "a bracket is not closed"
            raise QueryError(msg)
        known = {label for name in self._query.series for label in self._labels(name)}
        self._query.problems += [f"grouped by {label}" for label in sorted(self._query.grouped_by - known)]
        return self._query

    def _step(self) -> None:
        kind, text = self._take()
        if kind == "name":
            self._name(text)
        elif text == "(":
            self._callers.append("")
        elif text == ")":
            if not self._callers:
                msg = "a bracket is closed that was not opened"
                raise QueryError(msg)
            self._callers.pop()
        elif text in {"{", "}", "="} or kind in {"text", "duration"}:
            msg = f"{text} stands alone"
            raise QueryError(msg)

    def _name(self, name: str) -> None:
        if name in _OPERATORS:
            return
        if name in _GROUPINGS:
            self._query.grouped_by |= set(self._grouping())
        elif name in _FUNCTIONS and self._next() == "(":
            self._take()
            self._callers.append(name)
        elif name in _AGGREGATIONS and self._next() in {"(", *_GROUPINGS}:
            self._aggregation(name)
        elif self._next() == "(":
            msg = f"{name} is no function that is read here"
            raise QueryError(msg)
        else:
            self._selector(name)

    def _aggregation(self, name: str) -> None:
        if self._next() in _GROUPINGS:
            self._take()
            self._query.grouped_by |= set(self._grouping())
        self._expect("(")
        self._callers.append(name)

    def _grouping(self) -> list[str]:
        self._expect("(")
        labels: list[str] = []
        while True:
            kind, text = self._take()
            if kind != "name":
                msg = f"{text} where a label was expected"
                raise QueryError(msg)
            labels.append(text)
            if self._take()[1] == ")":
                return labels

    def _selector(self, name: str) -> None:
        self._query.series.add(name)
        labels = self._labels(name)
        if name not in self._exported:
            self._query.problems.append(f"{name} is not exported")
        for label in self._matchers():
            if label not in labels:
                self._query.problems.append(f"{name} has no label {label}")
        is_range = self._place < len(self._tokens) and self._tokens[self._place][0] == "duration"
        if is_range:
            self._take()
        self._check_use(name, is_range=is_range)
        if re.match(r"\w", self._next()) and self._next() not in _OPERATORS | _GROUPINGS:
            msg = f"{self._next()} follows {name} without an operator"
            raise QueryError(msg)

    def _check_use(self, name: str, *, is_range: bool) -> None:
        caller = next((caller for caller in reversed(self._callers) if caller), "")
        grows = name in self._exported and self._exported[name].kind in {"counter", "histogram"}
        if is_range != (caller in _OF_COUNTERS):
            msg = f"{name}: a range is for {sorted(_OF_COUNTERS)}, and these for a range"
            raise QueryError(msg)
        if name in self._exported and is_range != grows:
            self._query.problems.append(f"{name} only grows" if grows else f"{name} is no counter")

    def _matchers(self) -> list[str]:
        if self._next() != "{":
            return []
        self._take()
        labels: list[str] = []
        while True:
            (kind, label), (_, match), (value_kind, _) = self._take(), self._take(), self._take()
            if kind != "name" or match not in _MATCHES or value_kind != "text":
                msg = f"a matcher of {label} cannot be read"
                raise QueryError(msg)
            labels.append(label)
            if self._take()[1] == "}":
                return labels

    def _labels(self, name: str) -> frozenset[str]:
        return self._exported[name].labels if name in self._exported else frozenset()

    def _next(self) -> str:
        return self._tokens[self._place][1] if self._place < len(self._tokens) else ""

    def _take(self) -> tuple[str, str]:
        if self._place >= len(self._tokens):
            msg = "it ends in the midst"
            raise QueryError(msg)
        self._place += 1
        return self._tokens[self._place - 1]

    def _expect(self, text: str) -> None:
        _, found = self._take()
        if found != text:
            msg = f"{found} where {text} was expected"
            raise QueryError(msg)
