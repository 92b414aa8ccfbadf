"""One fault: what it is, what it needs, and how it is played from the first reading to the account."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from faults.suite.accounting import Outcome
from faults.suite.rig import Rig
from faults.suite.setting import Setting
from session_server import SessionServer
from standalone.data_folder import scratch_folder
from standalone.postgres import PrivateServer
from standalone.requirements import Feature

MOST_GROWTH_MIB = 64.0
"""By which a worker's memory may grow, whatever happens: its queue holds 4,000 batches, of 1 kB here."""


@dataclass(frozen=True)
class Lack:
    """Why a scenario cannot be played here, and the feature that is missing, where it is one that can be required."""

    reason: str
    feature: Feature | None = None


class LackingError(Exception):
    """A scenario that has begun cannot be played here."""

    def __init__(self, lack: Lack) -> None:
        super().__init__(lack.reason)
        self.lack = lack


def needs_private_database(server: SessionServer) -> Lack | None:
    """Return why a scenario cannot be played that kills or configures the server, None where it can."""
    if isinstance(server.server, PrivateServer):
        return None
    return Lack("a named database server is never stopped nor configured", Feature.PRIVATE_DATABASE)


@dataclass(frozen=True)
class Scenario:
    """A fault.

    Parameters
    ----------
    fault
        Done while the load goes on; returns when the fault is over.
    begins
        Share of the load that is committed before the fault begins.
    before
        Done before workers and load start.
    start
        Starts the workers; None: two, in order.
    lacks
        Says why it cannot be played on a server, None where it can.
    deadline_s
        Time from the end of the fault to the last answer.
    refuses, declares
        Readings are to be refused, or declared lost; in any other scenario none may be.
    """

    name: str
    fault: Callable[[Rig], None]
    setting: Setting = field(default_factory=Setting)
    begins: float = 0.1
    before: Callable[[Rig], None] = lambda _: None
    start: Callable[[Rig], None] | None = None
    lacks: Callable[[SessionServer], Lack | None] = lambda _: None
    deadline_s: float = 60.0
    refuses: bool = False
    declares: bool = False


@dataclass(frozen=True)
class Played:
    """A scenario that was played, or why it was not, or what broke it off."""

    name: str
    seconds: float
    outcome: Outcome | None = None
    skipped: Lack | None = None
    broken: str | None = None
    growth_mib: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong; a scenario that was skipped is not."""
        if self.skipped is not None:
            return True
        return self.broken is None and self.outcome is not None and self.outcome.holds


def start_two_workers(rig: Rig) -> None:
    """Start the two workers that take part in every scenario."""
    rig.start_workers(1, 2)


def play(scenario: Scenario, server: SessionServer, seed: int, scale: float) -> Played:
    """Play a scenario; whatever goes wrong in it is in what is returned."""
    began = time.monotonic()
    lack = scenario.lacks(server)
    if lack is not None:
        return Played(scenario.name, 0.0, skipped=lack)
    server.revive()
    rig: Rig | None = None
    outcome: Outcome | None = None
    broken: str | None = None
    try:
        with scratch_folder("fault-suite") as folder, Rig(server, scenario.setting, folder, seed, scale) as rig:
            try:
                outcome = _played(scenario, rig)
            except LackingError as lacking:
                lack = lacking.lack
            except Exception:
                broken = f"{traceback.format_exc()}{rig.last_words()}"
                raise
    except Exception:
        broken = broken or traceback.format_exc()  # the suite goes on with the next fault
    if lack is not None:
        return Played(scenario.name, time.monotonic() - began, skipped=lack)
    took_s = time.monotonic() - began
    if rig is None:
        return Played(scenario.name, took_s, broken=broken)
    return Played(scenario.name, took_s, outcome, None, broken, rig.growth_mib, tuple(rig.notes))


def _played(scenario: Scenario, rig: Rig) -> Outcome:
    scenario.before(rig)
    (scenario.start or start_two_workers)(rig)
    rig.start_load()
    rig.wait_until_committed(scenario.begins)
    scenario.fault(rig)
    rig.wait_until_settled(scenario.deadline_s)
    outcome = rig.outcome()
    problems = [*outcome.problems]
    if rig.growth_mib > MOST_GROWTH_MIB:
        problems.append(f"a worker's memory grew by {rig.growth_mib:.0f} MiB, more than {MOST_GROWTH_MIB:g}")
    for what, found, wanted in (
        ("refused", outcome.refused, scenario.refuses),
        ("declared lost", outcome.declared_lost, scenario.declares),
    ):
        if bool(found) is not wanted:
            problems.append(f"{found} readings were {what}; here {'some should be' if wanted else 'none may be'}")
    return replace(outcome, problems=tuple(problems))
