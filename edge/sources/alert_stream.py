"""A source that listens to the alert stream of a Hikvision camera: one GET whose multipart answer never ends."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field

from edge.decoders.decoder import PayloadRefusedError
from edge.readings import ReadingGroup
from edge.sources.bounded_reading import ReadingStoppedError
from edge.sources.decoding import NO_POSITION, DecodedSourceSettings, PayloadReader, group
from edge.sources.device_url import DeviceUrl
from edge.sources.source import Journal, SourceTroubleError

if TYPE_CHECKING:
    from edge.decoders.multipart import Part
    from edge.sources.http_client import Answer, HttpClient

_PATH = "/ISAPI/Event/notification/alertStream"
_CHUNK_BYTES = 64 * 1024
_TEXTS = {"application/xml", "text/xml", "application/json"}
"""Media types of events; pictures come between them, and are neither kept nor decoded."""


class AlertStreamSettings(DecodedSourceSettings, DeviceUrl):
    """Configuration of an alert stream; events while nobody listens come again only where the camera resends them."""

    kind: Literal["hikvision_alert_stream"] = "hikvision_alert_stream"
    timeout_s: Annotated[float, Field(gt=0, le=300)] = 10.0
    """How long the camera may take to begin its answer."""
    silence_s: Annotated[float, Field(ge=1, le=3600)] = 120.0
    """Longest silence before the stream is opened anew; cameras send a heartbeat more often than that."""

    @property
    def target(self) -> str:
        """Path and query; the camera's usual path where the URL has none."""
        return _PATH if urlsplit(self.url).path in {"", "/"} else super().target

    def build(self) -> AlertStream:
        """Return the source."""
        from edge.sources.http_client import HttpClient  # noqa: PLC0415 - HTTP is loaded where it is used only

        return AlertStream(self, HttpClient(self, self.timeout_s), self.reader())


class AlertStream:
    """Yields what each event says, as soon as it is complete."""

    def __init__(self, settings: AlertStreamSettings, client: HttpClient, reader: PayloadReader) -> None:
        self._settings = settings
        self._client = client
        self._reader = reader

    @property
    def name(self) -> str:
        """Name of the source."""
        return self._settings.name

    def keep(self, journal: Journal) -> None:
        """Use this journal from now on."""
        self._reader.keep(journal)

    def groups(self, position: str | None, stop: Event) -> Iterator[ReadingGroup]:
        """Listen until ``stop`` is set.

        Raises
        ------
        SourceTroubleError
            The camera cannot be reached, ends the stream, or is silent for too long.
        """
        try:
            with self._client.get(stop) as answer:
                yield from self._events(answer)
        except ReadingStoppedError:
            return

    def _events(self, answer: Answer) -> Iterator[ReadingGroup]:
        from edge.decoders.multipart import boundary_of, split  # noqa: PLC0415 - as in build

        try:
            boundary = boundary_of(answer.content_type)
            rest = b""
            while True:
                answer.reader.allow(self._settings.silence_s)
                received = answer.body.read1(_CHUNK_BYTES)
                if not received:
                    fix = "where this repeats: check the camera's log, and how many listeners it allows"
                    raise SourceTroubleError("the camera ended the stream", fix)
                parts, rest = split(rest + received, boundary)
                while parts:
                    yield from self._said(parts)
                    parts, rest = split(rest, boundary)
        except PayloadRefusedError as refused:
            problem = f"the answer is not an alert stream: {refused.detail}"
            raise SourceTroubleError(problem, "check url, and that the camera knows ISAPI") from refused

    def _said(self, parts: list[Part]) -> Iterator[ReadingGroup]:
        for part in parts:
            self._reader.contact()
            if part.content_type in _TEXTS:
                payload = self._reader.arrived(part.body, self._settings.target, part.content_type)
                if not payload.is_empty:
                    yield group([payload], NO_POSITION)
