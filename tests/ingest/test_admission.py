"""How often the registry is looked at, whatever the distance of the database."""

from __future__ import annotations

from typing import Any

import pytest
from ingest_steps import TODAY
from sealed_batches import gauge, register

from edge.wire.series import SeriesTable
from ingest import admission
from ingest.admission import Admission
from ingest.catalogue import KnownTable
from ingest.store import registry
from ingest.store.connection import Database


@pytest.mark.parametrize("answer_after_s", [0.001, 3.0])
def test_many_batches_ask_for_the_version_once_a_second(
    connection: Database, monkeypatch: pytest.MonkeyPatch, answer_after_s: float
) -> None:
    register(connection, "a", ["d1"])
    table = SeriesTable.of([gauge("d1")])
    known = KnownTable(table, [], frozenset(["d1"]))
    now_s, asked = 0.0, 0
    current_version = registry.current_version

    def slowly(*arguments: Any) -> int:
        nonlocal now_s, asked
        now_s, asked = now_s + answer_after_s, asked + 1
        return current_version(*arguments)

    monkeypatch.setattr(admission, "current_version", slowly)
    checks = Admission(lambda: now_s, lambda: TODAY)
    for _ in range(100):
        assert checks.verdict(connection, "a", known) is None
    assert asked == 1
    now_s += 1.5
    assert checks.verdict(connection, "a", known) is None
    assert asked == 2
