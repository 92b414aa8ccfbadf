"""A source that reads registers of a Modbus device at an interval.

The decoder gets each block as JSON, see ``edge.decoders.modbus_registers``; all of one poll with one time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from random import Random
from threading import Event
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from edge.configuration import SettingsModel
from edge.decoders.decoder import Arrival
from edge.readings import ReadingGroup
from edge.sources.decoding import NO_POSITION, PayloadReader, group
from edge.sources.line_settings import LineSettings
from edge.sources.modbus_frames import MOST_REGISTERS, ExceptionAnswerError, FrameError, question, registers_of
from edge.sources.polling import ticks
from edge.sources.source import Journal, SourceTroubleError

if TYPE_CHECKING:
    from edge.sources.device_lines import Channel
    from edge.sources.modbus_lines import Framing

_BUSY = {5, 6}
_EXCEPTIONS = {
    1: ("does not know this function", "check function: 3 reads holding registers, 4 input registers"),
    2: (
        "has no such registers",
        "check start and count: addresses count from 0 here, in many documents from 1, which is one more",
    ),
    3: ("does not take so many registers at once", "make the block smaller"),
    4: ("reports a failure of its own", "look at the device"),
    6: ("is busy", "ask less often"),
    10: ("is a gateway without a path to this unit", "check unit, and the gateway's configuration"),
    11: ("is a gateway whose unit does not answer", "check unit, and the wiring and settings behind the gateway"),
}


class BlockSettings(SettingsModel):
    """``[[source.blocks]]``: registers that are read at once."""

    function: Literal[3, 4] = 3
    """3: holding registers, 4: input registers."""
    start: Annotated[int, Field(ge=0, le=65535)]
    """Address of the first, counted from 0, as it is on the wire."""
    count: Annotated[int, Field(ge=1, le=MOST_REGISTERS)]

    @model_validator(mode="after")
    def _within_the_addresses(self) -> Self:
        if self.start + self.count > 65536:
            msg = "start and count lead beyond address 65535"
            raise ValueError(msg)
        return self


class ModbusPollSettings(LineSettings):
    """Configuration of a polled Modbus device."""

    kind: Literal["modbus_poll"] = "modbus_poll"
    transport: Literal["tcp", "rtu_over_tcp", "rtu"] = "tcp"
    """``rtu_over_tcp``: a converter that passes RTU frames on; ``rtu``: a serial device of this machine."""
    port: Annotated[int, Field(ge=1, le=65535)] = 502
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600
    unit: Annotated[int, Field(ge=0, le=255)] = 1
    blocks: Annotated[tuple[BlockSettings, ...], Field(max_length=64)] = ()
    """Without any: what the decoder's map needs."""

    @model_validator(mode="after")
    def _line(self) -> Self:
        wanted, other = ("serial", "host") if self.transport == "rtu" else ("host", "serial")
        if getattr(self, wanted) is None or getattr(self, other) is not None:
            msg = f"transport '{self.transport}' needs {wanted}, and no {other}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _something_to_read(self) -> Self:
        if not self.wanted():
            msg = "no blocks, and the decoder has no map that says which registers to read: name blocks"
            raise ValueError(msg)
        return self

    def wanted(self) -> tuple[BlockSettings, ...]:
        """Return the blocks to read: the configured ones, or what the decoder's map needs."""
        loaded = getattr(self.options, "loaded", None)
        if self.blocks or loaded is None:
            return self.blocks
        from edge.decoders.modbus_map import ModbusMap  # noqa: PLC0415 - decoders are loaded where one is configured

        if not isinstance(loaded, ModbusMap):
            return ()
        functions: dict[str, Literal[3, 4]] = {"holding": 3, "input": 4}
        return tuple(
            BlockSettings(function=functions[each.table], start=each.start, count=each.length)
            for each in loaded.requests()
        )

    def build(self) -> ModbusPoll:
        """Return the source."""
        return ModbusPoll(self, self.reader())


class ModbusPoll:
    """Reads all blocks of one unit at each tick, on a line that is opened for it."""

    def __init__(self, settings: ModbusPollSettings, reader: PayloadReader, random: Random | None = None) -> None:
        self._settings = settings
        self._reader = reader
        self._blocks = settings.wanted()
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
            The device does not answer, or refuses.
        """
        from edge.sources.device_lines import alone, explained  # noqa: PLC0415 - loaded where it is used only

        line = self._settings.line
        for _ in ticks(self._settings, stop, self._random):
            with alone(line), explained(line, f"unit {self._settings.unit}"):
                blocks = self._polled(stop)
            if blocks is None:
                return
            at_us = self._reader.now_us()
            topic = f"modbus/{self._settings.unit}"
            payloads = [self._reader.read(Arrival(block, at_us, topic, "application/json")) for block in blocks]
            if not all(payload.is_empty for payload in payloads):
                yield group(payloads, NO_POSITION)

    def _polled(self, stop: Event) -> list[bytes] | None:
        """Return every block as the decoder gets it, None where the agent stops before."""
        from edge.decoders.modbus_registers import RegisterBlock, Table  # noqa: PLC0415 - as above

        blocks: list[bytes] = []
        with closing(self._settings.open_line()) as channel:
            framing = self._framing(channel)
            for block in self._blocks:
                if stop.is_set():
                    return None
                registers = tuple(self._registers(framing, block))
                table = Table.HOLDING if block.function == 3 else Table.INPUT
                blocks.append(RegisterBlock(table, block.start, registers).payload())
        return blocks

    def _registers(self, framing: Framing, block: BlockSettings) -> list[int]:
        settings = self._settings
        for attempt in range(1, settings.attempts + 1):
            last = attempt == settings.attempts
            try:
                until_s = time.monotonic() + settings.timeout_s
                pdu = framing.ask(settings.unit, question(block.function, block.start, block.count), until_s)
                return registers_of(pdu, block.function, block.count)
            except TimeoutError:
                if last:
                    raise
            except FrameError as error:
                if last:
                    problem = f"unit {settings.unit} on {settings.line}: {error}"
                    fix = "check wiring, termination, baud and parity, and that no two units have one number"
                    raise SourceTroubleError(problem, fix) from error
            except ExceptionAnswerError as error:
                if last or error.code not in _BUSY:
                    raise _refused(settings, block, error.code) from error
        raise AssertionError("the last attempt returns or raises")

    def _framing(self, channel: Channel) -> Framing:
        from edge.sources.modbus_lines import RtuFraming, TcpFraming  # noqa: PLC0415 - as above

        return TcpFraming(channel) if self._settings.transport == "tcp" else RtuFraming(channel)


def _refused(settings: ModbusPollSettings, block: BlockSettings, code: int) -> SourceTroubleError:
    meaning, fix = _EXCEPTIONS.get(code, (f"answers with exception {code}", "see the device's document"))
    where = f"unit {settings.unit} on {settings.line}"
    return SourceTroubleError(f"{where}, function {block.function}, start {block.start}: {meaning}", fix)
