"""Where a device is that is asked over a line: a host, or a serial device of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from edge.configuration import ConfiguredPath
from edge.sources.polling import PollingSettings

if TYPE_CHECKING:
    from edge.sources.device_lines import Channel


class LineSettings(PollingSettings):
    """Keys of every source on a line; several sources may ask different devices on one."""

    host: Annotated[str, Field(min_length=1)] | None = None
    port: Annotated[int, Field(ge=1, le=65535)]
    serial: ConfiguredPath | None = None
    """As ``/dev/serial/by-id/...``, which stays the same over restarts."""
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200]
    parity: Literal["none", "even", "odd"] = "even"
    stop_bits: Literal[1, 2] = 1
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 2.0
    """How long one answer may take."""
    attempts: Annotated[int, Field(ge=1, le=10)] = 2
    """How often one thing is asked for before the poll fails; lines are noisy."""

    @property
    def line(self) -> str:
        """Name of the line, the same for all sources on it."""
        return str(self.serial) if self.serial is not None else f"{self.host}:{self.port}"

    def open_line(self) -> Channel:
        """Return the line, opened.

        Raises
        ------
        OSError
            The host takes no connection, or the serial device cannot be used.
        """
        from edge.sources.device_lines import SerialChannel, TcpChannel  # noqa: PLC0415 - loaded where it is used only

        if self.serial is not None:
            return SerialChannel(self.serial, self.baud, self.parity, self.stop_bits)
        return TcpChannel(self.host or "", self.port, self.timeout_s)
