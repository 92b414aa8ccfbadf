"""Versions of the site model: each reads for ever as the set that made it."""

from __future__ import annotations

import threading
from datetime import date, time
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from ingest.registry.registry_set import ROW_TYPES, RegistrySet
from ingest.registry.rows import (
    Agent,
    Audit,
    Device,
    District,
    Door,
    Floor,
    Point,
    RegisteredSeriesRow,
    RegistryRow,
    Store,
    Tenant,
    Zone,
)
from ingest.store import registry
from ingest.store.registry_import import UnknownAgentError, import_set, read_set, set_approval, versions

DAYS = [date(2025, 1, 1), date(2025, 1, 9), date(2025, 3, 1)]
ENDS = [None, date(2026, 1, 1), date(2026, 5, 1)]
ids = st.sampled_from(["a", "b"])
texts = st.sampled_from(["x", "商店", 'tab\\ quote" and, comma'])
span: dict[str, Any] = {"valid_from": st.sampled_from(DAYS), "valid_to": st.sampled_from(ENDS)}
names: dict[str, Any] = {"name_en": texts, "name_zh": texts}

ANY_ROW: st.SearchStrategy[RegistryRow] = st.one_of(
    st.builds(
        District, district_id=ids, kind=st.just("smart_district"), time_zone=st.just("Asia/Shanghai"), **names, **span
    ),
    st.builds(
        Store,
        store_id=ids,
        district_id=ids,
        format=st.sampled_from(["supermarket", "brand_store"]),
        floor_area_m2=st.sampled_from([0.1, 1 / 3, 5e5]),
        area_kind=st.just("gross"),
        opens_at=st.just(time(8)),
        closes_at=st.sampled_from([time(0), time(23, 59, 59)]),
        capacity=st.sampled_from([None, 9]),
        time_zone=st.just("Asia/Shanghai"),
        **names,
        **span,
    ),
    st.builds(Tenant, tenant_id=ids, store_id=ids, **names, **span),
    st.builds(Floor, floor_id=ids, store_id=ids, level=st.sampled_from([-1, 0]), **names, **span),
    st.builds(Zone, zone_id=ids, store_id=ids, area_m2=st.sampled_from([None, 2.5]), **names, **span),
    st.builds(Door, door_id=ids, store_id=ids, perimeter=st.booleans(), **names, **span),
    st.builds(
        Point,
        point_id=ids,
        store_id=ids,
        facility=st.just("air"),
        kind=st.just("air_zone"),
        point_count=st.sampled_from([1, 7]),
        **span,
    ),
    st.builds(Agent, agent_id=ids, approved=st.booleans(), **span),
    st.builds(Device, device_id=ids, agent_id=ids, store_id=ids, calibrated_on=st.sampled_from([None, *DAYS]), **span),
    st.builds(RegisteredSeriesRow, device_id=ids, quantity=st.just("temperature"), point_id=ids, **span),
    st.builds(
        Audit,
        audit_id=ids,
        device_id=ids,
        quantity=st.just("entries"),
        manual_count=st.just(9),
        device_count=st.sampled_from([8, 9]),
        **span,
    ),
)


def key(row: RegistryRow) -> Any:
    return row.table, row.identity(), row.valid_from


SETS = st.lists(ANY_ROW, max_size=12, unique_by=key).map(RegistrySet.of)
STEPS = st.lists(st.one_of(SETS, st.integers(0, 5)), min_size=1, max_size=6)
"""A new set, or the number of an earlier step whose set comes again."""


def stored_rows(c: psycopg.Connection[Any]) -> list[Any]:
    query = sql.SQL("select xmin, f.* from {} f order by f::text")
    return [c.execute(query.format(sql.Identifier(row_type.table))).fetchall() for row_type in ROW_TYPES]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_every_version_reads_as_the_set_that_made_it(connection: psycopg.Connection[Any], steps: list[Any]) -> None:
    kept = [RegistrySet()]
    try:
        for number, step in enumerate(steps):
            chosen = kept[step % len(kept)] if isinstance(step, int) else step
            before = stored_rows(connection)
            version = import_set(connection, chosen, f"step {number}")
            if chosen == kept[-1]:
                assert version == len(kept) - 1
                assert stored_rows(connection) == before
            else:
                kept.append(chosen)
                assert version == len(kept) - 1
            assert registry.current_version(connection) == version
            assert [read_set(connection, v) for v in range(len(kept))] == kept
        digests = [digest for *_, digest in versions(connection)]
        assert digests == [registry_set.digest().hex() for registry_set in kept[1:]]
        assert read_set(connection) == kept[-1]
    finally:
        connection.rollback()


def test_facts_that_stay_keep_their_rows(connection: psycopg.Connection[Any]) -> None:
    stays = Agent(agent_id="a", approved=True, valid_from=DAYS[0])
    import_set(connection, RegistrySet.of([stays, Agent(agent_id="b", approved=False, valid_from=DAYS[0])]), "first")
    import_set(connection, RegistrySet.of([stays, Agent(agent_id="b", approved=True, valid_from=DAYS[0])]), "second")
    rows = connection.execute("select agent_id, version_from, version_to from agents order by 1, 2").fetchall()
    assert rows == [("a", 1, None), ("b", 1, 2), ("b", 2, None)]


def test_two_imports_at_once_make_one_version_each_and_the_second_sees_the_first(database: str) -> None:
    sets = [RegistrySet.of([Agent(agent_id=f"a{n}", approved=True, valid_from=DAYS[0])]) for n in range(4)]
    made: list[int] = []

    def run(registry_set: RegistrySet) -> None:
        with psycopg.connect(database, autocommit=True) as c:
            made.append(import_set(c, registry_set, "at once"))

    threads = [threading.Thread(target=run, args=(registry_set,)) for registry_set in sets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(made) == [1, 2, 3, 4]
    with psycopg.connect(database) as c:
        seen = [read_set(c, version) for version in (1, 2, 3, 4)]
        assert sorted(s.agents[0].agent_id for s in seen) == ["a0", "a1", "a2", "a3"]
        assert all(len(s.agents) == 1 for s in seen)


def test_an_import_that_fails_leaves_no_version_and_no_gap_in_their_numbers(
    connection: psycopg.Connection[Any],
) -> None:
    agent = Agent(agent_id="a", approved=True, valid_from=DAYS[0])
    twice = RegistrySet(agents=(agent, agent.model_copy(update={"approved": False})))
    with pytest.raises(psycopg.errors.UniqueViolation):
        import_set(connection, twice, "wrong")
    assert registry.current_version(connection) == 0
    assert import_set(connection, RegistrySet(agents=(agent,)), "right") == 1


def test_approval_changes_what_is_valid_from_the_day_on_and_nothing_before(connection: psycopg.Connection[Any]) -> None:
    past = Agent(agent_id="a", approved=False, valid_from=date(2024, 1, 1), valid_to=date(2025, 1, 1))
    now = Agent(agent_id="a", approved=False, valid_from=date(2025, 1, 1))
    device = Device(device_id="d", agent_id="a", store_id="s", valid_from=date(2025, 1, 1))
    today = date(2025, 6, 1)
    import_set(connection, RegistrySet.of([past, now, device]), "set")
    assert registry.agent_devices(connection, "a", today) is None
    assert set_approval(connection, "a", True, today, "approve a") == 2
    assert [agent.approved for agent in read_set(connection).agents] == [False, True]
    assert registry.agent_devices(connection, "a", today) == {"d"}
    assert set_approval(connection, "a", True, today, "approve a") == 2
    assert set_approval(connection, "a", False, today, "revoke a") == 3
    assert registry.agent_devices(connection, "a", today) is None
    with pytest.raises(UnknownAgentError, match=r"add it to agents\.csv"):
        set_approval(connection, "b", True, today, "approve b")
