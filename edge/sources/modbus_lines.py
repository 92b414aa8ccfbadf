"""How Modbus is framed on a line: TCP, and RTU frames over a serial device or a TCP connection."""

from __future__ import annotations

from typing import Protocol

from edge.sources import modbus_frames as frames
from edge.sources.device_lines import Channel
from edge.sources.modbus_frames import FrameError


class Framing(Protocol):
    """How a question and its answer are framed."""

    def ask(self, unit: int, pdu: bytes, until_s: float) -> bytes:
        """Return the PDU that answers; ``FrameError`` or ``TimeoutError`` where none does."""


class TcpFraming:
    """Modbus TCP: answers that come late are told from the one waited for by their transaction."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._transaction = 0

    def ask(self, unit: int, pdu: bytes, until_s: float) -> bytes:
        """As ``Framing``."""
        self._transaction = (self._transaction + 1) % 0x10000
        self._channel.send(frames.tcp_frame(self._transaction, unit, pdu), until_s)
        while True:
            transaction, answering, length = frames.tcp_head(self._channel.receive(frames.MBAP_BYTES, until_s))
            answer = self._channel.receive(length, until_s)
            if transaction == self._transaction:
                if answering != unit:
                    raise FrameError(f"unit {answering} answers instead of {unit}")
                return answer


class RtuFraming:
    """RTU frames with their check sum, on a serial line or through a converter that passes them on as they are."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def ask(self, unit: int, pdu: bytes, until_s: float) -> bytes:
        """As ``Framing``."""
        self._channel.discard()
        self._channel.send(frames.rtu_frame(unit, pdu), until_s)
        head = self._channel.receive(3, until_s)
        if head[0] != unit or head[1] & 0x7F != pdu[0]:
            raise FrameError("the answer is damaged, or another unit's")
        return frames.rtu_pdu(head + self._channel.receive(frames.rtu_rest(head), until_s), unit)
