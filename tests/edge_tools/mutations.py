"""Payloads bent out of shape: bytes, JSON documents, XML texts and topics, each time otherwise, by a seeded random."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from random import Random
from typing import Any

_BYTES = (
    b"",
    b"\x00",
    b"\xff",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\r\n",
    b"\r\n\r\n",
    b"--",
    b'"\\ud800"',
    b"1e999",
    b"NaN",
    b"9" * 5000,
    b"[" * 2000,
    b'{"a":' * 2000,
    b"<a>" * 2000,
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"&b;",
    b"%00%ff",
    b"A" * 9000,
)
_TEXTS = (
    *("", " ", "0", "-1", "1e308", "1e999", "nan", "inf", "true", "null", "٣", "²", "０", "\u2028", "\x00", "\ud800"),
    *("9" * 400, "a" * 70, "A1b2" * 64, "/", "+", "#", "..", "24:E1:24:FF:39:20", "2026-03-02T01:05:00Z", "24:00"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30", "2026-W10-1", "2026-03-29 02:30:00"),
)
_NUMBERS = (
    *(0, -1, 1, 2**15, 2**16, 2**31, 2**32, 2**53, 2**53 + 1, 2**63, 2**64, -(2**63), 10**400, -(10**400)),
    *(0.0, -0.0, 0.5, 1e-320, 1e308, -1e308, float("nan"), float("inf"), 253_402_300_800, 4_102_444_799_999),
)
_TEXT_OF_XML = re.compile(rb">([^<>]*)<")
_DEEPEST = 30


def mutated_bytes(content: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """Return bytes with one to four places changed, cut away, repeated, or taken from elsewhere."""
    made = bytearray(content)
    for _ in range(random.randint(1, 4)):
        at = random.randint(0, len(made))
        until = min(len(made), at + random.choice((0, 1, 2, 8, 64, 1 << 20)))
        match random.randrange(6):
            case 0 if made:
                made[random.randrange(len(made))] ^= 1 << random.randrange(8)
            case 1:
                made[at:until] = random.randbytes(random.randint(0, 8))
            case 2:
                made[at:until] = random.choice(_BYTES)
            case 3:
                made[at:at] = made[at:until] * random.randint(1, 3)
            case 4:
                other = random.choice(others) if others else b""
                place = random.randint(0, len(other))
                made[at:until] = other[place : place + random.randint(0, 200)]
            case _:
                del made[at:until]
    return bytes(made[: 1 << 20])


def mutated_json(content: bytes, random: Random) -> bytes:
    """Return a JSON document with one to three nodes changed; the bytes themselves where they are none."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return content
    for _ in range(random.randint(1, 3)):
        document = _mutated_node(document, random)
    text = json.dumps(document, ensure_ascii=random.random() < 0.5)
    return text.encode("utf-8", "surrogatepass")


def _mutated_node(node: Any, random: Random, depth: int = 0) -> Any:
    if depth < _DEEPEST and random.random() < 0.85:
        if isinstance(node, dict) and node:
            return _mutated_object(node, random, depth)
        if isinstance(node, list) and node:
            place = random.randrange(len(node))
            rest = node[place + 1 :] if random.random() < 0.7 else node * random.choice((1, 1, 40))
            return [*node[:place], _mutated_node(node[place], random, depth + 1), *rest]
        if isinstance(node, str) and node.startswith(("{", "[")):
            inner = mutated_json(node.encode("utf-8", "surrogatepass"), random)
            return inner.decode("utf-8", "surrogatepass")
    if isinstance(node, str) and random.random() < 0.4:
        return mutated_text(node, random)
    return random.choice((None, True, False, [], {}, [[]], {"a": {}}, random.choice(_TEXTS), random.choice(_NUMBERS)))


def _mutated_object(node: dict[str, Any], random: Random, depth: int) -> dict[str, Any]:
    key = random.choice(sorted(node))
    if random.random() < 0.15:
        return {name: value for name, value in node.items() if name != key}
    if random.random() < 0.1:
        return {**node, random.choice(_TEXTS): node[key]}
    return {**node, key: _mutated_node(node[key], random, depth + 1)}


def mutated_text(text: str, random: Random) -> str:
    """Return a text with a part of it exchanged."""
    at = random.randint(0, len(text))
    until = min(len(text), at + random.choice((0, 1, 4, len(text))))
    return text[:at] + random.choice((*_TEXTS, chr(random.randrange(0x11_0000)))) + text[until:]


def mutated_xml(content: bytes, random: Random) -> bytes:
    """Return XML in which the text of one element is another; the bytes themselves where it has none."""
    found = list(_TEXT_OF_XML.finditer(content))
    if not found:
        return content
    chosen = random.choice(found)
    text = random.choice((random.choice(_TEXTS), str(random.choice(_NUMBERS)), "<enter>1</enter>", "<![CDATA[1]]>"))
    return content[: chosen.start(1)] + text.encode("utf-8", "surrogatepass") + content[chosen.end(1) :]


def mutated(content: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """Return a payload changed in its form or in its bytes, now and then in both."""
    made = content
    choice = random.random()
    if choice < 0.65:
        made = mutated_xml(content, random) if content.lstrip().startswith(b"<") else mutated_json(content, random)
    if choice > 0.55 or made == content:
        made = mutated_bytes(made, others, random)
    return made
