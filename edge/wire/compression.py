"""Compressed payloads: a zlib stream (RFC 1950) of a document's text, told from the text itself by the first byte."""

from __future__ import annotations

import zlib

_FIRST_BYTE = b"x"
"""Of every zlib stream with the usual window of 32 KiB; a document's text begins with ``{``."""
_WORTH = 0.9
"""A stream is sent where it has at most this share of the text's bytes."""
_LEVEL = 6


class InflationError(ValueError):
    """Bytes that are no whole zlib stream, or one whose text is longer than allowed."""

    def __init__(self, problem: str, *, too_large: bool = False) -> None:
        super().__init__(problem)
        self.too_large = too_large


def deflated(text: bytes) -> bytes:
    """Return the stream of a document's text where that is at least a tenth smaller, else the text.

    Other releases of zlib may make other bytes of the same text: a digest is of the bytes that were made once.
    """
    stream = zlib.compress(text, _LEVEL)
    return stream if len(stream) <= _WORTH * len(text) else text


def is_deflated(payload: bytes) -> bool:
    """Tell whether a payload is to be read as a zlib stream."""
    return payload.startswith(_FIRST_BYTE)


def inflated(payload: bytes, most_bytes: int) -> bytes:
    """Return the text of a payload, compressed or not; memory for no more than ``most_bytes`` is ever taken for it.

    Raises
    ------
    InflationError
        The stream is damaged, cut, or followed by something else, or its text is longer than ``most_bytes``.
    """
    if not is_deflated(payload):
        return payload
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(payload, most_bytes + 1)
    except zlib.error as error:
        msg = f"not a zlib stream: {error}"
        raise InflationError(msg) from None
    if len(text) > most_bytes:
        msg = f"more than {most_bytes} bytes once inflated"
        raise InflationError(msg, too_large=True)
    if not stream.eof or stream.unused_data:
        msg = "a zlib stream that is cut or has something after it"
        raise InflationError(msg)
    return text


def beginning(payload: bytes, most_bytes: int) -> bytes:
    """Return the first bytes of a payload's text, also of one that is damaged or longer than allowed further on."""
    if not is_deflated(payload):
        return payload[:most_bytes]
    try:
        return zlib.decompressobj().decompress(payload, most_bytes)
    except zlib.error:
        return b""
