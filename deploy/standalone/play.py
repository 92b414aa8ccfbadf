"""What a demo plays: a recording, or the simulated district whose truth is known."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from edge.simulator.plan import district_plan
from edge.simulator.registry_files import write_csv_set
from edge.simulator.site import DistrictPlan, StorePlan
from edge.simulator.truth import truth
from edge.sources.recording import RecordingSettings
from edge.sources.recording_map import find_map, load_map
from standalone.data_folder import CLONE
from standalone.site import AgentPlan

RECORDINGS = CLONE / "deploy" / "recordings"
CHECK_DAYS = (date(2026, 5, 4), date(2026, 5, 11))
"""Two Mondays: the second is asked about, the first is the like day before."""


@dataclass(frozen=True)
class Question:
    """The facilities of one store over a half-open window; times carry their offset."""

    store_id: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Play:
    """Agents to run, the registry that they stand in, and what to ask when they are done."""

    title: str
    agents: tuple[AgentPlan, ...]
    registry: Path
    questions: tuple[Question, ...]
    simulated: dict[str, StorePlan] = field(default_factory=dict)
    """The plan behind each simulated store, whose truth the answers are held against."""


def recording_play(path: Path, described_by: Path | None = None, speed: float = 0.0) -> Play:
    """Return the play of a recording, by the map whose header is the file's first line.

    ``speed`` is recorded seconds a second; 0 plays as fast as the readings are accepted.

    Raises
    ------
    RecordingError
        If no map describes the file, or the file cannot be read.
    """
    recording_map = described_by or find_map(path, RECORDINGS)
    name = recording_map.stem
    source = (
        f'[[source]]\nkind = "recording"\nname = "{name}"\n'
        f'path = "{path.resolve()}"\nmap = "{recording_map.resolve()}"\n'
        f"speed = {speed}\n"
    )
    start, end = _span(path, recording_map)
    question = Question(name, start, end)
    return Play(
        title=f"recording {path.name}, described by {recording_map.name}",
        agents=(AgentPlan(name, source),),
        registry=recording_map.parent / f"{name}-registry",
        questions=(question,),
    )


def simulated_play(seed: int, folder: Path, *, live: bool = False) -> Play:
    """Return the play of the simulated district: two fixed days, or (``live``) two recent ones and then today."""
    plan = district_plan(seed)
    registry = folder / "registry"
    write_csv_set(plan, registry)
    days = tuple(_recent(plan)) if live else CHECK_DAYS
    listed = ", ".join(day.isoformat() for day in days)
    agents = tuple(
        AgentPlan(
            store.agent_id,
            f'[[source]]\nkind = "simulated_store"\nname = "{store.store_id}"\nstore = "{store.store_id}"\n'
            f"seed = {seed}\ndays = [{listed}]\nfollow = {str(live).lower()}\n",
        )
        for store in plan.stores
    )
    questions = tuple(Question(store.store_id, *_day(plan, days[-1])) for store in plan.stores)
    simulated = {store.store_id: store for store in plan.stores}
    return Play(f"simulated district, seed {seed}, days {listed}", agents, registry, questions, simulated)


def true_values(play: Play, question: Question) -> dict[str, float]:
    """Return the simulator's own truth for a question, by metric."""
    return truth(play.simulated[question.store_id], _us(question.start), _us(question.end))


def _recent(plan: DistrictPlan) -> Iterator[date]:
    today = datetime.now(ZoneInfo(plan.time_zone)).date()
    yield today - timedelta(days=8)
    yield today - timedelta(days=1)


def _day(plan: DistrictPlan, day: date) -> tuple[datetime, datetime]:
    zone = ZoneInfo(plan.time_zone)
    return datetime.combine(day, time(), zone), datetime.combine(day + timedelta(days=1), time(), zone)


def _span(path: Path, recording_map: Path) -> tuple[datetime, datetime]:
    """Return the window that a recording covers, from its first reading's start to its last one's end."""
    source = RecordingSettings(name="span", path=path, map=recording_map).build()
    times = [reading.t_us for group in source.groups(None, threading.Event()) for reading in group.readings]
    described = load_map(recording_map)
    zone = ZoneInfo(described.time_zone)
    end_us = max(times) + round(described.period_s * 1e6)
    return _at(min(times)).astimezone(zone), _at(end_us).astimezone(zone)


def _at(t_us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=t_us)


def _us(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
