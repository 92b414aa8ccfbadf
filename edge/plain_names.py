"""Names of machines in plain ASCII, encoded without the tables of Unicode.

Python encodes every name that it resolves, or checks a certificate for, as an international one (IDNA, RFC 3490), and
loads the tables for that: a quarter of a MiB, also for ``127.0.0.1``. By that standard a name in ASCII stays as it is.
"""

from __future__ import annotations

import codecs
import encodings
from codecs import CodecInfo
from typing import Any

_NAME = "idna"
_LABEL_CHARACTERS = 63


def load_tables_when_needed() -> None:
    """Have this process load the tables for a name outside ASCII only."""
    for search in (_search, encodings.search_function):  # who is registered first is asked first
        codecs.unregister(search)
        codecs.register(search)


def _search(name: str) -> CodecInfo | None:
    return CodecInfo(_encode, _decode, name=_NAME) if name == _NAME else None


def _encode(name: str, errors: str = "strict") -> tuple[bytes, int]:
    *labels, last = name.split(".")
    if name.isascii() and len(last) <= _LABEL_CHARACTERS and all(0 < len(one) <= _LABEL_CHARACTERS for one in labels):
        return name.encode("ascii"), len(name)
    from encodings import idna  # noqa: PLC0415 - what this module is there to avoid

    return idna.Codec().encode(name, errors)


def _decode(name: Any, errors: str = "strict") -> tuple[str, int]:
    from encodings import idna  # noqa: PLC0415 - likewise

    return idna.Codec().decode(name, errors)
