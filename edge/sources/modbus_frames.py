"""Modbus frames: pure functions between bytes and registers (Modbus Application Protocol 1.1b3; Serial Line 1.02)."""

from __future__ import annotations

import struct

MOST_REGISTERS = 125
_MBAP = struct.Struct(">HHHB")
MBAP_BYTES = _MBAP.size
_LONGEST_PDU = 253
_ERROR = 0x80


class FrameError(Exception):
    """An answer that is not one: damaged, cut off, or of another question. Asking again may help."""


class ExceptionAnswerError(Exception):
    """The device answers that it will not; ``code`` is the exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


def question(function: int, start: int, count: int) -> bytes:
    """Return the PDU that reads ``count`` registers from ``start``, which counts from 0."""
    return struct.pack(">BHH", function, start, count)


def registers_of(pdu: bytes, function: int, count: int) -> list[int]:
    """Return the registers, each 0 to 65,535, that an answering PDU holds.

    Raises
    ------
    FrameError
        The answer is not to this question.
    ExceptionAnswerError
        The device refuses.
    """
    if len(pdu) == 2 and pdu[0] == function | _ERROR:
        raise ExceptionAnswerError(pdu[1])
    if len(pdu) != 2 + 2 * count or pdu[0] != function or pdu[1] != 2 * count:
        raise FrameError("the answer is not as long as what was asked for")
    return list(struct.unpack(f">{count}H", pdu[2:]))


def crc16(frame: bytes) -> bytes:
    """Return the check sum of an RTU frame, in the order in which it is sent.

    Examples
    --------
    >>> crc16(bytes.fromhex("010300000001")).hex()
    '840a'
    """
    crc = 0xFFFF
    for byte in frame:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc.to_bytes(2, "little")


def rtu_frame(unit: int, pdu: bytes) -> bytes:
    """Return an RTU frame."""
    frame = bytes([unit]) + pdu
    return frame + crc16(frame)


def rtu_rest(head: bytes) -> int:
    """Return how many bytes follow the first three of an RTU answer to a reading question."""
    return 2 if head[1] & _ERROR else head[2] + 2


def rtu_pdu(frame: bytes, unit: int) -> bytes:
    """Return the PDU of a whole RTU answer; raises ``FrameError`` where it is damaged or another unit's."""
    if crc16(frame[:-2]) != frame[-2:]:
        raise FrameError("the check sum is wrong")
    if frame[0] != unit:
        raise FrameError(f"unit {frame[0]} answers instead of {unit}")
    return frame[1:-2]


def tcp_frame(transaction: int, unit: int, pdu: bytes) -> bytes:
    """Return a Modbus TCP frame."""
    return _MBAP.pack(transaction, 0, len(pdu) + 1, unit) + pdu


def tcp_head(head: bytes) -> tuple[int, int, int]:
    """Return (transaction, unit, bytes of the PDU that follows) of a frame's head; raises ``FrameError``."""
    transaction, protocol, length, unit = _MBAP.unpack(head)
    if protocol != 0 or not 2 <= length <= _LONGEST_PDU + 1:
        raise FrameError("the answer is not Modbus TCP")
    return transaction, unit, length - 1
