"""Numbers written as text, a column at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_CHARACTERS = b"0123456789+-.eE"
_PLAIN = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def plain_numbers(texts: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the number (float64) that each text writes in plain digits, and which texts do and are finite.

    Examples
    --------
    >>> values, plain = plain_numbers(["1.5", "", "-3", "1_000", "nan", "1e999"])
    >>> plain.tolist()
    [True, False, True, False, False, False]
    """
    with_digits = texts if all(texts) else [text or "nan" for text in texts]
    joined = "".join(texts)
    if joined.isascii() and not joined.encode("ascii").translate(None, _CHARACTERS):
        try:
            values = np.fromiter(map(float, with_digits), np.float64, len(texts))
        except ValueError:  # such as "1-2"
            pass
        else:
            return values, np.isfinite(values)
    values = np.fromiter((float(text) if _PLAIN.fullmatch(text) else np.nan for text in texts), np.float64, len(texts))
    return values, np.isfinite(values)
