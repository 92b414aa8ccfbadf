"""Times written with a fixed number of digits, read as one matrix of bytes: a block of them at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_WIDTHS = {"Y": 4, "y": 2, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2, "f": 6}
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?P<seconds>:\d\d(?:\.(?P<fraction>\d{3}|\d{6}))?)?(?P<offset>Z|[+-]\d\d:\d\d)?",
    re.ASCII,
)
_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the digits of a time stand: (directive of ``strptime``, place, width); every other byte is as in ``text``.

    ``offset_us`` is the offset from UTC that ends the text, None for a local time.
    """

    text: str
    fields: tuple[tuple[str, int, int], ...]
    offset_us: int | None = None


@lru_cache(maxsize=8)
def layout_of_form(form: str) -> Layout | None:
    """Return the layout of a format of ``strptime``; None where it has parts of no fixed width."""
    text, fields, parts = "", [], iter(form)
    for part in parts:
        if part != "%":
            text += part
            continue
        directive = next(parts, "")
        if directive not in _WIDTHS:
            return None
        fields.append((directive, len(text), _WIDTHS[directive]))
        text += "0" * _WIDTHS[directive]
    return Layout(text, tuple(fields)) if text.isascii() else None


@lru_cache(maxsize=64)
def layout_of_iso(text: str) -> Layout | None:
    """Return the layout of a time in ISO 8601; None where it is of a rarer form."""
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    fields = [("Y", 0, 4), ("m", 5, 2), ("d", 8, 2), ("H", 11, 2), ("M", 14, 2)]
    if match["seconds"]:
        fields.append(("S", 17, 2))
    if match["fraction"]:
        fields.append(("f", 20, len(match["fraction"])))
    return Layout(text, tuple(fields), _offset_us(match["offset"]))


def _offset_us(offset: str | None) -> int | None:
    if offset in {None, "Z"}:
        return None if offset is None else 0
    minutes = int(offset[1:3]) * 60 + int(offset[4:6])
    return (-minutes if offset[0] == "-" else minutes) * 60 * _SECOND_US


def read_stamps(texts: Sequence[str], layout: Layout) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return times of a layout in µs since 1970 (int64), of UTC where the layout has an offset, and which are right.

    A text of another layout, or of no time that there is, is not right; its number means nothing.
    """
    length = len(layout.text)
    fitting = np.fromiter(map(len, texts), np.int64, len(texts)) == length
    joined = "".join(texts if fitting.all() else [text for text in texts if len(text) == length])
    us = np.zeros(len(texts), np.int64)
    right = np.zeros(len(texts), bool)
    if not joined.isascii():
        return us, right
    matrix = np.frombuffer(joined.encode("ascii"), np.uint8).reshape(-1, length)
    us[fitting], right[fitting] = _read_matrix(matrix, layout)
    return us, right


def _read_matrix(matrix: NDArray[np.uint8], layout: Layout) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    right = _literals_as_in(matrix, layout)
    parts = {"Y": 1970, "m": 1, "d": 1, "H": 0, "M": 0, "S": 0, "f": 0}
    of: dict[str, NDArray[np.int64]] = {name: np.full(len(matrix), start) for name, start in parts.items()}
    for name, place, width in layout.fields:
        digits = matrix[:, place : place + width].astype(np.int64) - ord("0")
        right &= ((digits >= 0) & (digits <= 9)).all(axis=1)
        of[name] = digits @ (10 ** np.arange(width - 1, -1, -1))
        if name == "f":
            of[name] *= 10 ** (6 - width)
        elif name == "y":  # as POSIX has it
            of["Y"] = of[name] + np.where(of[name] < 69, 2000, 1900)
    right &= (of["Y"] >= 1) & (of["m"] >= 1) & (of["m"] <= 12) & (of["H"] <= 23) & (of["M"] <= 59) & (of["S"] <= 59)
    month = np.where(right, (of["Y"] - 1970) * 12 + of["m"] - 1, 0)
    first_day = month.astype("M8[M]").astype("M8[D]").astype(np.int64)
    next_first = (month + 1).astype("M8[M]").astype("M8[D]").astype(np.int64)
    right &= (of["d"] >= 1) & (of["d"] <= next_first - first_day)
    seconds = ((first_day + of["d"] - 1) * 24 + of["H"]) * 3600 + of["M"] * 60 + of["S"]
    return seconds * _SECOND_US + of["f"] - (layout.offset_us or 0), right


def _literals_as_in(matrix: NDArray[np.uint8], layout: Layout) -> NDArray[np.bool_]:
    pattern = np.frombuffer(layout.text.encode("ascii"), np.uint8)
    literal = np.ones(len(pattern), bool)
    for _, place, width in layout.fields:
        literal[place : place + width] = False
    result: NDArray[np.bool_] = (matrix[:, literal] == pattern[literal]).all(axis=1)
    return result
