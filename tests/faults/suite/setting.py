"""What a scenario needs of the platform and of those who send."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from faults.suite.fleet import FleetPlan
from faults.suite.truth import Sender

if TYPE_CHECKING:
    from faults.suite.rig import Rig


class Pair(StrEnum):
    """Two ends of a line."""

    AGENT_BROKER = "agent-broker"
    BROKER_INGEST = "broker-ingest"
    INGEST_DATABASE = "ingest-database"


@dataclass(frozen=True)
class Load:
    """What the usual senders do: so many agents, so many readings of each, in so many seconds.

    Parameters
    ----------
    group
        Readings that a source gives together.
    interleaved
        The second half of an agent's readings lies between those of the first.
    spool
        What differs from the usual in the agents' ``[spool]`` table.
    timeout_s
        After which agents send again what is not acknowledged.
    scales
        Whether there are fewer or more readings where the suite is scaled.
    """

    agents: int = 4
    readings: int = 1200
    over_s: float = 3.0
    group: int = 5
    interleaved: bool = False
    spool: dict[str, Any] = field(default_factory=dict)
    timeout_s: float = 2.0
    scales: bool = True


@dataclass(frozen=True)
class Setting:
    """What a scenario needs otherwise than usual.

    Parameters
    ----------
    lines
        Lines that go through a proxy, with how it treats them from the start.
    only_worker
        The one worker whose lines go through a proxy; None: all of them.
    queued_messages
        What the broker keeps for a worker that does not keep up.
    worker
        Further lines of the workers' ``[ingest]`` table.
    fleet, further
        Senders beside the usual ones.
    small_disk
        The database is on a volume that can be filled.
    steps_clocks
        The workers' wall clocks can be stepped.
    """

    load: Load = Load()
    lines: dict[Pair, dict[str, float]] = field(default_factory=dict)
    only_worker: int | None = None
    queued_messages: int = 20_000
    worker: str = ""
    fleet: FleetPlan | None = None
    further: Callable[[Rig], list[Sender]] = lambda _: []
    small_disk: bool = False
    steps_clocks: bool = False
