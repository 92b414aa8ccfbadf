"""Values and tables as TOML 1.0 writes them; the standard library reads TOML but does not write it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def value_text(value: Any) -> str:
    """Return a value as TOML.

    Examples
    --------
    >>> value_text({"path": "/a b", "days": [1, True]})
    '{ path = "/a b", days = [1, true] }'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key_text(key)} = {value_text(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(value_text, value)) + "]"
    if isinstance(value, str | Path):
        return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
    msg = f"no TOML for {type(value).__name__}"
    raise TypeError(msg)


def key_text(key: str) -> str:
    """Return a key as TOML: quoted where it has to be."""
    return key if _BARE_KEY.fullmatch(key) else value_text(key)


def read_value(text: str) -> Any:
    """Return the value that a person wrote: as TOML where it is, else the text itself.

    Examples
    --------
    >>> read_value("60"), read_value('["a/+"]'), read_value("http://192.168.1.20/status")
    (60, ['a/+'], 'http://192.168.1.20/status')
    """
    try:
        found = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return found["value"] if len(found) == 1 else text


def table_lines(keys: Mapping[str, Any], notes: Mapping[str, str], *, commented: bool = False) -> list[str]:
    """Return a line for each key, with its note beside it.

    ``commented`` makes comments of them: what a person may take in, with the value that holds anyway.
    """
    begin = "# " if commented else ""
    lines = [(f"{begin}{key_text(key)} = {value_text(value)}", notes.get(key, "")) for key, value in keys.items()]
    width = min(44, max((len(line) for line, note in lines if note), default=0))
    return [f"{line:<{width}}  # {note}" if note else line for line, note in lines]
