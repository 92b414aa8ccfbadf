"""What happens to batches at the ledger: once each, whoever sends them how often, and nothing lost that is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256

import psycopg
import pytest
from ingest_steps import Steps
from sealed_batches import NOON_US, SealingAgent, approve, delivery, gauge, interval, register

from edge.wire.acknowledgement import Acknowledgement, RefusalReason
from edge.wire.batch import DecoderRefusal, Loss, LossReason, ResealedFrom
from edge.wire.series import Origin, SeriesTable
from ingest.replay import replay, replay_agent
from ingest.store import ledger, refusals

TABLE = SeriesTable.of([gauge("d1"), interval("d2")])
READINGS = [(0, 0, 1.0), (1, 0, 2.0), (0, 60, 3.0)]


@pytest.fixture
def steps(database: str) -> Iterator[Steps]:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "a", ["d1", "d2"])
        register(connection, "b", ["d3"])
        yield Steps(connection)


@pytest.fixture
def agent() -> SealingAgent:
    return SealingAgent("a", TABLE)


def committed(answers: list[Acknowledgement]) -> list[tuple[int, int]]:
    return [one for answer in answers for one in answer.committed]


def refused(answers: list[Acknowledgement]) -> list[RefusalReason]:
    return [one.reason for answer in answers for one in answer.refused]


def stored(steps: Steps) -> int:
    return int(
        steps.rows(
            """select (select count(*) from readings_count) + (select count(*) from readings_state)
                    + (select count(*) from readings_archive)"""
        )[0][0]
    )


def test_a_batch_waits_for_its_table_and_asks_for_it(steps: Steps, agent: SealingAgent) -> None:
    payload = agent.seal(READINGS)
    (answer,) = steps.take("a", payload)
    assert answer.wanted_tables == [TABLE.digest]
    assert (answer.committed, answer.refused) == ([], [])
    assert stored(steps) == 0
    (answer,) = steps.take("a", agent.table_payload, payload)
    assert answer.committed == [(1, 1)]
    assert answer.wanted_tables == []
    assert stored(steps) == 3


def test_another_worker_knows_the_table_from_the_database(steps: Steps, agent: SealingAgent) -> None:
    steps.take("a", agent.table_payload)
    assert committed(Steps(steps.connection).take("a", agent.seal(READINGS))) == [(1, 1)]


def test_redelivery_is_acknowledged_and_not_stored_again(steps: Steps, agent: SealingAgent) -> None:
    first, second = agent.seal(READINGS), agent.seal([(0, 120, 4.0)])
    steps.take("a", agent.table_payload, first, first, second, first)
    assert committed(steps.take("a", second, first, second)) == [(1, 2)]
    assert stored(steps) == 4
    assert steps.rows("select sequence, readings, duplicates from ledger order by 1") == [(1, 3, 0), (2, 1, 0)]


def test_ledger_entry_and_head_can_be_recomputed(steps: Steps, agent: SealingAgent) -> None:
    payloads = [agent.seal(READINGS), agent.seal([])]
    (answer,) = steps.take("a", agent.table_payload, *payloads)
    rows = steps.rows("select sha256, row_root, previous, first_t, last_t, received_at from ledger order by sequence")
    head = sha256(b"").digest()
    for payload, row in zip(payloads, rows, strict=True):
        assert row[0] == sha256(payload).digest()
        head = sha256(head + row[0] + row[1]).digest()
    assert answer.head is not None
    assert (answer.head.entries, answer.head.digest) == (2, head.hex())
    assert rows[1][1] == sha256(b"").digest()  # no reading, no leaf
    assert rows[1][2] == rows[0][0]
    assert rows[0][3].timestamp() * 1e6 == NOON_US
    assert (rows[0][4] - rows[0][3]).microseconds == 60
    assert rows[0][5].timestamp() * 1e6 == NOON_US + 1e6
    assert rows[1][3:5] == (None, None)


def test_a_reused_sequence_is_refused_kept_and_told(steps: Steps, agent: SealingAgent) -> None:
    copy = SealingAgent("a", TABLE, spool=agent.spool)
    steps.take("a", agent.table_payload, agent.seal(READINGS))
    other = copy.seal([(0, 999, 7.0)])
    (answer,) = steps.take("a", other)
    assert refused([answer]) == [RefusalReason.SEQUENCE_REUSED]
    assert (answer.spool, answer.refused[0].sha256) == (agent.spool, sha256(other).hexdigest())
    assert steps.rows("select payload, state from refusals") == [(other, "open")]
    assert refused(steps.take("a", other)) == [RefusalReason.SEQUENCE_REUSED]
    assert steps.rows("select count(*) from refusals") == [(1,)]
    assert stored(steps) == 3


def test_two_contents_of_one_identity_in_one_write(steps: Steps, agent: SealingAgent) -> None:
    copy = SealingAgent("a", TABLE, spool=agent.spool)
    first, other, next_one = agent.seal(READINGS), copy.seal([(0, 999, 7.0)]), agent.seal([(0, 120, 4.0)])
    answers = steps.take("a", agent.table_payload, first, other, first, next_one)
    assert committed(answers) == [(1, 1), (1, 2)]
    assert refused(answers) == [RefusalReason.SEQUENCE_REUSED]
    assert stored(steps) == 4


def test_resealed_readings_settle_the_refusal(steps: Steps, agent: SealingAgent) -> None:
    copy = SealingAgent("a", TABLE, spool=agent.spool)
    steps.take("a", agent.table_payload, agent.seal(READINGS))
    other = copy.seal([(0, 999, 7.0)])
    steps.take("a", other)
    renewed = SealingAgent("a", TABLE)
    origin = ResealedFrom(spool=agent.spool, sequence=1, sha256=sha256(other).hexdigest())
    assert committed(steps.take("a", renewed.seal([(0, 999, 7.0)], resealed_from=origin))) == [(1, 1)]
    ((state, resolution),) = steps.rows("select state, resolution from refusals")
    assert state == "resealed"
    assert f"{renewed.spool}/1" in resolution
    assert stored(steps) == 4
    assert steps.rows("select resealed_spool, resealed_sequence from ledger where resealed_spool is not null") == [
        (agent.spool, 1)
    ]


def test_a_spool_belongs_to_its_first_agent(steps: Steps, agent: SealingAgent) -> None:
    steps.take("a", agent.table_payload, agent.seal(READINGS))
    thief = SealingAgent("b", SeriesTable.of([gauge("d3")]), spool=agent.spool, sequence=1, previous="0" * 64)
    payload = thief.seal([(0, 0, 1.0)])
    answers = steps.take("b", thief.table_payload, payload)
    assert refused(answers) == [RefusalReason.SPOOL_OF_ANOTHER_AGENT]
    assert steps.rows("select agent, payload from refusals") == [("b", payload)]
    assert stored(steps) == 3


def test_two_agents_claim_a_new_spool_in_one_write(steps: Steps) -> None:
    table = SeriesTable.of([gauge("d3")])
    mine = SealingAgent("a", TABLE)
    theirs = SealingAgent("b", table, spool=mine.spool)
    first, second = mine.seal(READINGS), theirs.seal([(0, 0, 1.0)])
    steps.take_from([("a", mine.table_payload), ("b", theirs.table_payload)])
    answers = steps.take_from([("a", first), ("b", second)])
    assert [(agent, answer.committed, refused([answer])) for agent, answer in answers] == [
        ("a", [(1, 1)], []),
        ("b", [], [RefusalReason.SPOOL_OF_ANOTHER_AGENT]),
    ]


def test_an_unapproved_agent_is_refused_and_replayed_once_approved(steps: Steps) -> None:
    register(steps.connection, "new", ["d9"], approved=False)
    agent = SealingAgent("new", SeriesTable.of([gauge("d9")]))
    payloads = [agent.seal([(0, n * 60, float(n))]) for n in range(3)]
    answers = steps.take("new", agent.table_payload, *payloads)
    assert refused(answers) == [RefusalReason.AGENT_NOT_APPROVED] * 3
    assert stored(steps) == 0
    assert replay_agent(steps.connection, "new") == {"refused": 3}
    approve(steps.connection, "new")
    assert replay_agent(steps.connection, "new") == {"committed": 3}
    assert replay_agent(steps.connection, "new") == {}
    assert stored(steps) == 3
    assert steps.rows("select distinct state from refusals") == [("replayed",)]
    assert committed(steps.take("new", *payloads)) == [(1, 3)]
    assert stored(steps) == 3


def test_a_resend_after_approval_closes_the_refusal_too(steps: Steps) -> None:
    register(steps.connection, "new", ["d9"], approved=False)
    agent = SealingAgent("new", SeriesTable.of([gauge("d9")]))
    payload = agent.seal([(0, 0, 1.0)])
    steps.take("new", agent.table_payload, payload)
    approve(steps.connection, "new")
    assert committed(steps.take("new", payload)) == [(1, 1)]
    assert steps.rows("select state from refusals") == [("replayed",)]
    assert replay_agent(steps.connection, "new") == {}


def test_an_unknown_agent_is_refused(steps: Steps) -> None:
    agent = SealingAgent("nobody", TABLE)
    assert refused(steps.take("nobody", agent.table_payload, agent.seal(READINGS))) == [
        RefusalReason.AGENT_NOT_APPROVED
    ]


def test_a_device_of_another_agent_is_refused_and_named(steps: Steps) -> None:
    agent = SealingAgent("a", SeriesTable.of([gauge("d1"), gauge("d3")]))
    (answer,) = steps.take("a", agent.table_payload, agent.seal([(0, 0, 1.0)]))
    assert refused([answer]) == [RefusalReason.DEVICE_NOT_REGISTERED]
    assert "d3" in answer.refused[0].detail
    assert "d1" not in answer.refused[0].detail


def test_what_is_committed_stays_acknowledged_when_the_agent_is_withdrawn(steps: Steps, agent: SealingAgent) -> None:
    payload = agent.seal(READINGS)
    steps.take("a", agent.table_payload, payload)
    steps.connection.execute("update agents set approved = false where agent_id = 'a'")
    steps.connection.execute("insert into registry_versions (source, digest) values ('withdrawal', '')")
    assert committed(steps.take("a", payload)) == [(1, 1)]
    assert steps.rows("select count(*) from refusals") == [(0,)]
    assert refused(steps.take("a", agent.seal([(0, 5, 1.0)]))) == [RefusalReason.AGENT_NOT_APPROVED]


def test_an_index_beyond_the_table_is_refused(steps: Steps, agent: SealingAgent) -> None:
    payload = agent.seal([(2, 0, 1.0)])
    assert refused(steps.take("a", agent.table_payload, payload)) == [RefusalReason.SERIES_OUT_OF_TABLE]


def test_personal_data_leaves_no_content(steps: Steps, agent: SealingAgent) -> None:
    document = json.loads(agent.seal(READINGS)) | {"face_id": "secret-1234"}
    payload = json.dumps(document).encode()
    (answer,) = steps.take("a", payload)
    assert refused([answer]) == [RefusalReason.PERSONAL_DATA]
    assert answer.refused[0].sha256 == sha256(payload).hexdigest()
    ((kept, detail),) = steps.rows("select payload, detail from refusals")
    assert kept is None
    assert "secret" not in detail
    (chosen,) = refusals.kept(steps.connection)
    assert [done.outcome for done in replay(steps.connection, [chosen])] == ["impossible"]


def test_what_cannot_be_read_is_kept_and_does_not_hold_up_the_rest(steps: Steps, agent: SealingAgent) -> None:
    answers = steps.take("a", b"\xff\x00{", agent.table_payload, b'{"type":"batch","version":9}', agent.seal(READINGS))
    assert sorted(refused(answers)) == [RefusalReason.UNDECODABLE, RefusalReason.VERSION_UNKNOWN]
    assert committed(answers) == [(1, 1)]
    assert sorted(row[0] for row in steps.rows("select payload from refusals")) == [
        b'{"type":"batch","version":9}',
        b"\xff\x00{",
    ]


def test_a_payload_that_a_newer_decoder_reads_is_replayed(steps: Steps, agent: SealingAgent) -> None:
    payload = agent.seal(READINGS)
    steps.take("a", agent.table_payload)
    steps.connection.execute(
        """insert into refusals (agent, unit, sha256, reason, detail, payload)
           values ('a', 'batch', %s, 'version_unknown', 'version 1', %s)""",
        [sha256(payload).digest(), payload],
    )
    chosen = refusals.kept(steps.connection, refusals.Choice("open"))
    assert [done.outcome for done in replay(steps.connection, chosen)] == ["committed"]
    assert [one.state for one in refusals.kept(steps.connection)] == ["replayed"]
    assert stored(steps) == 3


def test_a_replay_that_meets_another_obstacle_moves_to_it(steps: Steps) -> None:
    agent = SealingAgent("nobody", TABLE)
    payload = agent.seal(READINGS)
    steps.take("nobody", agent.table_payload)
    steps.connection.execute(
        """insert into refusals (agent, unit, sha256, reason, detail, payload)
           values ('nobody', 'batch', %s, 'version_unknown', 'version 1', %s)""",
        [sha256(payload).digest(), payload],
    )
    assert [done.outcome for done in replay(steps.connection, refusals.kept(steps.connection))] == ["refused"]
    assert [(one.reason, one.state) for one in refusals.kept(steps.connection)] == [
        ("version_unknown", "replayed"),
        ("agent_not_approved", "open"),
    ]


def test_a_replay_without_its_table_waits(steps: Steps, agent: SealingAgent) -> None:
    payload = agent.seal(READINGS)
    steps.connection.execute(
        """insert into refusals (agent, unit, sha256, reason, detail, payload)
           values ('a', 'batch', %s, 'version_unknown', 'version 1', %s)""",
        [sha256(payload).digest(), payload],
    )
    assert [done.outcome for done in replay(steps.connection, refusals.kept(steps.connection))] == ["waiting"]
    assert [one.state for one in refusals.kept(steps.connection)] == ["open"]


def test_losses_and_decoder_refusals_travel_with_a_batch(steps: Steps, agent: SealingAgent) -> None:
    loss = Loss(
        first_sequence=3,
        last_sequence=5,
        readings=70,
        reason=LossReason.SPOOL_FULL,
        last_digest="ab" * 32,
        first_us=NOON_US,
        last_us=None,
    )
    stranger = DecoderRefusal(source="door", reason="no_field", detail="a\0b", payload="x\0y", at_us=NOON_US)
    payload = agent.seal([], losses=[loss], refusals=[stranger])
    steps.take("a", agent.table_payload, payload)
    steps.take("a", payload)
    assert steps.rows("select first_sequence, last_sequence, readings, reason, last_t from losses") == [
        (3, 5, 70, "spool_full", None)
    ]
    assert steps.rows("select unit, reason, detail, payload, sequence from refusals") == [
        ("reading", "no_field", "door: a\ufffdb", b"x\0y", 1)
    ]


@pytest.mark.parametrize(
    ("origin", "tables"),
    [
        (Origin.MEASURED, {"count": 1, "state": 2}),
        (Origin.SIMULATED, {"count": 1, "state": 2}),
        (Origin.ENTERED, {"count": 1, "state": 2}),
        (Origin.REPLAYED, {"archive": 3}),
        (Origin.IMPORTED, {"archive": 3}),
    ],
)
def test_retention_class(steps: Steps, agent: SealingAgent, origin: Origin, tables: dict[str, int]) -> None:
    steps.take("a", agent.table_payload, agent.seal(READINGS, origin=origin))
    found = {
        name: steps.rows(f"select count(*) from readings_{name}")[0][0]  # noqa: S608
        for name in ("count", "state", "archive")
    }
    assert {name: count for name, count in found.items() if count} == tables


def test_a_write_that_fails_leaves_nothing(steps: Steps, agent: SealingAgent) -> None:
    steps.take("a", agent.table_payload)
    (prepared,) = steps.preparation.prepare(steps.connection, [delivery("a", agent.seal(READINGS))])

    def fail() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        ledger.write(steps.connection, prepared.write, fail)
    counts = steps.rows("select (select count(*) from ledger), (select count(*) from spools)")
    assert counts == [(0, 0)]
    assert stored(steps) == 0
    assert len(ledger.write(steps.connection, prepared.write).committed) == 1


def test_ingest_needs_no_more_than_its_role(database: str, steps: Steps, agent: SealingAgent) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set role smartstore_ingest")
        mine = Steps(connection)
        mine.take("a", b"unreadable", agent.table_payload, agent.seal(READINGS))
        assert committed(mine.take("a", agent.seal([(0, 0, 1.0), (0, 60, 9.0)]))) == [(2, 2)]
        assert mine.written[-1].conflicts[0].corrections == 1
        assert [done.outcome for done in replay(connection, refusals.kept(connection))] == ["refused"]
        (number,) = [one.refusal_id for one in refusals.kept(connection)]
        assert refusals.resolve(connection, number, "discarded", "test")
