"""Asking one BACnet/IP device for properties: the only module that loads BACpypes3, of the extra ``bacnet``."""

from __future__ import annotations

import asyncio
import math
import socket
from types import TracebackType
from typing import Any, Self

from bacpypes3.apdu import ErrorRejectAbortNack
from bacpypes3.basetypes import BinaryPV, PropertyIdentifier
from bacpypes3.ipv4.app import NormalApplication
from bacpypes3.local.device import DeviceObject
from bacpypes3.pdu import IPv4Address
from bacpypes3.primitivedata import BitString, Enumerated, ObjectIdentifier

from edge import event_log

_NO_INSTANCE = 4_194_302
"""The highest instance that a device can have; the client never tells it to anybody."""
_NO_VENDOR = 999
_SILENCE = frozenset({"no-response", "tsm-timeout"})
"""Reasons by which the library says that nothing came."""

log = event_log.get(__name__)


class BacnetRefusedError(Exception):
    """The device answers that it will not; the text is the standard's name of the reason, as ``unknown-object``."""


class _Silent(NormalApplication):  # type: ignore[misc]  # the library has no types
    """A client that is no device of the network: it answers nobody, and nothing can be read from or written to it."""

    async def indication(self, _apdu: Any) -> None:
        """Ignore what others ask."""


class BacnetClient:
    """Within ``with``: one UDP socket at a free port. Not for several threads.

    Parameters
    ----------
    host, port
        Of the device.
    timeout_s
        How long one answer may take.
    attempts
        How often a property is asked for.
    """

    def __init__(self, host: str, port: int, timeout_s: float, attempts: int) -> None:
        self._where = (host, port)
        self._longest_s = timeout_s * attempts + 1.0
        self._timing = {"apduTimeout": round(timeout_s * 1000), "numberOfApduRetries": attempts - 1}
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        """Open the socket; ``OSError`` where the host has no IPv4 address, or no way leads to it."""
        try:
            self._device, own = _addresses(*self._where)
            self._runner.get_loop().set_exception_handler(_note)
            self._application = self._runner.run(self._opened(own))
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the socket."""
        self._runner.run(self._closed())
        self._runner.close()

    def read(self, object_id: str, name: str) -> Any:
        """Return a property of an object: a number, a truth value, a text, a list of the flags that are set, or None.

        Raises
        ------
        BacnetRefusedError
            The device refuses.
        TimeoutError
            It does not answer.
        """
        try:
            return self._runner.run(self._read(ObjectIdentifier(object_id), PropertyIdentifier(name)))
        except ErrorRejectAbortNack as refused:
            reason = str(refused.reason)
            if reason in _SILENCE:
                raise TimeoutError("no answer") from None
            raise BacnetRefusedError(reason) from None

    async def _read(self, object_id: Any, name: Any) -> Any:
        asked = self._application.read_property(self._device, object_id, name)
        return _plain(await asyncio.wait_for(asked, self._longest_s))

    async def _opened(self, own: Any) -> NormalApplication:
        device = DeviceObject(
            objectIdentifier=("device", _NO_INSTANCE), objectName="client", vendorIdentifier=_NO_VENDOR, **self._timing
        )
        return _Silent(device, own)

    async def _closed(self) -> None:
        self._application.close()
        await asyncio.sleep(0)  # lets the transport let go of the socket


def _addresses(host: str, port: int) -> tuple[Any, Any]:
    """Return the addresses of the device and of this machine on the way to it, at any free port."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind) as way:
        way.connect(address)
        own = way.getsockname()[0]
    return IPv4Address(f"{address[0]}:{port}"), IPv4Address(f"{own}/32:0")


def _plain(value: Any) -> Any:
    """Return a value of the library as JSON can hold it; a number that is none is None, as Null is."""
    if isinstance(value, BinaryPV):
        return str(value) == "active"
    if isinstance(value, BitString):
        return [flag for flag in str(value).split(";") if flag]
    if isinstance(value, Enumerated):
        return str(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, int):
        return int(value)
    return str(value) if isinstance(value, str) else None


def _note(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Note what the library stumbled over, such as a datagram that is no BACnet; nothing else depends on it."""
    error = type(context.get("exception")).__name__
    log.debug("bacnet_datagram_ignored", problem=context.get("message", ""), error=error)
