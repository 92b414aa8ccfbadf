"""Reading JSON payloads strictly: a field is there with the right kind of value, or the payload says which is not."""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from typing import Any

from edge.decoders.payload import PayloadRefusedError


def json_document(payload: bytes) -> Any:
    """Return what a payload of JSON says; a refusal ``not_json`` otherwise."""
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        raise PayloadRefusedError("not_json", "the payload is not JSON in UTF-8") from None


def json_object(payload: bytes) -> dict[str, Any]:
    """Return the JSON object of a payload; a refusal ``not_json`` or ``not_an_object`` otherwise."""
    document = json_document(payload)
    if not isinstance(document, dict):
        raise PayloadRefusedError("not_an_object", "the payload is JSON, but not an object")
    return document


def number(value: Any, name: str) -> float:
    """Return a finite number that stands as a number or, as some vendors write it, as a text; never a truth value."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise PayloadRefusedError("not_a_number", f"{name} is not a number") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PayloadRefusedError("not_a_number", f"{name} is not a number")
    try:
        converted = float(value)
    except OverflowError:
        converted = math.inf
    if not math.isfinite(converted):
        raise PayloadRefusedError("not_a_number", f"{name} is not a finite number")
    return converted


def count(value: Any, name: str) -> float:
    """Return a whole number of at least zero, as a float that is exact."""
    converted = number(value, name)
    if converted < 0 or not converted.is_integer() or converted > 2**53:
        raise PayloadRefusedError("not_a_count", f"{name} is not a whole number of at least zero")
    return converted


def text(value: Any, name: str, longest: int = 64) -> str:
    """Return a text of at most ``longest`` characters."""
    if not isinstance(value, str) or len(value) > longest:
        raise PayloadRefusedError("not_a_text", f"{name} is not a text of at most {longest} characters")
    return value


def state(value: Any, name: str, *, on: Collection[Any], off: Collection[Any]) -> float:
    """Return 1 for one of the values that stand for on, 0 for one of off; a refusal ``unknown_state`` otherwise."""
    if isinstance(value, str | bytes | int) and (value in on or value in off):
        return float(value in on)
    raise PayloadRefusedError("unknown_state", f"{name} is none of the states that are documented")


def member(document: dict[str, Any], name: str) -> Any:
    """Return a member that must be there; a refusal ``missing`` names it otherwise."""
    if name not in document:
        raise PayloadRefusedError("missing", f"{name} is missing")
    return document[name]
