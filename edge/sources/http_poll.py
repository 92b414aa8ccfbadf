"""A source that asks a device over HTTP at an interval."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from threading import Event
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from edge.readings import ReadingGroup
from edge.sources.bounded_reading import ReadingStoppedError
from edge.sources.decoding import NO_POSITION, PayloadReader, group
from edge.sources.device_url import DeviceUrl
from edge.sources.polling import PollingSettings, ticks
from edge.sources.source import Journal

if TYPE_CHECKING:
    from edge.sources.http_client import HttpClient


class HttpPollSettings(PollingSettings, DeviceUrl):
    """Configuration of a polled device; what it says while the agent is off is not asked for again."""

    kind: Literal["http_poll"] = "http_poll"
    most_bytes: Annotated[int, Field(ge=1, le=16 * 1024 * 1024)] = 1024 * 1024
    """Longest answer that is read."""

    def build(self) -> HttpPoll:
        """Return the source."""
        from edge.sources.http_client import HttpClient  # noqa: PLC0415 - HTTP is loaded where it is used only

        return HttpPoll(self, HttpClient(self, self.timeout_s), self.reader())


class HttpPoll:
    """Yields what each answer says; the decoder gets path and query of the URL as ``topic``."""

    def __init__(
        self, settings: HttpPollSettings, client: HttpClient, reader: PayloadReader, random: Random | None = None
    ) -> None:
        self._settings = settings
        self._client = client
        self._reader = reader
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
            The device does not answer, or not as it should.
        """
        for _ in ticks(self._settings, stop, self._random):
            try:
                body, content_type = self._client.get_whole(stop, self._settings.most_bytes)
            except ReadingStoppedError:
                return
            payload = self._reader.arrived(body, self._settings.target, content_type)
            if not payload.is_empty:
                yield group([payload], NO_POSITION)
