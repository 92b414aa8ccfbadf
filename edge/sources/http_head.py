"""The head of a request as a device sends it: its first line and its header fields, or what is wrong with them.

Python's http.server reads the same, but brings the tables of HTML with it: half a MiB of what an agent may take.
"""

from __future__ import annotations

import re
from email.message import Message
from http.client import HTTPException, parse_headers
from io import BufferedIOBase
from typing import NamedTuple

_LONGEST_LINE = 65_536
_FIRST_LINE = re.compile(r"([A-Za-z]+)[ \t]+(\S+)[ \t]+HTTP/1\.([01])[ \t]*")


class WrongHeadError(Exception):
    """A head that cannot be read; ``status`` is the answer to it."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class RequestHead(NamedTuple):
    """What a device asks for."""

    method: str
    target: str
    """Path and query."""
    fields: Message
    is_last: bool
    """Whether the device wants no further request on this connection."""
    asks_first: bool
    """Whether it sends the body only when it is told to."""


def read_head(stream: BufferedIOBase) -> RequestHead | None:
    """Return the next head of a connection; None where the device has closed it.

    Raises
    ------
    WrongHeadError
        What comes is not the head of a request of HTTP/1.0 or HTTP/1.1, or it is too long.
    OSError
        As the stream does.
    """
    line = stream.readline(_LONGEST_LINE + 1)
    if line in {b"\r\n", b"\n"}:  # some devices end the body before with one that they do not count
        line = stream.readline(_LONGEST_LINE + 1)
    if not line:
        return None
    if len(line) > _LONGEST_LINE:
        raise WrongHeadError(414, "the first line is too long")
    first = _FIRST_LINE.fullmatch(line.decode("iso-8859-1").rstrip("\r\n"))
    if first is None:
        raise WrongHeadError(400, "not a request of HTTP/1.0 or HTTP/1.1")
    method, target, minor = first.groups()
    try:
        fields = parse_headers(stream)
    except HTTPException as error:
        raise WrongHeadError(431, "the header fields are too long or too many") from error
    wishes = {wish.strip().lower() for wish in fields.get("Connection", "").split(",")}
    return RequestHead(
        method=method,
        target=re.sub("^/+", "/", target),
        fields=fields,
        is_last="close" in wishes or (minor == "0" and "keep-alive" not in wishes),
        asks_first=minor == "1" and fields.get("Expect", "").lower() == "100-continue",
    )
