"""``smartstore-ingest refusals replay`` killed on either side of its commit: nothing is lost, nothing counts twice."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest
from enrolment_tools.kill_at import start
from ingest_steps import Steps
from sealed_batches import SealingAgent, approve, gauge, register

from edge.wire.series import SeriesTable
from ingest.cli import main
from ingest.store.account import account

TABLE = SeriesTable.of([gauge("d9")])
BEFORE_THE_COMMIT = [
    "ingest.store.ledger:write:before:2",
    "ingest.store.ledger:_settle_refusals:before:2",  # ledger, readings and losses are written
    "ingest.store.ledger:write:after:2",
    "ingest.replay:_settle:after:2",
]
AFTER_THE_COMMIT = ["ingest.replay:_replay_one:after:2"]

pytestmark = pytest.mark.fault


@pytest.fixture
def steps(database: str) -> Iterator[Steps]:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "new", ["d9"], approved=False)
        yield Steps(connection)


@pytest.fixture
def config(database: str, tmp_path: Path) -> Path:
    file = tmp_path / "ingest.toml"
    file.write_text(f'[broker]\nhost = "127.0.0.1"\n[database]\nurl = "{database}"\n')
    return file


def killed(point: str, config: Path) -> None:
    log = config.with_name("log")
    process = start(point, "smartstore-ingest", "refusals", "replay", "--config", config, log=log)
    assert process.wait(60) == -signal.SIGKILL, log.read_text()


def replayed(config: Path) -> int:
    return main(["refusals", "replay", "--config", str(config)])


def states(steps: Steps) -> list[tuple[int, str]]:
    return [(int(row[0]), str(row[1])) for row in steps.rows("select sequence, state from refusals order by sequence")]


def check_exact(steps: Steps, sequences: list[int], batches: int) -> None:
    """Check that these batches and no others are in the ledger, with their readings, each once."""
    assert [row[0] for row in steps.rows("select sequence from ledger order by sequence")] == sequences
    assert [row[0] for row in steps.rows("select value from readings_state order by value")] == sequences
    assert steps.rows("select coalesce(sum(duplicates + corrections), 0) from ledger") == [(0,)]
    assert states(steps) == [(n, "replayed" if n in sequences else "open") for n in range(1, batches + 1)]
    (line,) = account(steps.connection)
    assert (line.committed, line.refused, line.missing) == (len(sequences), batches - len(sequences), 0)


@pytest.mark.parametrize("then", ["the operator replays again", "the agent sends again"])
@pytest.mark.parametrize("point", BEFORE_THE_COMMIT + AFTER_THE_COMMIT)
def test_killed_at_the_second_of_three(steps: Steps, config: Path, point: str, then: str) -> None:
    agent = SealingAgent("new", TABLE)
    payloads = [agent.seal([(0, number, float(number))]) for number in (1, 2, 3)]
    steps.take("new", agent.table_payload, *payloads)
    approve(steps.connection, "new")
    check_exact(steps, [], 3)
    killed(point, config)
    check_exact(steps, [1, 2] if point in AFTER_THE_COMMIT else [1], 3)
    if then == "the agent sends again":
        (answer,) = steps.take("new", *payloads)
        assert answer.committed == [(1, 3)]
        check_exact(steps, [1, 2, 3], 3)
    assert replayed(config) == 0
    check_exact(steps, [1, 2, 3], 3)
    assert replayed(config) == 0
    check_exact(steps, [1, 2, 3], 3)


@pytest.mark.parametrize(
    "point",
    ["ingest.store.refusals:resolve:before:1", "ingest.replay:_settle:after:1", "ingest.replay:_replay_one:after:1"],
)
def test_killed_at_a_series_table(steps: Steps, config: Path, point: str) -> None:
    """A table that an earlier release could not read is stored first and closed then."""
    approve(steps.connection, "new")
    payload = SealingAgent("new", TABLE).table_payload
    steps.connection.execute(
        """insert into refusals (agent, unit, sha256, reason, detail, payload)
           values ('new', 'batch', %s, 'version_unknown', 'version 1', %s)""",
        [sha256(payload).digest(), payload],
    )
    killed(point, config)
    closed = "replayed" if "_replay_one" in point else "open"
    assert steps.rows("select state from refusals") == [(closed,)]
    assert replayed(config) == 0
    assert steps.rows("select state from refusals") == [("replayed",)]
    assert steps.rows("select document from series_tables") == [(payload,)]


@pytest.mark.parametrize(
    ("point", "moved"), [("ingest.replay:_settle:after:1", False), (AFTER_THE_COMMIT[0][:-1] + "1", True)]
)
def test_killed_where_a_replay_meets_another_obstacle(steps: Steps, config: Path, point: str, moved: bool) -> None:
    agent = SealingAgent("new", TABLE)
    payload = agent.seal([(0, 1, 1.0)])
    steps.take("new", agent.table_payload)
    steps.connection.execute(
        """insert into refusals (agent, unit, spool, sequence, sha256, reason, detail, payload)
           values ('new', 'batch', %s, 1, %s, 'version_unknown', 'version 1', %s)""",
        [agent.spool, sha256(payload).digest(), payload],
    )
    killed(point, config)
    before = {("version_unknown", "open")}
    after = {("version_unknown", "replayed"), ("agent_not_approved", "open")}
    assert set(steps.rows("select reason, state from refusals")) == (after if moved else before)
    assert replayed(config) == 1
    assert set(steps.rows("select reason, state from refusals")) == after
    (line,) = account(steps.connection)
    assert (line.committed, line.refused, line.missing) == (0, 1, 0)
    approve(steps.connection, "new")
    assert replayed(config) == 0
    assert steps.rows("select sequence from ledger") == [(1,)]
    assert steps.rows("select value from readings_state") == [(1.0,)]
