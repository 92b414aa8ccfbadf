"""Refusals of every kind, several in a row: each batch of the spool is accounted for, whatever its content was."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from ingest_steps import Steps
from sealed_batches import SealingAgent, gauge, register

from edge.wire.acknowledgement import RefusalReason
from edge.wire.batch import MAX_PAYLOAD_BYTES
from edge.wire.model import digest
from edge.wire.series import SeriesTable
from ingest.store.account import account

TABLE = SeriesTable.of([gauge("d1")])


@pytest.fixture
def steps(database: str) -> Iterator[Steps]:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "a", ["d1"])
        yield Steps(connection)


def changed(payload: bytes, **fields: Any) -> bytes:
    return json.dumps(json.loads(payload) | fields, separators=(",", ":")).encode()


def longer(payload: bytes) -> bytes:
    return changed(payload, refusals=[{"payload": "7 " * MAX_PAYLOAD_BYTES}])


KINDS: dict[str, tuple[RefusalReason, Callable[[bytes], bytes]]] = {
    "personal data": (RefusalReason.PERSONAL_DATA, lambda p: changed(p, face_id="secret-1234")),
    "personal data, compressed": (
        RefusalReason.PERSONAL_DATA,
        lambda p: zlib.compress(changed(p, face_id="secret-1234")),
    ),
    "another field": (RefusalReason.UNDECODABLE, lambda p: changed(p, colour=1)),
    "another version": (RefusalReason.VERSION_UNKNOWN, lambda p: changed(p, version=7)),
    "too long": (RefusalReason.TOO_LARGE, longer),
    "too long, compressed": (RefusalReason.TOO_LARGE, lambda p: zlib.compress(longer(p))),
    "cut short": (RefusalReason.UNDECODABLE, lambda p: p[:-7]),
    "cut short, compressed": (RefusalReason.UNDECODABLE, lambda p: zlib.compress(p)[:-7]),
    "nested too deeply": (RefusalReason.UNDECODABLE, lambda p: p[:-1] + b',"x":' + b"[" * 9999 + b"]" * 9999 + b"}"),
    "index out of the table": (RefusalReason.SERIES_OUT_OF_TABLE, lambda p: changed(p, series=[5])),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_of_several_refused_batches_is_accounted_for(steps: Steps, kind: str) -> None:
    reason, spoil = KINDS[kind]
    agent = SealingAgent("a", TABLE)
    payloads = [agent.seal([(0, 0, 0.0)])]
    for number in (1, 2, 3):
        payloads.append(spoil(agent.seal([(0, number, float(number))])))
        agent.previous = digest(payloads[-1])
    payloads.append(agent.seal([(0, 4, 4.0)]))
    answers = steps.take("a", agent.table_payload, *payloads)
    refused = {one.sha256: one.reason for answer in answers for one in answer.refused}
    assert refused == {digest(payload): reason for payload in payloads[1:-1]}
    (line,) = account(steps.connection)
    assert (line.committed, line.refused, line.missing, line.chain_breaks) == (2, 3, 0, 0)
    kept = steps.rows("select spool, sequence, payload from refusals order by sequence")
    assert [row[:2] for row in kept] == [(agent.spool, number) for number in (2, 3, 4)]
    assert not any(b"secret" in (row[2] or b"") for row in kept)
