"""Reads the file of alert rules: the form of YAML that it is written in, and nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

_LINES = {
    "comment": re.compile(r"#.*"),
    "groups": re.compile(r"groups:"),
    "group": re.compile(r"  - name: (?P<value>[a-z-]+)"),
    "rules": re.compile(r"    rules:"),
    "alert": re.compile(r"      - alert: (?P<value>\w+)"),
    "expr": re.compile(r"        expr: (?P<value>(?!.*(?:: | #))[\w(].*)"),
    "for": re.compile(r"        for: (?P<value>\d+[mh])"),
    "labels": re.compile(r"        labels: \{severity: (?P<value>critical|warning)\}"),
    "annotations": re.compile(r"        annotations:"),
    "annotation": re.compile(r'          (?P<key>[a-z_]+): "(?P<value>[^"\\]+)"'),
}


@dataclass
class AlertRule:
    """One rule."""

    alert: str
    expr: str = ""
    severity: str = ""
    annotations: dict[str, str] = field(default_factory=dict)


def read(path: Path) -> list[AlertRule]:
    """Return the rules of a file.

    Raises
    ------
    ValueError
        A line is of none of the forms, and names it.
    """
    rules: list[AlertRule] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        kind, match = _form(line)
        if kind == "alert":
            rules.append(AlertRule(match["value"]))
        elif kind == "expr":
            rules[-1].expr = match["value"]
        elif kind == "labels":
            rules[-1].severity = match["value"]
        elif kind == "annotation":
            rules[-1].annotations[match["key"]] = match["value"]
    return rules


def _form(line: str) -> tuple[str, re.Match[str]]:
    for kind, form in _LINES.items():
        if match := form.fullmatch(line):
            return kind, match
    msg = f"this line has none of the forms that are read: {line}"
    raise ValueError(msg)
