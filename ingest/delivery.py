"""A message as it came from the broker, and the bounded queue in which it waits for its write."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Condition
from typing import Protocol

from edge.wire.compression import is_deflated
from edge.wire.topics import Subject

WRITE_BYTES = 8 * 2**20
"""Most bytes of text in one write: what a transaction holds in memory stays small whatever the batches are."""
_INFLATES = 16
"""Bytes of text that a byte of a compressed payload stands for: 5 to 17 in batches of 100 to 2,000 readings."""


NO_NUMBER = 0
"""Packet number of a message that the broker wants no receipt of."""


class Line(Protocol):
    """The connection that messages came by: receipts go there, and nowhere once it is lost."""

    def acknowledge(self, numbers: Sequence[int]) -> None:
        """Give the broker the receipts of messages, by packet number."""


class NoLine:
    """In place of a connection for messages that come from elsewhere."""

    def acknowledge(self, numbers: Sequence[int]) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message; ``number`` is that of its packet on the line that it came by."""

    agent: str
    subject: Subject
    payload: bytes
    received_us: int
    number: int = NO_NUMBER
    line: Line = field(default_factory=NoLine)

    @property
    def text_bytes(self) -> int:
        """About how many bytes its payload has once inflated."""
        return len(self.payload) * (_INFLATES if is_deflated(self.payload) else 1)


def acknowledge(deliveries: Sequence[Delivery]) -> None:
    """Give the broker the receipts of messages, each on the line that it came by."""
    numbers: dict[int, list[int]] = {}
    lines: dict[int, Line] = {}
    for delivery in deliveries:
        if delivery.number != NO_NUMBER:
            of = id(delivery.line)
            lines[of] = delivery.line
            numbers.setdefault(of, []).append(delivery.number)
    for of, line in lines.items():
        line.acknowledge(numbers[of])


class Inbox:
    """A queue bounded in messages and bytes. It never blocks who offers: a full inbox says so."""

    def __init__(self, most_messages: int, most_bytes: int) -> None:
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._waiting: deque[Delivery] = deque()
        self._bytes = 0
        self._closed = False
        self._changed = Condition()

    def offer(self, delivery: Delivery) -> bool:
        """Take a message in, or return False where there is no room."""
        with self._changed:
            size = self._bytes + len(delivery.payload)
            if len(self._waiting) >= self._most_messages or (self._waiting and size > self._most_bytes):
                return False
            self._waiting.append(delivery)
            self._bytes = size
            if len(self._waiting) == 1:
                self._changed.notify_all()
            return True

    def take(self, most: int) -> list[Delivery]:
        """Wait for a message and return the next ones, in order of arrival; empty only when closed and drained."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            return self._take(most)

    def _take(self, most: int) -> list[Delivery]:
        taken: list[Delivery] = []
        size = 0
        while self._waiting and len(taken) < most and (not taken or size + self._waiting[0].text_bytes <= WRITE_BYTES):
            delivery = self._waiting.popleft()
            size += delivery.text_bytes
            self._bytes -= len(delivery.payload)
            taken.append(delivery)
        self._changed.notify_all()
        return taken

    def wait_for_room(self, timeout_s: float) -> bool:
        """Wait until at most half of the bounds are used; return whether that is so."""
        with self._changed:
            return self._changed.wait_for(self._has_room, timeout_s)

    def _has_room(self) -> bool:
        return 2 * len(self._waiting) <= self._most_messages and 2 * self._bytes <= self._most_bytes

    def close(self) -> None:
        """Take nothing more to wait for: ``take`` returns what is left, and then nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def depth(self) -> tuple[int, int]:
        """Return how many messages and how many payload bytes are waiting."""
        with self._changed:
            return len(self._waiting), self._bytes
