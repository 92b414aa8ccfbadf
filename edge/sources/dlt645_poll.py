"""A source that reads an electricity meter by DL/T 645-2007 at an interval, over a serial line or a TCP converter.

The decoder gets the frame that answers each data item, as it came over the line; all of one poll with one time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from random import Random
from threading import Event
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from edge.decoders.decoder import Arrival, PayloadRefusedError
from edge.readings import ReadingGroup
from edge.sources.decoding import NO_POSITION, PayloadReader, group
from edge.sources.line_settings import LineSettings
from edge.sources.polling import ticks
from edge.sources.source import Journal, SourceTroubleError

if TYPE_CHECKING:
    from edge.sources.device_lines import Channel

_WAKE_UP = bytes([0xFE] * 4)
_START = b"\x68"
_MOST_NOISE = 64
"""Bytes that may come before an answer begins: wake-up bytes, and what a line picks up while it is switched round."""

Item = Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f]{8}$")]


class Dlt645PollSettings(LineSettings):
    """Configuration of a polled meter; ``host`` is a converter that passes bytes on as they are."""

    kind: Literal["dlt645_poll"] = "dlt645_poll"
    port: Annotated[int, Field(ge=1, le=65535)] = 4001
    """TCP port at which the converter passes the line on."""
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 2400
    decoder: str = "dlt645"
    """Name of the decoder."""
    address: Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$|^A{12}$")]
    """The meter's twelve digits, as printed on it; ``AAAAAAAAAAAA`` for the only meter on a line."""
    items: Annotated[tuple[Item, ...], Field(min_length=1, max_length=32)] = ("00010000",)
    """Data items that are asked for, in hexadecimal as the standard writes them: ``00010000`` is the forward energy."""

    @model_validator(mode="after")
    def _one_line(self) -> Self:
        if (self.host is None) == (self.serial is None):
            msg = "name one of host (a converter) and serial (a serial device of this machine)"
            raise ValueError(msg)
        return self

    def build(self) -> Dlt645Poll:
        """Return the source."""
        return Dlt645Poll(self, self.reader())


class Dlt645Poll:
    """Asks one meter for all items at each tick, on a line that is opened for it."""

    def __init__(self, settings: Dlt645PollSettings, reader: PayloadReader, random: Random | None = None) -> None:
        self._settings = settings
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
            The meter does not answer, or what comes is damaged.
        """
        from edge.sources.device_lines import alone, explained  # noqa: PLC0415 - loaded where it is used only

        line = self._settings.line
        for _ in ticks(self._settings, stop, self._random):
            with alone(line), explained(line, f"meter {self._settings.address}"):
                answers = self._polled(stop)
            if answers is None:
                return
            at_us = self._reader.now_us()
            payloads = [self._reader.read(Arrival(answer, at_us)) for answer in answers]
            if not all(payload.is_empty for payload in payloads):
                yield group(payloads, NO_POSITION)

    def _polled(self, stop: Event) -> list[bytes] | None:
        """Return the frame that answers each item, None where the agent stops before."""
        answers: list[bytes] = []
        with closing(self._settings.open_line()) as channel:
            for item in self._settings.items:
                if stop.is_set():
                    return None
                answers.append(self._answer(channel, int(item, 16)))
        return answers

    def _answer(self, channel: Channel, item: int) -> bytes:
        settings = self._settings
        for attempt in range(1, settings.attempts + 1):
            try:
                return _asked(channel, settings.address, item, time.monotonic() + settings.timeout_s)
            except TimeoutError:
                if attempt == settings.attempts:
                    raise
            except PayloadRefusedError as refused:
                if attempt == settings.attempts:
                    problem = f"meter {settings.address} on {settings.line}, item {item:08X}: {refused.detail}"
                    fix = "check wiring, baud and parity, and that no two meters on the line have one address"
                    raise SourceTroubleError(problem, fix) from refused
        raise AssertionError("the last attempt returns or raises")


def _asked(channel: Channel, address: str, item: int, until_s: float) -> bytes:
    """Return the frame that answers; a refusal where it is damaged, or answers something else."""
    from edge.decoders.dlt645 import READ_ANSWER, Frame, read_request  # noqa: PLC0415 - loaded where it is used only

    channel.discard()
    channel.send(_WAKE_UP + read_request(address, item).encode(), until_s)
    for _ in range(_MOST_NOISE):
        if channel.receive(1, until_s) == _START:
            break
    else:
        raise PayloadRefusedError("frame", "what comes over the line is not DL/T 645")
    head = _START + channel.receive(9, until_s)
    answer = head + channel.receive(head[9] + 2, until_s)
    frame = Frame.parse(answer)
    if address.isdecimal() and frame.address != address:
        raise PayloadRefusedError("frame", f"meter {frame.address} answers instead")
    if frame.control == READ_ANSWER and frame.data[:4] != item.to_bytes(4, "little"):
        raise PayloadRefusedError("frame", "the answer is to another question")
    return answer
