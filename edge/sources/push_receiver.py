"""What the server that devices post to asks of the source behind it."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class PushAnswer(NamedTuple):
    """What a device is told: a status of HTTP, and a JSON body that may be empty."""

    status: int
    body: bytes = b""


class PushReceiver(Protocol):
    """Who takes what was posted."""

    @property
    def name(self) -> str:
        """Name of the source."""

    def pushed(self, body: bytes, path: str, content_type: str) -> PushAnswer:
        """Return the answer to a body, when it is accepted."""

    def trouble(self, event: str, error: str, fix: str) -> None:
        """Say what was wrong with a request."""


class PushBounds(Protocol):
    """Where the server listens, and how much it takes; as in the configuration of the source."""

    @property
    def interface(self) -> str:
        """Network interface whose address is listened on."""

    @property
    def port(self) -> int:
        """TCP port."""

    @property
    def path(self) -> str:
        """Where devices post to."""

    @property
    def authentication(self) -> str:
        """One of none, basic and digest."""

    @property
    def most_bytes(self) -> int:
        """Longest body."""

    @property
    def most_connections(self) -> int:
        """Connections at a time."""

    @property
    def receive_within_s(self) -> float:
        """How long a request may take to arrive."""

    @property
    def answer_within_s(self) -> float:
        """How long the receiver may take."""
