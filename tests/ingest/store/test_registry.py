"""Reads of the site model against a day-by-day reading of the same rows in Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import date, time, timedelta
from itertools import pairwise
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.registry.registry_set import RegistrySet
from ingest.registry.rows import (
    Agent,
    Audit,
    Device,
    District,
    Door,
    Point,
    RegisteredSeriesRow,
    RegistryRow,
    Store,
    Zone,
)
from ingest.store import registry
from ingest.store.registry_import import import_set

START = date(2025, 1, 1)
DAYS = [START + timedelta(days=n) for n in range(10)]
Row = Callable[..., RegistryRow]


def spans(row: Row, states: list[Any], cuts: list[int], field: str) -> list[RegistryRow]:
    """Return rows that follow each other without a gap, one for each state; the last is open-ended."""
    begins = [0, *sorted(cuts)[: len(states) - 1]]
    ends = [*(DAYS[n] for n in begins[1:]), None]
    return [
        row(**{field: state}, valid_from=DAYS[begin], valid_to=end)
        for state, begin, end in zip(states, begins, ends, strict=True)
        if end is None or end > DAYS[begin]
    ]


def by_day(facts: Iterable[Any]) -> dict[date, set[tuple[Any, ...]]]:
    """Return what holds on each day, without the days of validity."""
    found: dict[date, set[tuple[Any, ...]]] = {day: set() for day in DAYS}
    for fact in facts:
        values = tuple(without_days(fact).values())
        for day in DAYS:
            if fact.valid_from <= day and (fact.valid_to is None or day < fact.valid_to):
                assert values not in found[day]
                found[day].add(values)
    return found


def without_days(fact: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(fact).items() if name not in {"valid_from", "valid_to"}}


def joined(facts: list[Any]) -> bool:
    """Return whether no two facts that follow each other differ in their days alone."""
    return not any(
        before.valid_to == after.valid_from and without_days(before) == without_days(after)
        for before, after in pairwise(facts)
    )


def states(values: list[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=4)


cuts = st.lists(st.integers(1, 9), min_size=3, max_size=3)
window = st.tuples(st.integers(0, 9), st.integers(1, 9)).map(lambda w: (w[0], min(9, w[0] + w[1])))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    perimeters=states([True, False]),
    door_cuts=cuts,
    counts=states([1, 2]),
    point_cuts=cuts,
    areas=states([None, 60.0]),
    zone_cuts=cuts,
    window=window,
)
def test_points_of_a_span(
    *,
    connection: psycopg.Connection[Any],
    perimeters: list[bool],
    door_cuts: list[int],
    counts: list[int],
    point_cuts: list[int],
    areas: list[float | None],
    zone_cuts: list[int],
    window: tuple[int, int],
) -> None:
    def zone(**values: Any) -> Zone:
        return Zone(zone_id="z", store_id="s", name_en="x", name_zh="区", **values)

    def door(**values: Any) -> Door:
        return Door(door_id="d", store_id="s", name_en="x", name_zh="门", **values)

    def point(**values: Any) -> Point:
        return Point(
            point_id="p", store_id="s", facility="traffic", kind="door_line", door_id="d", zone_id="z", **values
        )

    doors = spans(door, perimeters, door_cuts, "perimeter")
    points = spans(point, counts, point_cuts, "point_count")
    zones = spans(zone, areas, zone_cuts, "area_m2")
    elsewhere = Point(point_id="q", store_id="t", facility="air", kind="air_zone", valid_from=DAYS[0], valid_to=DAYS[5])
    since, until = DAYS[window[0]], DAYS[window[1]]
    try:
        import_set(connection, RegistrySet.of([*doors, *points, *zones, elsewhere]), "test")
        found = registry.points(connection, "s", since, until)
        expected: dict[date, set[tuple[Any, ...]]] = {}
        for day in DAYS:
            (now,) = [d for d in doors if d.holds_on(day)]
            (here,) = [p for p in points if p.holds_on(day)]
            (around,) = [z for z in zones if z.holds_on(day)]
            assert isinstance(around, Zone)
            assert isinstance(now, Door)
            assert isinstance(here, Point)
            state = ("p", "traffic", "door_line", "z", "d", now.perimeter, here.point_count, around.area_m2)
            expected[day] = {state}
        seen = by_day(found)
        assert all(seen[day] == expected[day] for day in DAYS if since <= day < until)
        assert all(fact.valid_from < until and (fact.valid_to or date.max) > since for fact in found)
        assert joined(found)
        elsewhere_found = registry.points(connection, "t", since, until)
        assert [fact.perimeter for fact in elsewhere_found] == ([None] if since < DAYS[5] and since < until else [])
    finally:
        connection.rollback()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(directions=states(["normal", "inverted"]), device_cuts=cuts, begin=st.integers(0, 8), window=window)
def test_series_of_a_span(
    connection: psycopg.Connection[Any],
    directions: list[str],
    device_cuts: list[int],
    begin: int,
    window: tuple[int, int],
) -> None:
    def device(**values: Any) -> Device:
        return Device(device_id="c", agent_id="a", store_id="s", accuracy=0.5, **values)

    devices = spans(device, directions, device_cuts, "direction")
    series = RegisteredSeriesRow(
        device_id="c", quantity="entries", point_id="p", role="main", valid_from=DAYS[begin], valid_to=DAYS[9]
    )
    since, until = DAYS[window[0]], DAYS[window[1]]
    try:
        import_set(connection, RegistrySet.of([*devices, series]), "test")
        found = registry.registered_series(connection, "s", since, until)
        seen = by_day(found)
        for day in DAYS:
            if not since <= day < until:
                continue
            (now,) = [d for d in devices if d.holds_on(day)]
            assert isinstance(now, Device)
            row = ("c", "entries", "", "p", 1, "main", now.direction, 0.5, "a")
            assert seen[day] == ({row} if series.holds_on(day) else set())
        assert joined(found)
        assert registry.registered_series(connection, "other", since, until) == []
        held = [d for d in devices if d.valid_from < until and (d.valid_to or date.max) > since and since < until]
        assert [fact.valid_from for fact in registry.devices(connection, "s", since, until)] == [
            d.valid_from for d in sorted(held, key=lambda d: d.valid_from)
        ]
    finally:
        connection.rollback()


def district(**values: Any) -> District:
    return District(name_en="D", name_zh="街", kind="pedestrian_street", time_zone="Asia/Shanghai", **values)


def store(**values: Any) -> Store:
    return Store(
        name_en="S",
        name_zh="店",
        format="supermarket",
        floor_area_m2=100,
        area_kind="sales",
        opens_at=time(8),
        closes_at=time(22),
        time_zone="Asia/Shanghai",
        **values,
    )


def test_districts_and_stores_on_a_day(connection: psycopg.Connection[Any]) -> None:
    rows = [
        district(district_id="d1", valid_from=DAYS[0], valid_to=DAYS[5]),
        district(district_id="d2", valid_from=DAYS[0]),
        store(store_id="s1", district_id="d1", valid_from=DAYS[0], valid_to=DAYS[5]),
        store(store_id="s1", district_id="d2", valid_from=DAYS[5], capacity=7),
        store(store_id="s2", district_id="d2", valid_from=DAYS[2]),
    ]
    version = import_set(connection, RegistrySet.of(rows), "test")
    assert [d.district_id for d in registry.districts(connection, DAYS[4])] == ["d1", "d2"]
    assert [d.district_id for d in registry.districts(connection, DAYS[5])] == ["d2"]
    assert registry.district(connection, "d1", DAYS[5]) is None
    assert [s.store_id for s in registry.stores(connection, None, DAYS[2])] == ["s1", "s2"]
    assert [s.store_id for s in registry.stores(connection, "d2", DAYS[2])] == ["s2"]
    found = registry.store(connection, "s1", DAYS[5])
    assert found is not None
    assert (found.district_id, found.capacity, found.opens_at, found.valid_to) == ("d2", 7, time(8), None)
    assert registry.store(connection, "s1", DAYS[0] - timedelta(days=1)) is None
    import_set(connection, RegistrySet(), "all gone")
    assert registry.stores(connection, None, DAYS[2]) == []
    assert [s.store_id for s in registry.stores(connection, None, DAYS[2], version)] == ["s1", "s2"]
    assert registry.stores(connection, None, DAYS[2], 0) == []


def test_an_agent_speaks_for_its_devices_only_while_approved_and_valid(connection: psycopg.Connection[Any]) -> None:
    rows = [
        Agent(agent_id="a", approved=True, valid_from=DAYS[2], valid_to=DAYS[6]),
        Agent(agent_id="a", approved=False, valid_from=DAYS[6]),
        Agent(agent_id="b", approved=True, valid_from=DAYS[0]),
        Device(device_id="moved", agent_id="b", store_id="s", valid_from=DAYS[0], valid_to=DAYS[3]),
        Device(device_id="moved", agent_id="a", store_id="s", valid_from=DAYS[3]),
        Device(device_id="later", agent_id="b", store_id="s", valid_from=DAYS[8]),
    ]
    import_set(connection, RegistrySet.of(rows), "test")

    def allowed(agent: str, day: int) -> set[str] | None:
        return registry.agent_devices(connection, agent, DAYS[day])

    assert allowed("a", 0) is None
    # East of Greenwich the first day has begun before it has in UTC, and with it the device's.
    assert allowed("a", 1) == set()
    assert allowed("a", 2) == {"moved"}
    assert allowed("a", 5) == {"moved"}
    assert allowed("a", 6) is None
    # What it delivers late, it accepted while the device was its own.
    assert allowed("b", 6) == {"moved"}
    assert allowed("b", 7) == {"moved", "later"}
    assert allowed("nobody", 5) is None


def test_audits_in_force(connection: psycopg.Connection[Any]) -> None:
    def audit(audit_id: str, begin: int, end: int | None, device: str = "c") -> Audit:
        until = None if end is None else DAYS[end]
        counts = {"manual_count": 100, "device_count": 98}
        return Audit(
            audit_id=audit_id, device_id=device, quantity="entries", valid_from=DAYS[begin], valid_to=until, **counts
        )

    rows = [audit("1", 0, 3), audit("2", 2, None), audit("3", 5, None), audit("4", 0, None, "other")]
    import_set(connection, RegistrySet.of(rows), "test")
    for until, expected in ((1, ["1"]), (3, ["1", "2"]), (4, ["2"]), (5, ["2"]), (6, ["2", "3"])):
        assert [a.audit_id for a in registry.audits(connection, ["c"], DAYS[until])] == expected


def test_before_the_first_import_there_is_nothing(connection: psycopg.Connection[Any]) -> None:
    assert registry.current_version(connection) == 0
    assert registry.districts(connection, START) == []
    assert registry.points(connection, "s", DAYS[0], DAYS[1]) == []
    assert registry.agent_devices(connection, "a", START) is None
