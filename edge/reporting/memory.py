"""What report rules remember, in memory alone; a step that is not accepted leaves it as it was."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
State = TypeVar("State")


class Memory(Generic[Key, State]):
    """States by key, changed in steps: ``begin``, then ``put`` and ``get``, then ``commit`` or the next ``begin``."""

    def __init__(self) -> None:
        self._kept: dict[Key, State] = {}
        self._changed: dict[Key, State | None] = {}

    def __len__(self) -> int:
        """Return the number of states kept."""
        return len(self._kept)

    def begin(self) -> None:
        """Begin a step, forgetting one that was not committed."""
        self._changed = {}

    def get(self, key: Key) -> State | None:
        """Return a state as this step sees it, None where there is none."""
        return self._changed[key] if key in self._changed else self._kept.get(key)

    def put(self, key: Key, state: State | None) -> None:
        """Change a state in this step; None forgets it."""
        self._changed[key] = state

    def items(self) -> Iterator[tuple[Key, State]]:
        """Yield the states as this step sees them; they may be changed meanwhile."""
        for key in [*self._kept, *(key for key in self._changed if key not in self._kept)]:
            state = self.get(key)
            if state is not None:
                yield key, state

    def commit(self) -> None:
        """Keep what this step changed."""
        for key, state in self._changed.items():
            if state is None:
                self._kept.pop(key, None)
            else:
                self._kept[key] = state
        self._changed = {}
