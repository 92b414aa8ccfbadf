"""One agent runs fifteen kinds of devices at once, over their own transports, and every value reaches the database."""

from __future__ import annotations

import csv
import json
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from edge_tools.asked_devices import Dlt645Meter, HikvisionStream, ModbusMeter, asked_devices
from edge_tools.counterpart import Counterpart, StatedTimes, Told
from edge_tools.mqtt_devices import StoreBroker, mqtt_devices
from edge_tools.pushing_devices import login_keys, pushing_devices
from standalone import completeness
from standalone.broker import PrivateBroker
from standalone.data_folder import CLONE, data_folder, scratch_folder
from standalone.database_choice import choose_server
from standalone.site import AgentPlan, Site

from edge.source_states import read_states

AGENT = "store-of-many-kinds"
DEADLINE_S = 90.0


class Row(NamedTuple):
    """A reading as the database has it."""

    series: tuple[str, str, str]
    t_us: int
    ordinal: int
    value: float
    flags: int


class Store:
    """A platform, one agent, and its devices; what was told is kept to be compared."""

    def __init__(self, site: Site, devices: Sequence[Counterpart]) -> None:
        self.site = site
        self.devices = devices
        self.told: list[Told] = []

    def tell(self, number: int, devices: Sequence[Counterpart]) -> None:
        """Have devices say a message, and wait until the database has it."""
        since_us = time.time_ns() // 1000
        fresh = [told for device in devices for told in device.tell(number)]
        self.told += fresh
        self.wait_for(lambda: not self._missing(fresh, since_us), lambda: f"missing: {self._missing(fresh, since_us)}")

    def _missing(self, wanted: Sequence[Told], since_us: int) -> list[Told]:
        rows = self.rows()
        exact = {(row.series, row.t_us, row.ordinal, row.value) for row in rows}
        arrived = {(row.series, row.value) for row in rows if row.t_us >= since_us}
        return [
            told
            for told in wanted
            if (told.t_us is None and (told.series, told.value) not in arrived)
            or (told.t_us is not None and (told.series, told.t_us, told.ordinal, told.value) not in exact)
        ]

    def rows(self) -> list[Row]:
        """Return every reading, by series and time."""
        query = """select device, quantity, channel, (extract(epoch from t) * 1000000)::bigint, ordinal, value, flags
                     from (select * from readings_count union all select * from readings_state) readings
                     join series using (series_id) order by 1, 2, 3, 4, 5"""
        with psycopg.connect(self.site.database.dsn) as connection:
            return [Row(tuple(row[:3]), *row[3:]) for row in connection.execute(query).fetchall()]

    def sources(self) -> dict[str, dict[str, Any]]:
        """Return what ``smartstore-edge status`` says of each source."""
        return {source["name"]: source for source in self.site.edge_status(AGENT)["sources"]}

    def failures(self) -> dict[str, int]:
        """Return how often in a row each source has failed, as the agent keeps it for the status."""
        return {state.name: state.failures for state in read_states(self.site.spool(AGENT))}

    def log(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of the agent's log that name an event."""
        lines = (self.site.folder / "logs" / f"{AGENT}.log").read_text(encoding="utf-8").splitlines()
        return [line for line in map(json.loads, lines) if line["event"] == event]

    def wait_for(self, condition: Callable[[], bool], else_say: Callable[[], str]) -> None:
        end_s = time.monotonic() + DEADLINE_S
        while not condition():
            assert self.site.children[AGENT].running, self.site.children[AGENT].tail()
            assert time.monotonic() < end_s, f"{else_say()}; {self.site.children[AGENT].tail()}"
            time.sleep(0.2)


def registry_of(devices: Sequence[Counterpart], folder: Path) -> Path:
    """Return a site model in which the agent may speak for the devices."""
    shutil.copytree(CLONE / "deploy" / "recordings" / "calit2-registry", folder)
    agents = [[AGENT, "", "true", "2026-01-01", ""]]
    named = sorted({name for each in devices for name in each.devices})
    speaking = [[name, AGENT, "calit2", "", "normal", "", "false", "", "", "2026-01-01", ""] for name in named]
    for file, rows in (("agents.csv", agents), ("devices.csv", speaking)):
        with (folder / file).open("a", encoding="utf-8", newline="") as content:
            csv.writer(content, lineterminator="\n").writerows(rows)
    return folder


@pytest.fixture
def store() -> Iterator[Store]:
    with scratch_folder("twelve-kinds") as folder, ExitStack() as stack:
        times, login = StatedTimes(), login_keys(folder)
        broker = StoreBroker(PrivateBroker(folder / "store-broker", {}))
        devices = [*pushing_devices(times, login), *mqtt_devices(broker, times), *asked_devices(times, login, folder)]
        sources = "".join(each.source() for each in devices)
        stack.enter_context(broker)
        for each in devices:
            each.start()
            stack.callback(each.stop)
        site = stack.enter_context(
            Site(folder, choose_server(data_folder(), "twelve-kinds"), [AgentPlan(AGENT, sources)])
        )
        site.start_platform(registry_of(devices, folder / "registry"))
        yield Store(site, devices)


def test_fifteen_kinds_at_once_two_of_which_go_away_and_come_back(store: Store) -> None:
    subscriptions = sum('kind = "mqtt"' in each.source() for each in store.devices)
    store.site.start_agent(AGENT, until_drained=False)
    store.wait_for(lambda: len(store.log("mqtt_subscribed")) == subscriptions, lambda: "not all subscribed")
    for number in (0, 1):
        store.tell(number, store.devices)

    gone = [each for each in store.devices if isinstance(each, HikvisionStream | ModbusMeter)]
    others = [each for each in store.devices if each not in gone]
    for each in gone:
        each.stop()
    store.wait_for(
        lambda: all(store.failures()[each.name] >= 2 for each in gone),
        lambda: f"not seen to fail: {store.sources()}",
    )
    for number in (2, 3):
        store.tell(number, others)
    failing = {name: source for name, source in store.sources().items() if source["failures"]}
    assert set(failing) == {each.name for each in gone}
    assert all(source["running"] and source["error"] and source["fix"] for source in failing.values())

    for each in gone:
        each.start()
    store.wait_for(
        lambda: not any(store.failures().values()),
        lambda: f"did not come back: {store.sources()}",
    )
    store.tell(4, store.devices)
    assert store.site.children[AGENT].stop(60) == 0

    assert_that_every_value_is_stored_and_no_other(store)
    assert_that_failures_were_spaced(store, {each.name for each in gone})
    (found,) = completeness.accounts(store.site)
    assert found.problems() == []
    assert found.corrections == 0
    assert found.duplicates > 0, "the label server tells at every question what it told before"
    with psycopg.connect(store.site.database.dsn) as connection:
        assert connection.execute("select reason, detail from refusals").fetchall() == []
    assert {source["refusals"] for source in store.sources().values()} == {0}


def assert_that_every_value_is_stored_and_no_other(store: Store) -> None:
    told = defaultdict(list)
    for each in store.told:
        told[each.series].append(each)
    stored = {series: list(rows) for series, rows in groupby(store.rows(), key=lambda row: row.series)}
    assert set(stored) == set(told)
    for series, rows in stored.items():
        assert {row.flags for row in rows} == {0}
        if all(each.t_us is not None for each in told[series]):
            wanted = [(each.t_us, each.ordinal, each.value) for each in told[series]]
            assert [(row.t_us, row.ordinal, row.value) for row in rows] == wanted, series
        elif len(rows) == len(told[series]):
            assert [row.value for row in rows] == [each.value for each in told[series]], series
        else:  # asked again and again: what it showed, in its order, each value as often as it was asked for
            assert series[0] in ModbusMeter.devices + Dlt645Meter.devices, series
            shown = [value for value, _ in groupby(row.value for row in rows)]
            assert shown == [each.value for each in told[series]], series


def assert_that_failures_were_spaced(store: Store, names: set[str]) -> None:
    failures = defaultdict(list)
    for line in store.log("source_failed"):
        failures[line["source"]].append(line["retry_s"])
    assert set(failures) == names
    for pauses in failures.values():
        assert len(pauses) >= 2
        assert all(0 <= pause_s <= min(60.0, 2.0**number) for number, pause_s in enumerate(pauses))
