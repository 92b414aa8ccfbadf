"""What may be kept of a refused payload: the fields that its decoder reads, and of those nothing that is personal.

JSON, XML and forms are reduced to these fields where they stand. Anything else keeps its length and digest only: enough
to tell whether two refusals are of one payload, and to find it in the device's own log.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from edge.decoders.identity import looks_like_mac
from edge.decoders.payload import Arrival, PayloadRefusedError
from edge.wire.decode import loosely
from edge.wire.personal_data import forbidden_names

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LONGEST_KEPT = 4096
"""Characters of a refused payload that are kept at most; of longer lists the first entries are."""
LONGEST_VALUE = 64
_DEEPEST = 16
_FIRST_ENTRIES = (256, 16, 4, 1)
_BLOB = re.compile(r"[A-Za-z0-9+/_-]{32,}={0,2}")
_PART = re.compile(r"[:-][0-9A-Fa-f]{1,3}\Z")
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")
_NOTHING: Any = object()


def keeping(refused: PayloadRefusedError, arrival: Arrival, fields: frozenset[str]) -> PayloadRefusedError:
    """Return a refusal with what may be kept of the payload, or with the payload's length and digest in its detail."""
    text = refused.kept or reduced(arrival.payload, arrival.content_type, fields)
    if text:
        return PayloadRefusedError(refused.reason, refused.detail, text)
    digest = sha256(arrival.payload).hexdigest()
    return PayloadRefusedError(
        refused.reason, f"{refused.detail} (nothing kept of {len(arrival.payload)} bytes, SHA-256 {digest})"
    )


def reduced(payload: bytes, content_type: str, fields: frozenset[str]) -> str:
    """Return a payload reduced to the named fields; empty where nothing of it may be kept, or it has no names.

    The structure stays, every other field goes, and so does a value that is longer than 64 characters, or looks like a
    hardware address or a blob in base64. At most 4096 characters, and always a whole document.

    Examples
    --------
    >>> reduced(b'{"in": "x", "name": "Gate", "data": {"out": 3}}', "", frozenset({"in", "data", "out"}))
    '{"in":"x","data":{"out":3}}'
    """
    sieve = _Sieve(fields)
    for sieve.most in _FIRST_ENTRIES:
        text = _reduced(payload, content_type.lower(), sieve)
        if len(text) <= LONGEST_KEPT:
            return "" if forbidden_names(loosely(text)) else text
    return ""


def _reduced(payload: bytes, content_type: str, sieve: _Sieve) -> str:
    if content_type.startswith("multipart/"):
        return _of_parts(payload, content_type, sieve)
    if content_type.startswith("application/x-www-form-urlencoded"):
        return _of_form(payload, sieve)
    if payload.lstrip().startswith(b"<"):
        return _of_xml(payload, sieve)
    return _of_json(payload, sieve)


def _of_parts(payload: bytes, content_type: str, sieve: _Sieve) -> str:
    """Return what may be kept of the first part that has names; pictures beside it have none."""
    from edge.decoders.multipart import whole  # noqa: PLC0415 - loaded where a device sends parts only

    try:
        parts = whole(payload, content_type)
    except PayloadRefusedError:
        return ""
    found = (_reduced(part.body, part.content_type, sieve) for part in parts if "multipart" not in part.content_type)
    return next((text for text in found if text), "")


def _of_form(payload: bytes, sieve: _Sieve) -> str:
    try:
        fields = parse_qsl(payload.decode(), keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        return ""
    return urlencode([(name, value) for name, value in fields if sieve.passes(name) and sieve.is_plain(value)])


def _of_json(payload: bytes, sieve: _Sieve) -> str:
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return ""
    left = sieve.of_json(document) if isinstance(document, dict | list) else _NOTHING
    return "" if left is _NOTHING else json.dumps(left, ensure_ascii=False, separators=(",", ":"))


def _of_xml(payload: bytes, sieve: _Sieve) -> str:
    from xml.etree.ElementTree import tostring  # noqa: PLC0415 - likewise of XML

    from edge.decoders.reading_xml import xml_root  # noqa: PLC0415 - likewise of XML

    try:
        root = xml_root(payload, sieve.fields)
    except PayloadRefusedError:
        return ""
    if not sieve.passes(root.tag):
        return ""
    return tostring(sieve.of_xml(root), encoding="unicode")


class _Sieve:
    """Passes the named fields, of a list or of like elements the first ``most``."""

    def __init__(self, fields: frozenset[str]) -> None:
        self.fields = fields
        self.most = 0
        self._harmless = frozenset(name for name in fields if not forbidden_names({name: None}))

    def passes(self, name: str) -> bool:
        """Tell whether a name is one of the fields, and no name of personal data."""
        return name in self._harmless or _PART.sub("", name) in self._harmless

    def is_plain(self, text: str) -> bool:
        """Tell whether a text is short, and neither a hardware address, nor a blob, nor a name of personal data.

        Half of a surrogate pair, which JSON can write and UTF-8 cannot, is no text.
        """
        return not (
            len(text) > LONGEST_VALUE
            or _HALF_A_PAIR.search(text)
            or _BLOB.fullmatch(text)
            or looks_like_mac(text)
            or forbidden_names(f'"{text}"')
        )

    def of_json(self, node: Any, depth: int = 0) -> Any:
        """Return what passes of a JSON document; JSON within a text is taken for what it says."""
        if depth > _DEEPEST:
            return _NOTHING
        if isinstance(node, dict):
            left = {name: self.of_json(value, depth + 1) for name, value in node.items() if self.passes(name)}
            left = {name: value for name, value in left.items() if value is not _NOTHING}
            return left if left or not node else _NOTHING
        if isinstance(node, list):
            entries = [self.of_json(entry, depth + 1) for entry in node[: self.most]]
            entries = [entry for entry in entries if entry is not _NOTHING]
            return entries if entries or not node else _NOTHING
        return self._of_value(node, depth)

    def _of_value(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            if value.lstrip().startswith(("{", "[")):
                inner = loosely(value)
                return self.of_json(inner, depth + 1) if isinstance(inner, dict | list) else _NOTHING
            return value if self.is_plain(value) else _NOTHING
        return value if value is None or len(repr(value)) <= LONGEST_VALUE else _NOTHING

    def of_xml(self, element: Element) -> Element:
        """Return what passes of an element's attributes, text and children."""
        attributes = {k: v for k, v in element.attrib.items() if self.passes(k) and self.is_plain(v)}
        left = element.makeelement(element.tag, attributes)
        text = (element.text or "").strip()
        left.text = text if self.is_plain(text) else ""
        seen: Counter[str] = Counter()
        for child in element:
            seen[child.tag] += 1
            if self.passes(child.tag) and seen[child.tag] <= self.most:
                left.append(self.of_xml(child))
        return left
