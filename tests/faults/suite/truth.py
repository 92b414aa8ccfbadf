"""What is known of a load from the outside: which readings there are, whatever becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from edge.wire.series import Series

Key = tuple[str, str, str, int, int]
"""Device, quantity, channel, t in µs, ordinal: what makes a reading one and the same."""
Truth = Mapping[Key, float]


def key_of(series: Series, t_us: int, ordinal: int = 0) -> Key:
    """Return the key of a reading."""
    return series.device, series.quantity, series.channel, t_us, ordinal


class Sender(Protocol):
    """Whoever sends readings in a scenario, and knows which."""

    name: str

    @property
    def devices(self) -> list[tuple[str, str]]:
        """Its agents, each with every device that it speaks for."""

    def start(self) -> None:
        """Begin to send."""

    def truth(self) -> Truth:
        """Return the readings that it has promised to deliver so far, with their values."""

    def pending(self) -> int:
        """Return how many readings it still holds."""

    def is_settled(self) -> bool:
        """Tell whether it has sent all it will, and all of it was answered."""

    def close(self) -> None:
        """End it, whatever is pending."""
