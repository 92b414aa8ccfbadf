"""How often one address may ask: a bucket that fills again, for each address and for all of them together."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from threading import Lock

_ADDRESS_BURST, _ADDRESS_PER_S = 30.0, 1.0
"""A whole shop may stand behind one address."""
_ALL_BURST, _ALL_PER_S = 300.0, 50.0
_MOST_ADDRESSES = 10_000


@dataclass(slots=True)
class _Bucket:
    left: float
    at_s: float

    def take(self, now_s: float, burst: float, per_s: float) -> bool:
        self.left = min(burst, self.left + (now_s - self.at_s) * per_s)
        self.at_s = now_s
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Allowance:
    """Counts requests; thread-safe, of bounded size."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._lock = Lock()
        self._all = _Bucket(_ALL_BURST, monotonic_s())
        self._addresses: OrderedDict[str, _Bucket] = OrderedDict()

    def allows(self, address: str) -> bool:
        """Count a request of an address and tell whether it may be answered; an IPv6 network of /64 is one address."""
        key, now_s = _key(address), self._monotonic_s()
        with self._lock:
            bucket = self._addresses.setdefault(key, _Bucket(_ADDRESS_BURST, now_s))
            self._addresses.move_to_end(key)
            if len(self._addresses) > _MOST_ADDRESSES:
                self._addresses.popitem(last=False)
            return bucket.take(now_s, _ADDRESS_BURST, _ADDRESS_PER_S) and self._all.take(now_s, _ALL_BURST, _ALL_PER_S)


def _key(address: str) -> str:
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(ip_network((parsed, 64), strict=False))
    return str(parsed)
