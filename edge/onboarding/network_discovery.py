"""What answers on a network segment: TCP connections to a few known ports, few at a time and slowly.

Only where it is told to look, only loopback and private ranges, and no password is ever tried.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from ipaddress import IPv4Address, IPv4Network
from itertools import product
from threading import Lock
from typing import NamedTuple

from edge.onboarding import device_identification
from edge.onboarding.suggestion import Suggestion
from edge.onboarding.wording import Words

_RANGES = tuple(map(IPv4Network, ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")))
"""Loopback (RFC 1122), private (RFC 1918) and link-local (RFC 3927)."""
_MOST_ADDRESSES = 1024
_AT_A_TIME = 16
PORTS: Mapping[str, int] = {"modbus": 502, "http": 80, "mqtt": 1883}
"""What is looked for, and where."""


class NetworkError(ValueError):
    """A network that is not looked at; ``words`` says why."""

    def __init__(self, words: Words) -> None:
        super().__init__(words.en)
        self.words = words


class Bounds(NamedTuple):
    """How gently to look."""

    connections_per_s: float = 50.0
    answer_s: float = 1.0
    longest_s: float = 180.0


def network_of(text: str) -> IPv4Network:
    """Return the network that a text names, such as ``192.168.1.0/24``.

    Raises
    ------
    NetworkError
        It is none, too large, or not one of a store's own.
    """
    try:
        network = IPv4Network(text, strict=False)
    except ValueError:
        words = Words(
            "'{text}' is no IPv4 network such as 192.168.1.0/24", "“{text}”不是 IPv4 网段，例如 192.168.1.0/24"
        )
        raise NetworkError(words.format(text=text)) from None
    if not any(network.subnet_of(each) for each in _RANGES):
        words = Words(
            "{text} is not private: only loopback, private (10, 172.16-31, 192.168) and link-local ranges are allowed",
            "{text} 不是内网：只查看环回、内网（10、172.16-31、192.168）和链路本地网段",
        )
        raise NetworkError(words.format(text=text))
    if network.num_addresses > _MOST_ADDRESSES:
        words = Words(
            "{text} has {count} addresses: name a part of at most {most}, such as a /24",
            "{text} 有 {count} 个地址：请指定不超过 {most} 个地址的部分，例如 /24",
        )
        raise NetworkError(words.format(text=text, count=network.num_addresses, most=_MOST_ADDRESSES))
    return network


def found_on(network: IPv4Network, bounds: Bounds, ports: Mapping[str, int] = PORTS) -> Iterator[Suggestion]:
    """Yield what answers, by address; what is not looked at within ``longest_s`` is left out, and that is said."""
    targets = list(product(_addresses(network), ports))
    pace = _Pace(bounds.connections_per_s, time.monotonic() + bounds.longest_s)
    found: dict[tuple[IPv4Address, str], Suggestion] = {}
    left_out = 0
    with ThreadPoolExecutor(_AT_A_TIME, "discover") as pool:
        jobs = {
            pool.submit(_look, each, ports[service], service, bounds, pace): (each, service)
            for each, service in targets
        }
        for job in as_completed(jobs):
            suggestion, looked = job.result()
            left_out += not looked
            if suggestion is not None:
                found[jobs[job]] = suggestion
    for key in sorted(found):
        yield found[key]
    if left_out:
        text = Words("{count} places were not looked at: the time was over", "还有 {count} 处未查看：时间已到")
        yield Suggestion(text.format(count=left_out))


class _Pace:
    """Lets one connection begin after the other; thread-safe."""

    def __init__(self, per_s: float, until_s: float) -> None:
        self._every_s = 1.0 / per_s
        self._until_s = until_s
        self._next_s = time.monotonic()
        self._lock = Lock()

    def wait(self) -> bool:
        """Wait for a turn; False where the time is over."""
        with self._lock:
            turn_s = max(self._next_s, time.monotonic())
            if turn_s >= self._until_s:
                return False
            self._next_s = turn_s + self._every_s
        time.sleep(max(0.0, turn_s - time.monotonic()))
        return True


def _addresses(network: IPv4Network) -> Iterator[IPv4Address]:
    yield from network.hosts()


_IDENTIFY: Mapping[str, Callable[[str, int, float], Suggestion]] = {
    "modbus": device_identification.modbus,
    "http": device_identification.http,
    "mqtt": device_identification.mqtt,
}


def _look(address: IPv4Address, port: int, service: str, bounds: Bounds, pace: _Pace) -> tuple[Suggestion | None, bool]:
    """Return what answers there, and whether it was looked at."""
    if not pace.wait():
        return None, False
    host = str(address)
    try:
        with socket.create_connection((host, port), bounds.answer_s):
            pass
    except OSError:
        return None, True
    return _IDENTIFY[service](host, port, bounds.answer_s), True
