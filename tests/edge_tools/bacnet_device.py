"""A BACnet/IP device on the loopback interface, made with the library that the agent asks devices with."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from bacpypes3.ipv4.app import NormalApplication
from bacpypes3.local.analog import AnalogInputObject
from bacpypes3.local.binary import BinaryInputObject
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.multistate import MultiStateValueObject
from bacpypes3.object import AccumulatorObject
from bacpypes3.pdu import IPv4Address

_WELL = {"statusFlags": [0, 0, 0, 0], "eventState": "normal", "outOfService": False}


def air_handler() -> list[Any]:
    """Return the objects of an air handling unit, as its map has them; the humidity sensor states no unit."""
    return [
        AnalogInputObject(
            objectIdentifier=("analog-input", 1), objectName="supply", presentValue=71.5, units="degreesFahrenheit",
            covIncrement=1.0, **_WELL,
        ),
        AnalogInputObject(
            objectIdentifier=("analog-input", 2), objectName="return", presentValue=44.5, units="noUnits",
            covIncrement=1.0, **_WELL,
        ),
        BinaryInputObject(
            objectIdentifier=("binary-input", 1), objectName="fan", presentValue="active", polarity="normal", **_WELL
        ),
        MultiStateValueObject(
            objectIdentifier=("multi-state-value", 3), objectName="state", presentValue=1, numberOfStates=3, **_WELL
        ),
        AccumulatorObject(
            objectIdentifier=("accumulator", 1), objectName="meter", presentValue=1_234_500, units="wattHours",
            maxPresValue=2**32 - 1, **_WELL,
        ),
    ]  # fmt: skip


class BacnetDevice:
    """Serves objects at a port that stays the same while it comes and goes."""

    def __init__(self, objects: list[Any]) -> None:
        self.objects = {str(each.objectIdentifier): each for each in objects}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._loop: asyncio.AbstractEventLoop | None = None

    def change(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change objects between two answers, as the device itself would."""
        assert self._loop is not None
        done = Event()

        def changed() -> None:
            change(self.objects)
            done.set()

        self._loop.call_soon_threadsafe(changed)
        assert done.wait(10)

    @contextmanager
    def there(self) -> Iterator[None]:
        started, stop = Event(), Event()
        thread = Thread(target=lambda: asyncio.run(self._serve(started, stop)))
        thread.start()
        try:
            assert started.wait(10)
            yield
        finally:
            stop.set()
            thread.join(10)
            assert not thread.is_alive()

    async def _serve(self, started: Event, stop: Event) -> None:
        self._loop = asyncio.get_running_loop()
        device = DeviceObject(objectIdentifier=("device", 1001), objectName="ahu", vendorIdentifier=999)
        application = NormalApplication(device, IPv4Address(f"127.0.0.1/32:{self.port}"))
        for each in self.objects.values():
            application.add_object(each)
        await asyncio.sleep(0.05)  # the library binds its socket in a task of its own
        started.set()
        while not stop.is_set():
            await asyncio.sleep(0.02)
        application.close()
        await asyncio.sleep(0)
