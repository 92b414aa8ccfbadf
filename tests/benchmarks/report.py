"""How a benchmark says its figures: one line each, a ratio to its limit, and an exit code."""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A figure, with the bound that it must keep where it has one."""

    name: str
    value: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def held(self) -> bool:
        """Whether the bound holds."""
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )

    def line(self) -> str:
        """Return the figure as text, with its bound and the ratio to it."""
        text = f"  {self.name:<52} {self.value:>14,.2f}"
        bound = self.at_least if self.at_least is not None else self.at_most
        if bound is None:
            return text
        sign = "at least" if self.at_least is not None else "at most"
        share = f": {self.value / bound:.2f} of it" if bound else ""
        return f"{text}   {sign} {bound:g}{share}{'' if self.held else '   MISSED'}"


def show(title: str, figures: list[Figure]) -> bool:
    """Print the figures and return whether every bound holds."""
    print(title)
    for figure in figures:
        print(figure.line(), flush=True)
    return all(figure.held for figure in figures)


def report(title: str, figures: list[Figure]) -> None:
    """Print the figures; exits 1 when a bound does not hold."""
    if not show(title, figures):
        sys.exit(1)
