"""Things by name that are imported when they are first asked for: what an agent is not configured to use costs nothing.

A store's agent has little memory, and uses two or three of the many decoders and kinds of sources.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TypeVar

Thing = TypeVar("Thing")


class OnDemand(Mapping[str, Thing]):
    """A mapping that knows all names at once, and imports a thing when it is taken.

    Parameters
    ----------
    places
        Where each thing is: ``package.module:ATTRIBUTE``, as entry points are written.
    further
        Things that are there already.
    """

    def __init__(self, places: Mapping[str, str], further: Mapping[str, Thing] | None = None) -> None:
        self._places = dict(places)
        self._further = dict(further or {})

    def __getitem__(self, name: str) -> Thing:
        """Return a thing; ``KeyError`` where none has this name."""
        if name in self._further:
            return self._further[name]
        module, _, attribute = self._places[name].partition(":")
        thing: Thing = getattr(import_module(module), attribute)
        return thing

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a thing of this name, without importing it."""
        return name in self._places or name in self._further

    def __iter__(self) -> Iterator[str]:
        """Go through the names."""
        return iter(self._places | self._further)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._places | self._further)
