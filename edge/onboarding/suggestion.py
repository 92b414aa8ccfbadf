"""What was found, as lines for a person and as a ``[[source]]`` that can be copied into the configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.onboarding.toml_text import table_lines
from edge.onboarding.wording import Language, Words

_LONGEST_SAID = 80


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One find: what it is, and the source that would read it (empty: none can be suggested)."""

    title: Words
    source: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[Words, ...] = ()
    """What a person has to fill in or to decide."""

    def text(self, language: Language) -> str:
        """Return the find as text: the title, then the source as TOML with the notes as comments."""
        lines = [f"# {self.title.told(language)}", *(f"#   {note.told(language)}" for note in self.notes)]
        if self.source:
            lines += ["[[source]]", *table_lines(self.source, {})]
        if self.source and self.options:
            lines += ["[source.options]", *table_lines(self.options, {})]
        return "\n".join(lines)


def said(text: str) -> str:
    """Return what a device said of itself, fit for a terminal: printable, and short."""
    printable = "".join(character if character.isprintable() else "?" for character in text.strip())
    return printable if len(printable) <= _LONGEST_SAID else printable[: _LONGEST_SAID - 1] + "…"


def joined(topics: Iterable[str]) -> list[str]:
    """Return filters for topics: one with ``+`` where they differ in one level only, else the topics themselves.

    Examples
    --------
    >>> joined(["zigbee2mqtt/door", "zigbee2mqtt/fridge"])
    ['zigbee2mqtt/+']
    >>> joined(["a/b", "c"])
    ['a/b', 'c']
    """
    listed = sorted(set(topics))
    levels = [topic.split("/") for topic in listed]
    if len(listed) < 2 or len({len(each) for each in levels}) > 1:
        return listed
    differing = [number for number, each in enumerate(zip(*levels, strict=True)) if len(set(each)) > 1]
    if len(differing) > 1:
        return listed
    levels[0][differing[0]] = "+"
    return ["/".join(levels[0])]
