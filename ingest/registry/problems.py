"""What is wrong with a CSV set, said so that the one who wrote it can put it right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to put right, at a line of a file (line 0: the file as a whole)."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        """Return ``file:line: text``, the form that editors jump to."""
        return f"{self.file}:{self.line}: {self.text}" if self.line else f"{self.file}: {self.text}"


class RegistryError(ValueError):
    """A set that cannot be imported, with all its problems."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))
