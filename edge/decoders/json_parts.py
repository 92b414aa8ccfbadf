"""Ways into nested JSON payloads."""

from __future__ import annotations

from typing import Any

from edge.decoders.payload import PayloadRefusedError
from edge.decoders.reading_json import count, member


def as_object(value: Any, name: str) -> dict[str, Any]:
    """Return a value that is an object; a refusal ``not_an_object`` otherwise."""
    if not isinstance(value, dict):
        raise PayloadRefusedError("not_an_object", f"{name} is not an object")
    return value


def as_list(value: Any, name: str) -> list[Any]:
    """Return a value that is a list; a refusal ``not_a_list`` otherwise."""
    if not isinstance(value, list):
        raise PayloadRefusedError("not_a_list", f"{name} is not a list")
    return value


def object_at(document: dict[str, Any], *path: str) -> dict[str, Any]:
    """Return the object at the end of a path of members; a refusal names the member that is missing or is not one."""
    for name in path:
        document = as_object(member(document, name), name)
    return document


def object_if_there(document: dict[str, Any], *path: str) -> dict[str, Any] | None:
    """Return the object at the end of a path; None where a member is absent, a refusal where it is not an object."""
    for name in path:
        if name not in document:
            return None
        document = as_object(document[name], name)
    return document


def list_at(document: dict[str, Any], name: str) -> list[Any]:
    """Return a member that is a list; a refusal where it is missing or is not one."""
    return as_list(member(document, name), name)


def numeral(document: dict[str, Any], name: str) -> str:
    """Return a member that is a small whole number, such as the identity of a line, as digits."""
    found = count(member(document, name), name)
    if found >= 10**9:
        raise PayloadRefusedError("not_a_count", f"{name} is larger than an identity can be")
    return str(int(found))
