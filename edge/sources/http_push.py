"""A source that devices push to over HTTP: answered with 200 only after what was sent is in the spool."""

from __future__ import annotations

import json
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from threading import Event
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from edge.configuration import ConfiguredPath
from edge.readings import ReadingGroup
from edge.receipt import Receipt
from edge.sources.decoding import NO_POSITION, DecodedSourceSettings, Payload, PayloadReader, group
from edge.sources.push_receiver import PushAnswer
from edge.sources.source import Journal, SourceTroubleError

if TYPE_CHECKING:
    from edge.sources.http_access import Credentials

_LOOK_S = 0.2


class HttpPushSettings(DecodedSourceSettings):
    """Configuration of a place where devices push to; one port for one decoder."""

    kind: Literal["http_push"] = "http_push"
    interface: Annotated[str, Field(min_length=1, max_length=15)] = "lo"
    """Network interface whose IPv4 address is listened on, as ``eth0``; without one, this machine alone."""
    port: Annotated[int, Field(ge=1, le=65535)]
    path: Annotated[str, Field(pattern=r"^/")] = "/"
    """Where devices post to; everything below it too. The decoder gets the path as ``topic``."""
    authentication: Literal["none", "basic", "digest"] = "none"
    """Digest where the device knows it: basic access shows the password to whoever can listen on the network."""
    username: str | None = None
    password_file: ConfiguredPath | None = None
    most_bytes: Annotated[int, Field(ge=1, le=16 * 1024 * 1024)] = 1024 * 1024
    """Longest body."""
    most_connections: Annotated[int, Field(ge=1, le=256)] = 16
    receive_within_s: Annotated[float, Field(gt=0, le=300)] = 15.0
    """How long a whole request may take to arrive, and a connection may be idle."""
    answer_within_s: Annotated[float, Field(gt=0, le=300)] = 10.0
    """After so long without acceptance the answer is 503, and nothing of the request is accepted any more."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.authentication == "none") != (self.username is None) or (self.username is None) != (
            self.password_file is None
        ):
            msg = "authentication 'basic' or 'digest' needs username and password_file, 'none' neither of them"
            raise ValueError(msg)
        return self

    def build(self) -> HttpPush:
        """Return the source."""
        return HttpPush(self, self.reader())

    def credentials(self) -> Credentials | None:
        """Return what a device must prove to know.

        Raises
        ------
        SourceTroubleError
            The password cannot be read.
        """
        from edge.sources.http_access import Credentials  # noqa: PLC0415 - HTTP is loaded where it is used only

        if self.password_file is None or self.username is None:
            return None
        try:
            password = self.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            problem = f"the password cannot be read: {error}"
            raise SourceTroubleError(problem, "check the file that password_file names, and its rights") from error
        return Credentials(self.username, password)


class HttpPush:
    """Takes what devices post, decodes it in the thread of its connection, and answers when it is accepted."""

    def __init__(self, settings: HttpPushSettings, reader: PayloadReader) -> None:
        self._settings = settings
        self._reader = reader
        self._posted: SimpleQueue[tuple[Payload, Receipt]] = SimpleQueue()

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
            The interface or the port cannot be listened on, or the password cannot be read.
        """
        from edge.sources.push_server import PushServer  # noqa: PLC0415 - HTTP is loaded where it is used only

        with PushServer(self._settings, self._settings.credentials(), self) as server:
            try:
                while not stop.is_set():
                    try:
                        payload, receipt = self._posted.get(timeout=_LOOK_S)
                    except Empty:
                        continue
                    yield from _offered(group([payload], NO_POSITION, receipt))
            finally:
                server.stop_listening()
                self._withdraw_the_rest()

    def pushed(self, body: bytes, path: str, content_type: str) -> PushAnswer:
        """Return the answer to what a device posted, waiting until it is accepted; from the connection's thread."""
        payload = self._reader.arrived(body, path, content_type)
        if payload.is_empty:
            return PushAnswer(200)
        receipt = Receipt()
        self._posted.put((payload, receipt))
        if not receipt.wait(self._settings.answer_within_s):
            return PushAnswer(503, _reason("not_accepted", "nothing of this was kept; send it again later"))
        if payload.is_refused:
            refusal = payload.refusals[0]
            return PushAnswer(400, _reason(refusal.reason, refusal.detail))
        return PushAnswer(200)

    def trouble(self, event: str, error: str, fix: str) -> None:
        """Say in log and status what was wrong with a request."""
        self._reader.trouble(event, error, fix)

    def _withdraw_the_rest(self) -> None:
        while True:
            try:
                _, receipt = self._posted.get_nowait()
            except Empty:
                return
            receipt.withdraw()


def _offered(offered: ReadingGroup) -> Iterator[ReadingGroup]:
    """Yield a group; where the agent did not take it, its sender need not wait for the acceptance."""
    try:
        yield offered
    except GeneratorExit:
        if offered.receipt is not None:
            offered.receipt.withdraw()
        raise


def _reason(reason: str, detail: str) -> bytes:
    return json.dumps({"reason": reason, "detail": detail}).encode()
