"""Outages of several connections that overlap are counted once, and hold the gate for as long as one lasts."""

from __future__ import annotations

from ingest.gate import Gate
from ingest.outages import Outages


def test_overlapping_outages() -> None:
    now_s = 100.0
    gate = Gate()
    outages = Outages(gate, lambda: now_s)
    first, second = outages.watch("preparation"), outages.watch("writing-1")
    assert (outages.errors(), outages.lasting_s(), outages.total_s()) == ({}, 0, 0)
    first("refused")
    now_s += 2
    second("timed out")
    now_s += 3
    assert (outages.lasting_s(), outages.total_s()) == (5, 5)
    assert outages.errors() == {"preparation": "refused", "writing-1": "timed out"}
    first(None)
    now_s += 4
    assert not gate.state().accepting
    assert (outages.of("preparation"), outages.of("writing-1"), outages.lasting_s()) == (False, True, 9)
    second(None)
    second(None)
    now_s += 50
    assert gate.state().accepting
    assert (outages.errors(), outages.lasting_s(), outages.total_s()) == ({}, 0, 9)
    first("refused")
    now_s += 1
    assert (outages.lasting_s(), outages.total_s()) == (1, 10)
