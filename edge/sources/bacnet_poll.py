"""A source that reads objects of a BACnet/IP device at an interval; it needs the extra ``bacnet``.

The decoder gets all objects of one poll as JSON, see ``edge.decoders.bacnet_map``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from random import Random
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from edge.decoders.decoder import Arrival
from edge.readings import ReadingGroup
from edge.sources.decoding import NO_POSITION, PayloadReader, group
from edge.sources.polling import PollingSettings, ticks
from edge.sources.source import Journal, SourceTroubleError

if TYPE_CHECKING:
    from edge.sources.bacnet_client import BacnetClient

_LIBRARY = "bacpypes3"
_WITHOUT_UNITS = ("binary-", "multi-state-")


class BacnetPollSettings(PollingSettings):
    """Configuration of a polled BACnet/IP device."""

    kind: Literal["bacnet_poll"] = "bacnet_poll"
    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65535)] = 47808
    decoder: str = "bacnet_map"
    """Name of a decoder whose map says which objects to read."""
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 3.0
    """How long one answer may take."""
    attempts: Annotated[int, Field(ge=1, le=10)] = 2
    """How often a property is asked for before the poll fails."""

    @model_validator(mode="after")
    def _installed(self) -> Self:
        if find_spec(_LIBRARY) is None:
            msg = "kind 'bacnet_poll' needs the extra bacnet, which is missing: pip install 'smartstore[edge,bacnet]'"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _something_to_read(self) -> Self:
        if not self.objects():
            msg = "the decoder has no map that says which objects to read; use bacnet_map"
            raise ValueError(msg)
        return self

    def objects(self) -> tuple[str, ...]:
        """Return the objects that the decoder's map reads, as ``analog-input,1``."""
        from edge.decoders.bacnet_map import BacnetMap  # noqa: PLC0415 - decoders are loaded where one is configured

        loaded = getattr(self.options, "loaded", None)
        return tuple(loaded.objects()) if isinstance(loaded, BacnetMap) else ()

    def build(self) -> BacnetPoll:
        """Return the source."""
        return BacnetPoll(self, self.reader())


class BacnetPoll:
    """Reads the present value of all objects at each tick; their units once, since they are how a device is built."""

    def __init__(self, settings: BacnetPollSettings, reader: PayloadReader, random: Random | None = None) -> None:
        self._settings = settings
        self._reader = reader
        self._objects = settings.objects()
        self._random = random or Random()  # noqa: S311 - jitter, not secrets

    @property
    def name(self) -> str:
        """Name of the source."""
        return self._settings.name

    def keep(self, journal: Journal) -> None:
        """Use this journal from now on."""
        self._reader.keep(journal)

    def groups(self, position: str | None, stop: Event) -> Iterator[ReadingGroup]:
        """Ask until ``stop`` is set.

        Raises
        ------
        SourceTroubleError
            The device does not answer.
        """
        from edge.sources.bacnet_client import BacnetClient  # noqa: PLC0415 - the library is loaded where it is used only

        settings = self._settings
        where = f"{settings.host}:{settings.port}"
        try:
            with BacnetClient(settings.host, settings.port, settings.timeout_s, settings.attempts) as client:
                units: dict[str, str] = {}
                for _ in ticks(settings, stop, self._random):
                    told = []
                    for object_id in self._objects:
                        if stop.is_set():
                            return
                        told.append(_told(client, object_id, units))
                    document = json.dumps({"objects": told}).encode()
                    payload = self._reader.read(Arrival(document, self._reader.now_us(), where, "application/json"))
                    if not payload.is_empty:
                        yield group([payload], NO_POSITION)
        except TimeoutError as error:
            fix = "check host and port, that the device is on, and that no firewall keeps UDP from it"
            raise SourceTroubleError(f"{where} does not answer over BACnet/IP", fix) from error
        except OSError as error:
            fix = "check host and port, and this machine's network"
            raise SourceTroubleError(f"{where} cannot be asked: {error}", fix) from error


def _told(client: BacnetClient, object_id: str, units: dict[str, str]) -> dict[str, Any]:
    """Return what a device tells of an object; ``units`` holds those that are known, by object."""
    from edge.sources.bacnet_client import BacnetRefusedError  # noqa: PLC0415 - as above

    told: dict[str, Any] = {"object": object_id}
    try:
        told["present_value"] = client.read(object_id, "present-value")
    except BacnetRefusedError as refused:
        return told | {"error": str(refused)}
    try:
        told["status_flags"] = client.read(object_id, "status-flags")
        if object_id not in units and not object_id.startswith(_WITHOUT_UNITS):
            units[object_id] = client.read(object_id, "units")
    except BacnetRefusedError:
        pass  # an object without flags or units, as the standard allows for some
    return told | ({"units": units[object_id]} if object_id in units else {})
