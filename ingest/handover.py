"""Between preparation and writing: parts of the next write gather here while the present one is under way.

Parts are small, so that preparation keeps up with what arrives; a write takes all that has gathered. So a write's size
follows the load by itself: single batches when it is quiet, and the more the longer the database takes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from threading import Condition
from uuid import UUID

from ingest.preparation import Prepared
from ingest.store.entries import Key


class Handover:
    """A queue of prepared parts, bounded in deliveries: about one write waits while another is under way."""

    def __init__(self, most_deliveries: int) -> None:
        self._most = most_deliveries
        self._parts: deque[Prepared] = deque()
        self._deliveries = 0
        self._closed = False
        self._changed = Condition()

    def put(self, part: Prepared) -> None:
        """Add a part; waits while there is enough for a write."""
        with self._changed:
            self._changed.wait_for(lambda: self._deliveries < self._most or self._closed)
            if self._closed:
                return  # whoever takes has ended: nothing of this part is acknowledged, so it is sent again
            self._parts.append(part)
            self._deliveries += len(part.deliveries)
            self._changed.notify_all()

    def take(self, wait_s: float) -> list[Prepared]:
        """Return the next writes in order, empty only when all is taken and nothing more comes.

        Waits for a first part, and then until there is enough for a write or ``wait_s`` has passed.
        """
        with self._changed:
            while not self._parts and not self._closed:  # another writer may take them between the two waits
                self._changed.wait_for(lambda: self._parts or self._closed)
                self._changed.wait_for(lambda: self._deliveries >= self._most or self._closed, wait_s)
            parts = list(self._parts)
            self._parts.clear()
            self._deliveries = 0
            self._changed.notify_all()
        return merged(parts)

    def depth(self) -> int:
        """Return how many deliveries wait to be written."""
        with self._changed:
            return self._deliveries

    def close(self) -> None:
        """Say that nothing more comes, or that nothing more is taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def merged(parts: Sequence[Prepared]) -> list[Prepared]:
    """Join parts to writes; parts that hold the same identity go into writes one after the other."""
    writes: list[list[Prepared]] = []
    keys: set[Key] = set()
    for part in parts:
        own = {entry.key for entry in part.entries}
        if not writes or keys & own:
            writes.append([])
            keys = set()
        writes[-1].append(part)
        keys |= own
    return [_joined(group) if len(group) > 1 else group[0] for group in writes]


def _joined(parts: Sequence[Prepared]) -> Prepared:
    wanted: dict[tuple[str, UUID], set[str]] = {}
    for part in parts:
        for addressee, digests in part.wanted.items():
            wanted.setdefault(addressee, set()).update(digests)
    return Prepared(
        entries=[entry for part in parts for entry in part.entries],
        refused=[refusal for part in parts for refusal in part.refused],
        deliveries=[delivery for part in parts for delivery in part.deliveries],
        wanted=wanted,
    )
