"""The one text of a batch, read straight into arrays; what is written otherwise, or is wrong, is left to ``decode``.

Nearly every payload is the canonical text of a batch without losses, refusals and ordinals. Such a text is read here
without an object for each reading. Nothing is judged here: where anything at all is not as it should be, no batch comes
back, and the one judge of payloads says what is wrong with it, or finds that it may be written so, too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Literal, NamedTuple
from uuid import UUID

import numpy as np
import simdjson
from numpy.typing import NDArray

from edge.wire.batch import MAX_PAYLOAD_BYTES, MAX_READINGS
from edge.wire.series import MAX_SERIES, Origin
from ingest.arrived import AFTER_US, FIRST_US, NO_SERIES, ArrivedBatch

_UUID = rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_BEGINNING = re.compile(
    rb'\{"type":"batch","version":1,"spool":"(' + _UUID + rb')","sequence":(\d{1,18}),"previous":(null|"[0-9a-f]{64}"),'
    rb'"series_table":"([0-9a-f]{64})","origin":"([a-z]+)","boot":"' + _UUID + rb'","sealed_us":(\d{1,18}),'
    rb'"monotonic_us":\d{1,18},"base_us":(\d{1,18}),"series":\['
)
"""Eighteen digits are within every bound on these numbers."""
_END = b'],"ordinal":[],"losses":[],"refusals":[],"resealed_from":null}'
_FIELDS = 19
_BRACKETS = 7
"""As many as the batch has lists: none lies in another."""
_ORIGINS = {str(origin).encode(): origin for origin in Origin}
_FAR_US = 2**60
"""Further from 1970 than any date; within it, base and offset add up."""


class _Text(NamedTuple):
    """What one text says: how its batch begins, and its arrays as bytes in the machine's order."""

    begun: partial[ArrivedBatch]
    base_us: int
    readings: int
    series: bytes
    offset_us: bytes
    value: bytes
    flags: bytes


class Scanner:
    """Reads texts of batches; used by one thread."""

    def __init__(self) -> None:
        self._parser = simdjson.Parser()

    def scan(self, texts: Sequence[bytes]) -> list[ArrivedBatch | None]:
        """Return the batch of each text, None where it is to be decoded with more care."""
        found: list[ArrivedBatch | None] = [None] * len(texts)
        read = [(n, text) for n, text in enumerate(map(self._read, texts)) if text is not None]
        for (n, _), batch in zip(read, _batches([text for _, text in read]), strict=True):
            found[n] = batch
        return found

    def _read(self, text: bytes) -> _Text | None:
        if len(text) > MAX_PAYLOAD_BYTES or not text.endswith(_END) or text.count(b"[") != _BRACKETS:
            return None
        begun = _BEGINNING.match(text)
        if begun is None:
            return None
        spool, sequence, previous, table, origin, sealed_us, base_us = begun.groups()
        try:
            document = self._parser.parse(text)
            if not isinstance(document, simdjson.Object) or len(document) != _FIELDS:
                return None
            series, offset_us, flags = (_list(document, name, "i") for name in ("series", "offset_us", "flags"))
            value = _list(document, "value", "d")
        except (KeyError, TypeError, ValueError, RuntimeError):
            return None
        number, readings = int(sequence), len(value) // 8
        if (
            not len(series) == len(offset_us) == len(flags) == len(value)
            or readings > MAX_READINGS
            or number < 1
            or (previous == b"null") != (number == 1)
            or origin not in _ORIGINS
            or int(sealed_us) >= AFTER_US
        ):
            return None
        begin = partial(
            ArrivedBatch,
            spool=_uuid(spool),
            sequence=number,
            previous=bytes.fromhex(previous[1:-1].decode()) if number > 1 else None,
            series_table=table.decode(),
            origin=_ORIGINS[origin],
            sealed_us=int(sealed_us),
            base_us=int(base_us),
        )
        return _Text(begin, int(base_us), readings, series, offset_us, value, flags)


def _list(document: simdjson.Object, name: str, kind: Literal["i", "d"]) -> bytes:
    found = document[name]
    if not isinstance(found, simdjson.Array):
        raise TypeError
    return bytes(found.as_buffer(of_type=kind))


@lru_cache(maxsize=10_000)
def _uuid(text: bytes) -> UUID:
    return UUID(text.decode())


def _batches(texts: Sequence[_Text]) -> list[ArrivedBatch | None]:
    """Check the readings of many texts at once."""
    if not texts:
        return []
    counts = np.fromiter((text.readings for text in texts), np.int64, len(texts))
    base_us = np.fromiter((text.base_us for text in texts), np.int64, len(texts))
    series, offset_us, flags = (
        np.frombuffer(b"".join(arrays), np.int64)
        for arrays in ([t.series for t in texts], [t.offset_us for t in texts], [t.flags for t in texts])
    )
    value = np.frombuffer(b"".join([text.value for text in texts]), np.float64)
    owner = np.repeat(np.arange(len(texts)), counts)
    wrong = set(owner[_out_of_bounds(series, offset_us, flags, base_us[owner])].tolist())
    ends = np.cumsum(counts)
    starts = ends - counts
    highest = np.full(len(texts), NO_SERIES)
    filled = counts > 0
    if filled.any():
        highest[filled] = np.maximum.reduceat(series, starts[filled])
    made: list[ArrivedBatch | None] = []
    for n, (text, start, end, most) in enumerate(
        zip(texts, starts.tolist(), ends.tolist(), highest.tolist(), strict=True)
    ):
        own = slice(start, end)
        arrays = {"series": series[own], "offset_us": offset_us[own], "value": value[own], "flags": flags[own]}
        made.append(None if n in wrong else text.begun(**arrays, highest_series=most))
    return made


def _out_of_bounds(
    series: NDArray[np.int64], offset_us: NDArray[np.int64], flags: NDArray[np.int64], base_us: NDArray[np.int64]
) -> NDArray[np.bool_]:
    near = (offset_us > -_FAR_US) & (offset_us < _FAR_US) & (base_us < _FAR_US)
    t_us = np.where(near, base_us + np.where(near, offset_us, 0), AFTER_US)
    return (
        (series < 0)
        | (series >= MAX_SERIES)
        | (flags < 0)
        | (flags > np.iinfo(np.int16).max)
        | (t_us < FIRST_US)
        | (t_us >= AFTER_US)
    )
