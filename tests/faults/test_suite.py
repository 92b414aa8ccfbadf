"""A selection of the fault suite, with a small load; ./deploy/faults plays all of it."""

from __future__ import annotations

import pytest
from faults.suite.accounting import Outcome
from faults.suite.catalogue import EVERY
from faults.suite.report import HEADER, line_of, summary
from faults.suite.scenario import Lack, Played, play
from features import require_or_skip
from session_server import SessionServer

pytestmark = pytest.mark.fault

SCALE = 0.25
SEED = 1
BY_NAME = {scenario.name: scenario for scenario in EVERY}
SELECTED = [
    "kill -9 of broker at acknowledge: to the broker, not to agents",
    "kill -9 of database at commit: COMMIT sent, its answer lost",
    "broker restarted after its queue limit was reached",
    "line broker-ingest cut, twice",
    "database: disk full",
    "database: deadlock",
    "database: read-only",
    "delivered twice and out of order",
    "poison payloads of seven kinds",
    "late rows into compressed chunks",
    "server clocks step by hours and days",
]
"""One of each kind; workers die in tests of ingest itself, agents' lines in tests of whole agents."""


def test_every_name_is_a_fault_of_its_own() -> None:
    assert len(BY_NAME) == len(EVERY)
    assert set(SELECTED) <= BY_NAME.keys()


def test_the_end_of_the_table_names_what_went_wrong() -> None:
    good, bad = Outcome(3, 2, 1, 0, 0, 0, 0), Outcome(3, 2, 0, 0, 0, 0, 0)
    skipped = Played("of another edition", 0.0, skipped=Lack("no columnstore"))
    assert summary([Played("a cut", 2.0, good), skipped]).startswith("all 1 faults: nothing lost")
    broken = Played("a kill", 1.0, broken="the step was not reached")
    assert summary([Played("a cut", 2.0, good), Played("a loss", 2.0, bad), skipped, broken]).splitlines() == [
        "2 of 3 faults went wrong; 1 skipped; 5 s in all",
        "    a loss",
        "    a kill",
    ]


@pytest.mark.parametrize("name", SELECTED)
def test_fault(name: str, database_server: SessionServer) -> None:
    played = play(BY_NAME[name], database_server, SEED, SCALE)
    if played.skipped is not None:
        if played.skipped.feature is not None:
            require_or_skip(played.skipped.feature, played.skipped.reason)
        pytest.skip(played.skipped.reason)
    assert played.holds, f"\n{HEADER}\n{line_of(played)}"
