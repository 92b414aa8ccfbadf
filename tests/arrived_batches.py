"""Comparing what payloads hold."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from ingest.arrived import ArrivedBatch
from ingest.decode import Document


def assert_same(one: Document, other: Document) -> None:
    """Assert that two payloads hold the same; of a batch also the kinds of its arrays and the bits of its values."""
    if not isinstance(one, ArrivedBatch) or not isinstance(other, ArrivedBatch):
        assert one == other
        return
    for field in fields(ArrivedBatch):
        mine, others = getattr(one, field.name), getattr(other, field.name)
        if isinstance(mine, np.ndarray):
            assert mine.dtype == others.dtype
            assert mine.tobytes() == others.tobytes(), field.name
        elif field.name in {"losses", "refusals"}:
            assert list(mine) == list(others)
        else:
            assert mine == others, field.name
            assert type(mine) is type(others)
