"""A store whose agents lose, repeat and delay: what they made, and what came of each batch and reading."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from ingest_steps import Steps, instant
from sealed_batches import SealingAgent, gauge, interval

from edge.wire.batch import DecoderRefusal, Loss, LossReason
from edge.wire.series import Kind, OnChange, Series, SeriesTable, Unit

START_US = 1_766_678_400_000_000  # 2025-12-26T00:00:00+08:00
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
HOURS = 96
END_US = START_US + HOURS * HOUR_US
MOVED_US = START_US + 48 * HOUR_US
"""Midnight at which m2 goes to another agent."""

PROBE = gauge("m1")
COUNTER = interval("m1")
MOVING = Series(device="m2", quantity="temperature", unit=Unit.CELSIUS, kind=Kind.GAUGE, period_s=120.0)
DOOR = Series(
    device="m3",
    quantity="door_open",
    unit=Unit.STATE,
    kind=Kind.STATE,
    period_s=900.0,
    report=OnChange(dead_band=0, at_least_every_s=600),
)
PULSE = Series(device="m3", quantity="boot", unit=Unit.COUNT, kind=Kind.EVENT)
EXTRA = Series(device="m3", quantity="battery", unit=Unit.PERCENT, kind=Kind.GAUGE, period_s=60.0)
"""Reported, and not registered: nothing is expected of it."""
NEVER = ("m4", "carbon_dioxide")
"""Registered, and never reported: its usual period is a minute."""
TABLES = {
    "agent-1": SeriesTable.of([PROBE, COUNTER, MOVING]),
    "agent-2": SeriesTable.of([MOVING, DOOR, PULSE, EXTRA]),
}
STEPS_MIN = {PROBE: 1, COUNTER: 5, MOVING: 2, DOOR: 7, PULSE: 90, EXTRA: 30}
Reading = tuple[Series, int, float]


def register_store(c: psycopg.Connection[Any]) -> None:
    """Add a district, a store in it, its agents, devices and series as a version of the registry."""
    c.execute(
        """
        insert into registry_versions (source, digest) values ('test', '');
        insert into districts values ('d', 'D', '区', 'smart_district', 'Asia/Shanghai', true, '2025-01-01', null, 1,
                                      null);
        insert into stores values ('s', 'd', 'S', '店', 'supermarket', 100, 'gross', '09:00', '21:00', null,
                                   'Asia/Shanghai', '00:00', true, '2025-01-01', null, 1, null);
        insert into agents (agent_id, approved, valid_from, version_from)
        values ('agent-1', true, '2025-01-01', 1), ('agent-2', true, '2025-01-01', 1);
        insert into devices (device_id, agent_id, store_id, valid_from, valid_to, version_from)
        values ('m1', 'agent-1', 's', '2025-01-01', null, 1), ('m2', 'agent-1', 's', '2025-01-01', '2025-12-28', 1),
               ('m2', 'agent-2', 's', '2025-12-28', null, 1), ('m3', 'agent-2', 's', '2025-01-01', null, 1),
               ('m4', 'agent-2', 's', '2025-12-27', '2025-12-29', 1);
        insert into points (point_id, store_id, facility, kind, valid_from, version_from)
        select 'p' || n, 's', 'cold_chain', 'probe', '2025-01-01', 1 from generate_series(1, 6) n;
        insert into registered_series (device_id, quantity, point_id, valid_from, version_from)
        values ('m1', 'temperature', 'p1', '2025-01-01', 1), ('m1', 'entries', 'p2', '2025-01-01', 1),
               ('m2', 'temperature', 'p3', '2025-01-01', 1), ('m3', 'door_open', 'p4', '2025-01-01', 1),
               ('m3', 'boot', 'p5', '2025-01-01', 1), ('m4', 'carbon_dioxide', 'p6', '2025-01-01', 1)"""
    )


@dataclass(frozen=True)
class Made:
    """A batch as its agent made it, and what is to become of it."""

    agent: str
    sequence: int
    sealed_us: int
    readings: tuple[Reading, ...]
    payload: bytes
    fate: str
    """committed, late (committed in the end), refused, lost, missing."""
    declares: tuple[tuple[int, int, int], ...]
    """Losses: sequence, first and last time."""
    refused_payloads: tuple[str, ...]


@dataclass
class TroubledStore:
    """Four days of it; ``play`` has ingest take what arrives, and counts along."""

    seed: int
    agents: dict[str, SealingAgent] = field(default_factory=dict)
    made: list[Made] = field(default_factory=list)
    stored: dict[tuple[Series, int], float] = field(default_factory=dict)
    arrivals: dict[tuple[str, str, int], int] = field(default_factory=lambda: defaultdict(int))
    """How many readings of a device (with its hour) were late, duplicates, corrections."""
    by_batch: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    """Duplicates and corrections of the committed batches."""
    closed_us: int | None = None
    hours_played: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        silent = {(s, self._random.randrange(HOURS)) for s in STEPS_MIN for _ in range(6)}
        for number, (name, table) in enumerate(TABLES.items(), start=1):
            self.agents[name] = SealingAgent(name, table, spool=UUID(int=self.seed * 10 + number))
        for hour in range(HOURS):
            for name in self.agents:
                self._make(name, hour, silent)

    def _make(self, name: str, hour: int, silent: set[tuple[Series, int]]) -> None:
        made, agent = self._random, self.agents[name]
        readings = [
            (
                series,
                START_US + hour * HOUR_US + minute * MINUTE_US + made.choice([0, 0, 0, 1]),
                float(made.randrange(50)),
            )
            for series in agent.table.series
            for minute in range(0, 60, STEPS_MIN[series])
            if (series, hour) not in silent and made.random() < 0.97 and self._speaks(name, series, hour)
        ]
        again = [b for b in self.made if b.agent == name and b.fate in {"committed", "late"} and b.readings]
        if again and made.random() < 0.3:
            some = made.sample(made.choice(again[-8:]).readings, 3) if len(again[-1].readings) >= 3 else []
            there = {(series, t_us) for series, t_us, _ in readings}
            readings += [
                (series, t_us, value + made.choice([0, 0, 1]))
                for series, t_us, value in some
                if (series, t_us) not in there
            ]
        fate = made.choices(["committed", "late", "refused", "lost", "missing"], [80, 6, 6, 6, 4])[0]
        lost = [b for b in self.made if b.agent == name and b.fate == "lost" and b.readings]
        told = {sequence for b in self.made if b.agent == name for sequence, *_ in b.declares}
        undeclared = [b for b in lost if b.sequence not in told] if fate == "committed" else []
        payloads = tuple(made.choice("abcdef") for _ in range(made.choice([0, 0, 1, 2]))) if fate == "committed" else ()
        # A clock that was put back for a while.
        sealed_us = START_US + (hour + 1) * HOUR_US + 5_000_000 - (90 * MINUTE_US if hour % 31 == 30 else 0)
        rows = [(agent.table.series.index(series), t_us - START_US, value) for series, t_us, value in readings]
        payload = agent.seal(
            rows + ([(9_999, 0, 0.0)] if fate == "refused" else []),
            base_us=START_US,
            sealed_us=sealed_us,
            losses=[_loss(b) for b in undeclared],
            refusals=[
                DecoderRefusal(source="x", reason="no_decoder", detail="", payload=text, at_us=0) for text in payloads
            ],
        )
        declares = tuple((b.sequence, min(r[1] for r in b.readings), max(r[1] for r in b.readings)) for b in undeclared)
        self.made.append(Made(name, agent.sequence, sealed_us, tuple(readings), payload, fate, declares, payloads))

    @staticmethod
    def _speaks(name: str, series: Series, hour: int) -> bool:
        return series is not MOVING or (name == "agent-1") == (hour < 48)

    def play(self, steps: Steps, scheduled: Callable[[int], None]) -> Iterator[int]:
        """Have everything arrive; tell ``scheduled`` each hour (and close what it says), yield at some moments."""
        for name, agent in self.agents.items():
            steps.take(name, agent.table_payload)
        for hour in range(HOURS):
            for batch in (b for b in self.made if b.sequence == hour + 1):
                if batch.fate in {"committed", "refused"}:
                    self._take(steps, batch)
                if batch.fate == "committed" and self._random.random() < 0.2:
                    steps.take(batch.agent, batch.payload)  # once more, since its acknowledgement was lost
            self.hours_played = hour + 1
            if hour in {20, 60, 90}:
                yield hour
                scheduled(hour - 1)
                self.closed_us = START_US + (hour - 1) * HOUR_US
                yield hour
        for batch in self.made:
            if batch.fate == "late":
                self._take(steps, batch)
        yield HOURS

    def _take(self, steps: Steps, batch: Made) -> None:
        steps.take(batch.agent, batch.payload)
        if batch.fate == "refused":
            return
        counts = [0, 0]
        for series, t_us, value in batch.readings:
            key, hour_us = (series, t_us), t_us // HOUR_US * HOUR_US
            if key not in self.stored:
                self.stored[key] = value
                if self.closed_us is not None and t_us < self.closed_us:
                    self.arrivals["late", series.device, hour_us] += 1
            elif self.stored[key] == value:
                self.arrivals["duplicates", series.device, hour_us] += 1
                counts[0] += 1
            else:
                self.stored[key] = value
                self.arrivals["corrections", series.device, hour_us] += 1
                counts[1] += 1
        self.by_batch[batch.agent, batch.sequence] = counts[0], counts[1]


def _loss(batch: Made) -> Loss:
    times = [t_us for _, t_us, _ in batch.readings]
    return Loss(
        first_sequence=batch.sequence,
        last_sequence=batch.sequence,
        readings=len(times),
        reason=LossReason.SPOOL_FULL,
        last_digest="0" * 64,
        first_us=min(times),
        last_us=max(times),
    )


def at(us: int) -> datetime:
    """Return an instant of µs since 1970."""
    return instant(us)


def agent_of(device: str, t_us: int) -> str | None:
    """Return who speaks for a device at a time."""
    if device == "m4":
        return "agent-2" if START_US + 24 * HOUR_US <= t_us < START_US + 72 * HOUR_US else None
    if device == "m2":
        return "agent-1" if t_us < MOVED_US else "agent-2"
    return "agent-1" if device == "m1" else "agent-2"


def instants(period_us: int, start_us: int, end_us: int) -> Iterable[int]:
    """Return the multiples of a period in [start, end)."""
    return range(-(-start_us // period_us) * period_us, end_us, period_us)
