"""Free ports of the loopback interface."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress
from pathlib import Path

LOOPBACK = "127.0.0.1"
_LOWEST = 10_000
_TRIES = 100
_OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nothing listens at this moment.

    It is below those that the kernel gives to outgoing connections and to whoever wants any port, where that leaves
    some: while a server is away, nobody gets its port by chance, and it starts again on the same.
    """
    several = first_outgoing_port() - _LOWEST
    for _ in range(_TRIES if several > 0 else 0):
        with suppress(OSError):
            return _bound(_LOWEST + secrets.randbelow(several))
    return _bound(0)


def first_outgoing_port() -> int:
    """Return the lowest port that the kernel gives an outgoing connection."""
    return int(_OUTGOING.read_text().split()[0])


def _bound(port: int) -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, port))
        bound: int = probe.getsockname()[1]
        return bound
