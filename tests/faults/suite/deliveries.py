"""What is delivered twice, out of order, late, or should never have been sent."""

from __future__ import annotations

from typing import Any

import psycopg
from fault_tools.duplicator import Duplicator
from faults.suite.poisoner import UNLUCKY, Poisoner
from faults.suite.rig import DUPLICATOR, Rig
from faults.suite.scenario import Lack, LackingError, Scenario
from faults.suite.setting import Load, Setting
from standalone.requirements import Feature

_AGAIN_S = 1.0


def _say_again(rig: Rig) -> None:
    """Have a second voice say half of all batches again, shuffled, while the load lasts."""
    duplicator = Duplicator(share=0.5, seed=rig.seed)
    duplicator.start(rig.broker.host, rig.broker.port, DUPLICATOR, rig.password)
    try:
        rig.wait(lambda: all(sender.is_settled() for sender in rig.senders), "everything is answered")
    finally:
        duplicator.stop()
    assert duplicator.said_again > 0.2 * duplicator.seen, "the duplicator was silent"
    rig.notes.append(f"{duplicator.said_again} of {duplicator.seen} batches said again")


def _reject(rig: Rig) -> None:
    rig.database.execute(f"alter table ledger add constraint lucky check (readings <> {UNLUCKY})")


def _poison(rig: Rig) -> None:
    (poisoner,) = (sender for sender in rig.senders if isinstance(sender, Poisoner))
    poisoner.speak()

    def is_settled() -> bool:
        poisoner.send_again()
        return poisoner.is_settled()

    rig.wait(is_settled, "every payload of the poisoner is answered", every_s=_AGAIN_S)
    surprises = poisoner.surprises()
    assert not surprises, surprises[:5]


def _needs_columnstore(rig: Rig) -> None:
    with rig.database.connect() as connection:
        if not _has_columnstore(connection):
            raise LackingError(Lack("the tables of readings have no columnstore here", Feature.COMMUNITY))


def _has_columnstore(connection: psycopg.Connection[Any]) -> bool:
    """Tell whether readings are a hypertable with columnstore, by the catalogue."""
    if connection.execute("select to_regclass('timescaledb_information.hypertables')").fetchone() == (None,):
        return False
    rows = connection.execute(
        """select compression_enabled from timescaledb_information.hypertables
            where hypertable_name in ('readings_count', 'readings_state')"""
    ).fetchall()
    return rows == [(True,), (True,)]


def _compress(rig: Rig) -> None:
    """Compress every chunk, again and again, while readings between the compressed ones arrive."""
    compressed = 0
    for share in (0.3, 0.5, 0.7, 0.9):
        rig.wait_until_committed(share)
        with rig.database.connect() as connection:
            connection.execute("set lock_timeout = '5s'")
            chunks = connection.execute(
                "select show_chunks('readings_count') union all select show_chunks('readings_state')"
            ).fetchall()
            for (chunk,) in chunks:
                connection.execute("select compress_chunk(%s::regclass, if_not_compressed => true)", [chunk])
                compressed += 1
    assert compressed
    rig.notes.append(f"{compressed} times a chunk was compressed under the load")


SCENARIOS = (
    Scenario("delivered twice and out of order", _say_again),
    Scenario(
        "poison payloads of seven kinds",
        _poison,
        Setting(further=lambda rig: [Poisoner(rig.broker, lambda: rig.agents[0].spool.spool_id)]),
        before=_reject,
        refuses=True,
    ),
    Scenario(
        "late rows into compressed chunks",
        _compress,
        Setting(Load(interleaved=True, over_s=5.0)),
        before=_needs_columnstore,
    ),
)
