"""The command line: migrate, and refusals listed, shown, replayed and discarded by an operator."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from ingest_steps import Steps
from sealed_batches import SealingAgent, approve, gauge, register

from edge.wire.batch import DecoderRefusal
from edge.wire.series import SeriesTable
from ingest.cli import main

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    config = tmp_path / "ingest.toml"
    config.write_text(f'[broker]\nhost = "127.0.0.1"\n[database]\nurl = "{database}"\n')

    def call(*verb: str) -> tuple[int, str]:
        status = main([*verb, "--config", str(config)])
        captured = capsys.readouterr()
        return status, captured.out + "".join(
            line for line in captured.err.splitlines(keepends=True) if not line.startswith("{")
        )

    return call


def test_an_operator_settles_refusals(run: Run, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "new", ["d9"], approved=False)
        agent = SealingAgent("new", SeriesTable.of([gauge("d9")]))
        steps = Steps(connection)
        steps.take("new", agent.table_payload, agent.seal([(0, 0, 1.0)]), b"\x00unreadable")
        (approval, unreadable) = sorted(
            steps.rows("select refusal_id, reason from refusals"), key=lambda row: str(row[1])
        )
        status, text = run("refusals", "list")
        assert status == 0
        assert "agent_not_approved" in text
        assert "undecodable" in text
        status, text = run("refusals", "replay", str(approval[0]))
        assert status == 1
        assert "agent_not_approved" in text
        approve(connection, "new")
        status, text = run("refusals", "replay", "--agent", "new")
        assert status == 1  # one of the two cannot be replayed
        assert "committed" in text
        status, text = run("refusals", "show", str(unreadable[0]))
        assert status == 0
        assert json.loads(text[: text.index("\n}") + 2])["state"] == "open"
        assert "\\x00unreadable" in text or "\x00unreadable" in text
        assert run("refusals", "discard", str(unreadable[0]), "--because", "a test")[0] == 0
        assert run("refusals", "discard", str(unreadable[0]), "--because", "a test")[0] == 1
        assert run("refusals", "list")[1].splitlines()[1:] == []
        assert steps.rows("select state, resolution from refusals where refusal_id = %s", unreadable[0]) == [
            ("discarded", "a test")
        ]
        assert steps.rows("select count(*) from readings_state") == [(1,)]


def test_many_refusals_are_chosen_by_agent_and_reason(run: Run, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        for name in ("one", "two"):
            register(connection, name, [])
        Steps(connection).take_from([(name, bytes([0, n])) for name in ("one", "two") for n in range(30)])
        agent = SealingAgent("three", SeriesTable.of([gauge("d")]))
        Steps(connection).take("three", agent.table_payload, agent.seal([(0, 0, 1.0)]))
    status, text = run("refusals", "list", "--limit", "10")
    lines = text.splitlines()
    assert status == 0
    assert lines[11:] == [
        "... and 51 more; --limit shows them",
        "open as agent_not_approved: 1",
        "open as undecodable: 60",
    ]
    assert "open refusals: 1 agent_not_approved, 60 undecodable" in run("status")[1]
    found = json.loads(run("refusals", "list", "--reason", "undecodable", "--agent", "one", "--json")[1])
    assert len(found) == 30
    assert {refusal["agent"] for refusal in found} == {"one"}
    assert run("refusals", "discard", "--because", "a test") == (
        1,
        "name the refusals to discard: their numbers, --agent or --reason\n",
    )
    assert run("refusals", "discard", "--agent", "one", "--because", "a test") == (0, "30 discarded\n")
    text = run("refusals", "list", "--state", "discarded", "--limit", "1")[1]
    assert text.splitlines()[1].endswith("a test")
    assert run("refusals", "list", "--agent", "two")[1].splitlines()[-1] == "open as undecodable: 30"
    assert run("refusals", "replay", "--reason", "agent_not_approved")[1].count("agent_not_approved") == 1


def test_a_replay_of_all_leaves_what_only_the_agent_can_read(run: Run, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "a", ["d"])
        agent, steps = SealingAgent("a", SeriesTable.of([gauge("d")])), Steps(connection)
        refused = DecoderRefusal(source="s", reason="not_a_number", detail="d", payload="x", at_us=0)
        steps.take("a", agent.table_payload, agent.seal([], refusals=[refused]))
        ((number,),) = steps.rows("select refusal_id from refusals")
    assert run("refusals", "replay") == (0, "refusal  outcome  detail\n")
    status, text = run("refusals", "replay", str(number))
    assert status == 1
    assert "only that agent can read it" in text


def test_what_is_not_there(run: Run) -> None:
    assert run("refusals", "show", "1")[0] == 1
    status, text = run("refusals", "replay", "7")
    assert status == 1
    assert "not open: 7" in text


def test_migrate(run: Run) -> None:
    assert run("migrate")[0] == 0


def test_a_database_without_schema(run: Run, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("drop table refusals cascade")
    status, text = run("refusals", "list")
    assert status == 1
    assert "smartstore-ingest migrate" in text


def test_wrong_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--config", str(tmp_path / "none.toml")]) == 1
    assert "none.toml" in capsys.readouterr().err
