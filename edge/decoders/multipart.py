"""Splits multipart bodies and streams, as cameras send them, into their parts: pure, for whole bodies and pieces."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge.decoders.payload import PayloadRefusedError

LONGEST_PART_BYTES = 4 * 1024 * 1024
_LONGEST_HEADERS_BYTES = 8 * 1024
_BOUNDARY = re.compile(r"boundary\s*=\s*(?:\"([^\"]{1,200})\"|([^\s;,\"]{1,200}))", re.IGNORECASE)
_BLANK_LINE = re.compile(rb"\A\r?\n|\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its media type in lower case without parameters, and its body."""

    content_type: str
    body: bytes


def boundary_of(content_type: str) -> bytes:
    """Return the boundary that a content type names, without leading dashes; a refusal ``multipart`` if none."""
    match = _BOUNDARY.search(content_type)
    boundary = (match[1] or match[2]).strip().lstrip("-") if match else ""
    if not boundary or not boundary.isascii():
        raise PayloadRefusedError("multipart", "the content type names no boundary")
    return boundary.encode()


def split(received: bytes, boundary: bytes) -> tuple[list[Part], bytes]:
    """Return the parts that are complete in what was received, and the rest, to be put before what comes next.

    A part is complete when as many bytes are there as its Content-Length says, so that a stream's event need not wait
    for the next one, or when the next delimiter is there, whichever is first. ``boundary`` is without leading dashes,
    as from ``boundary_of``: vendors disagree on whether the two dashes are part of its name. A refusal ``multipart``
    where a part is longer than ``LONGEST_PART_BYTES`` or its headers do not end: close the stream and open it anew.
    What is to be refused after complete parts is the rest: it is refused when that is split.
    """
    delimiter = _delimiter(boundary)
    parts: list[Part] = []
    try:
        while opening := delimiter.search(received):
            if opening[1]:
                return parts, b""
            found = _first_part(received[opening.end() :], delimiter)
            if found is None:
                return parts, received[opening.start() :]
            part, received = found
            parts.append(part)
        return parts, _last_line(received)
    except PayloadRefusedError:
        if not parts:
            raise
        return parts, received


def whole(body: bytes, content_type: str) -> list[Part]:
    """Return all parts of a body that has ended, with or without its closing delimiter; refusals as of ``split``."""
    boundary = boundary_of(content_type)
    parts, rest = split(body, boundary)
    if rest:
        parts += split(rest + b"\r\n--" + boundary + b"--", boundary)[0]
    if not parts:
        raise PayloadRefusedError("multipart", "the body has no part")
    return parts


def _delimiter(boundary: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"(?:\A|\r?\n)-{2,}" + re.escape(boundary) + rb"(?:(--)|[ \t]*\r?\n)")


def _last_line(rest: bytes) -> bytes:
    """Return what may be the beginning of a delimiter, which has a line of its own."""
    line = rest[max(rest.rfind(b"\n") - 1, 0) :]
    if len(line) > _LONGEST_HEADERS_BYTES:
        raise PayloadRefusedError("multipart", "there is no delimiter where one should be")
    return line


def _first_part(received: bytes, delimiter: re.Pattern[bytes]) -> tuple[Part, bytes] | None:
    """Return the part that begins here, after its delimiter, and what follows it; None while it is not complete."""
    blank = _BLANK_LINE.search(received, 0, _LONGEST_HEADERS_BYTES)
    if blank is None:
        if len(received) > _LONGEST_HEADERS_BYTES:
            raise PayloadRefusedError("multipart", "the headers of a part do not end")
        return None
    headers = _headers(received[: blank.start()])
    body = received[blank.end() :]
    length = _length(headers.get("content-length", ""))
    closing = delimiter.search(body) if length is None else delimiter.search(body[:length])
    if closing is not None:
        end = closing.start()
    elif length is not None and len(body) >= length:
        end = length
    elif len(body) > LONGEST_PART_BYTES:
        raise PayloadRefusedError("multipart", f"a part is longer than {LONGEST_PART_BYTES} bytes")
    else:
        return None
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return Part(kind, body[:end]), body[end:]


def _headers(block: bytes) -> dict[str, str]:
    named = (line.partition(":") for line in block.decode("latin-1").splitlines())
    return {name.strip().lower(): value.strip() for name, colon, value in named if colon}


def _length(stated: str) -> int | None:
    """Return a Content-Length; None where it is not stated as a number."""
    if not (stated.isascii() and stated.isdigit() and len(stated) <= 12):
        return None
    length = int(stated)
    if length > LONGEST_PART_BYTES:
        raise PayloadRefusedError("multipart", f"a part is longer than {LONGEST_PART_BYTES} bytes")
    return length
