"""A whole agent, spool and uplink included, in threads of this process, with a source whose readings are known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from threading import Event, Thread
from typing import Any

from faults.suite.truth import Key, Truth, key_of

from edge.agent import Agent, limits_of
from edge.clock import system_clock
from edge.readings import Reading, ReadingGroup
from edge.settings import EdgeSettings
from edge.spool.spool import Spool
from edge.uplink import Uplink
from edge.wire.series import Counter, Kind, Origin, Series, Unit

_STEP_US = 60_000_000
_END_S = 60.0


def series_of(agent: str) -> list[Series]:
    """Return an agent's series: a count, a register and a level, so that more than one table is written."""
    return [
        Series(device=f"{agent}-door", quantity="entries", unit=Unit.COUNT, kind=Kind.INTERVAL, period_s=60.0),
        Series(
            device=f"{agent}-meter",
            quantity="active_energy",
            unit=Unit.KILOWATT_HOUR,
            kind=Kind.CUMULATIVE,
            counter=Counter(),
        ),
        Series(device=f"{agent}-fridge", quantity="temperature", unit=Unit.CELSIUS, kind=Kind.GAUGE, period_s=60.0),
    ]


class Supply:
    """A source that gives ``count`` readings in ``over_s`` seconds; values come from a seed.

    Parameters
    ----------
    first_us
        Time of the first reading.
    group
        Readings that come together.
    interleaved
        The second half of the readings lies between those of the first, as what comes late does.
    """

    name = "supply"

    def __init__(
        self, agent: str, *, seed: int, count: int, over_s: float, first_us: int, group: int, interleaved: bool
    ) -> None:
        self.ended = Event()
        random = Random(f"{seed} {agent}")
        series = series_of(agent)
        steps = -(-count // len(series))
        order = [*range(0, steps, 2), *range(1, steps, 2)] if interleaved else list(range(steps))
        self.readings: list[Reading] = [
            Reading(each, first_us + step * _STEP_US, float(random.randrange(1000)))
            for step in order
            for each in series
        ][:count]
        self._group = group
        self._pause_s = over_s * group / count

    def groups(self, position: str | None, stop: Event) -> Iterator[ReadingGroup]:
        first = int(position) + 1 if position is not None else 0
        for start in range(first, len(self.readings), self._group):
            some = self.readings[start : start + self._group]
            yield ReadingGroup(some, Origin.SIMULATED, str(start + len(some) - 1))
            if stop.wait(self._pause_s):
                return
        self.ended.set()


class SpoolAgent:
    """One agent at work.

    Parameters
    ----------
    tables
        What differs from the usual in its settings, by table.
    """

    def __init__(self, name: str, supply: Supply, tables: dict[str, dict[str, Any]], seed: int) -> None:
        self.name = name
        self._supply = supply
        usual: dict[str, Any] = {
            "agent": {"id": name},
            "spool": {"seal_after_s": 0.05, "batch_readings": 20},
            "uplink": {"backlog_batches_per_s": 1000, "reconnect_cap_s": 0.5},
            "source": [{"kind": "recording", "name": "unused", "path": "unused.csv", "map": "unused.toml"}],
        }
        merged = {table: {**usual.get(table, {}), **values} for table, values in tables.items()}
        self._settings = EdgeSettings.model_validate(usual | merged)
        clock, random = system_clock(), Random(seed)
        self._stop = Event()
        self.spool = Spool.open(self._settings.spool.path, limits_of(self._settings.spool), clock)
        uplink = Uplink(self._settings, self.spool, clock, random, "fault suite")
        self._agent = Agent([supply], self.spool, uplink, self._settings, random)
        self._thread = Thread(target=self._run, name=f"agent-{name}", daemon=True)

    @property
    def devices(self) -> list[tuple[str, str]]:
        return [(self.name, series.device) for series in series_of(self.name)]

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        self._agent.run(self._stop, until_drained=False)

    def accepted(self) -> Sequence[Reading]:
        """Return what is accepted so far: the source's readings are accepted in their order."""
        return self._supply.readings[: self.spool.totals().accepted_readings]

    def truth(self) -> Truth:
        found: dict[Key, float] = {key_of(r.series, r.t_us, r.ordinal): r.value for r in self.accepted()}
        return found

    def pending(self) -> int:
        return self.spool.totals().pending_readings

    def is_settled(self) -> bool:
        return (
            self._supply.ended.is_set()
            and len(self.accepted()) == len(self._supply.readings)
            and self.spool.is_drained()
        )

    def has_dropped(self) -> bool:
        """Tell whether its spool has given up readings for want of room."""
        return self.spool.totals().lost_readings > 0

    def close(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(_END_S)
        self.spool.close()
