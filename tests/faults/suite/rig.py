"""The platform of one scenario: a database, a broker, workers of one shared subscription, senders, and the lines."""

from __future__ import annotations

import resource
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Self

import psycopg
from fault_tools import stepped_clock
from fault_tools.halt import Halt
from fault_tools.tcp_proxy import TcpProxy
from faults.suite.accounting import Outcome, outcome_of
from faults.suite.fleet import Fleet
from faults.suite.scenario_database import ScenarioDatabase
from faults.suite.setting import Pair, Setting
from faults.suite.spool_agent import SpoolAgent, Supply
from faults.suite.truth import Sender
from faults.suite.worker_process import WorkerProcess
from session_server import SessionServer
from standalone.broker import PrivateBroker
from standalone.failure import CannotStart
from standalone.free_port import LOOPBACK

NOON_US = 1_767_268_800_000_000  # 2026-01-01T12:00:00Z
DUPLICATOR = "duplicator"
"""Broker user that may read and write every agent's batches."""
USERS = {1: "ingest", 2: "ingest-2", 3: "ingest-3"}
"""Broker users of the workers, by their number; the third is started where a scenario wants it."""
_OPEN_FILES = 4096
_SOON_S = 60.0


class Rig:
    """Everything that runs in one scenario; ended as a context manager."""

    def __init__(self, server: SessionServer, setting: Setting, folder: Path, seed: int, scale: float) -> None:
        self.server = server
        self.setting = setting
        self.folder = folder
        self.seed = seed
        self.scale = scale
        self.random = Random(seed)
        self.password = secrets.token_urlsafe(24)
        self.database = ScenarioDatabase(server, folder, small_disk=setting.small_disk)
        self.broker = self._broker()
        self.lines: dict[Pair, TcpProxy] = {}
        self.agents: list[SpoolAgent] = []
        self.senders: list[Sender] = []
        self.workers: dict[int, WorkerProcess] = {}
        self.halted: Halt | None = None
        self.notes: list[str] = []
        self._clock = folder / "clock"
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        with self._ends as ends:
            self._enter()
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def _enter(self) -> None:
        stepped_clock.set_ahead(self._clock, 0.0)
        _allow_open_files()
        self._ends.enter_context(self.database)
        self.broker.start()
        self._ends.callback(self.broker.stop)
        for pair, treatment in self.setting.lines.items():
            line = TcpProxy(self._target(pair), seed=self.seed, **treatment)
            self._ends.callback(line.close)
            self.lines[pair] = line
        self._add_senders()
        for number in USERS:
            clock = self._clock if self.setting.steps_clocks else None
            self.workers[number] = WorkerProcess(number, self._worker_settings(number), clock)
        self._ends.callback(self._stop_workers)

    @property
    def names(self) -> list[str]:
        """Names of the usual senders."""
        return [f"store-{number}" for number in range(1, self.setting.load.agents + 1)]

    @property
    def readings_each(self) -> int:
        """Readings of each usual sender."""
        load = self.setting.load
        return round(load.readings * self.scale) if load.scales else load.readings

    @property
    def growth_mib(self) -> float:
        """By how much the memory of a worker has grown at most."""
        return max(worker.growth_mib for worker in self.workers.values())

    def step_clocks(self, ahead_s: float) -> None:
        """Set the workers' wall clocks ahead of this machine's."""
        stepped_clock.set_ahead(self._clock, ahead_s)

    def halt(self, act: Callable[[], object]) -> Path:
        """Return where a worker may ask: it then stands still until something else is done."""
        self.halted = Halt(self.folder / "halt", act)
        self._ends.callback(self.halted.close)
        return self.halted.path

    def start_workers(self, *numbers: int) -> None:
        """Start workers and wait until they take batches."""
        for number in numbers:
            self.workers[number].start()
        self.wait_until_ready(*numbers)

    def wait_until_ready(self, *numbers: int) -> None:
        """Wait until workers that were started take batches."""
        for number in numbers:
            self.workers[number].wait_until_ready()

    def start_load(self) -> None:
        """Let the senders begin."""
        for sender in self.senders:
            sender.start()

    def committed(self) -> int:
        """Return the readings in the ledger, 0 while the database does not answer."""
        with suppress(psycopg.OperationalError), self.database.connect() as connection:
            row = connection.execute("select coalesce(sum(readings), 0) from ledger").fetchone()
            return int(row[0]) if row else 0
        return 0

    def wait_until_committed(self, share: float, deadline_s: float = _SOON_S) -> None:
        """Wait until as much is in the ledger as a share of the usual senders' readings."""
        wanted = share * len(self.names) * self.readings_each
        self.wait(lambda: self.committed() >= wanted, f"{share:.0%} of the load is committed", deadline_s)

    def wait_until_settled(self, deadline_s: float = _SOON_S) -> None:
        """Wait until every sender has sent all and knows what became of it."""
        self.wait(lambda: all(sender.is_settled() for sender in self.senders), "everything is answered", deadline_s)

    def wait(self, holds: Callable[[], bool], what: str, deadline_s: float = _SOON_S, every_s: float = 0.05) -> None:
        """Wait until a condition holds, which is looked at every ``every_s``.

        Raises
        ------
        CannotStart
            It does not hold in time.
        """
        end = time.monotonic() + deadline_s
        while not holds():
            if time.monotonic() > end:
                raise CannotStart(f"not so within {deadline_s:g} s: {what}")
            time.sleep(every_s)

    def outcome(self) -> Outcome:
        """Stop the workers in order and return the account."""
        problems = self._stop_workers()
        with self.database.connect() as connection:
            outcome = outcome_of(connection, self.senders)
        return replace(outcome, problems=(*outcome.problems, *problems))

    def last_words(self) -> str:
        """Return the ends of the workers' logs."""
        ends = {number: "\n".join(worker.log().splitlines()[-5:]) for number, worker in self.workers.items()}
        return "\n".join(f"worker {number}:\n{end}" for number, end in ends.items() if end)

    def _broker(self) -> PrivateBroker:
        fleet = self.setting.fleet.names if self.setting.fleet else []
        users = dict.fromkeys([*USERS.values(), DUPLICATOR, *self.names, *fleet], self.password)
        broker = PrivateBroker(self.folder / "broker", users, queued_messages=self.setting.queued_messages)
        broker.grant(DUPLICATOR, "readwrite smartstore/v1/+/batch")
        return broker

    def _add_senders(self) -> None:
        self.agents = [self._agent(number, name) for number, name in enumerate(self.names)]
        self.senders += self.agents
        if self.setting.fleet is not None:
            plan = self.setting.fleet.scaled(self.scale)
            self.senders.append(Fleet(plan, LOOPBACK, self._port(Pair.AGENT_BROKER), self.password))
        self.senders += self.setting.further(self)
        self._ends.callback(self._close_senders)
        self.database.register([device for sender in self.senders for device in sender.devices])

    def _agent(self, number: int, name: str) -> SpoolAgent:
        load = self.setting.load
        supply = Supply(
            name,
            seed=self.seed,
            count=self.readings_each,
            over_s=load.over_s * max(self.scale, 0.5),
            first_us=NOON_US,
            group=load.group,
            interleaved=load.interleaved,
        )
        tables = {
            "broker": {
                "host": LOOPBACK,
                "port": self._port(Pair.AGENT_BROKER),
                "password_file": str(self.broker.password_file(name)),
            },
            "spool": {"path": str(self.folder / f"{name}.sqlite"), **load.spool},
            "uplink": {"acknowledgement_timeout_s": load.timeout_s},
        }
        return SpoolAgent(name, supply, tables, self.seed + number)

    def _close_senders(self) -> None:
        """End all senders side by side: each says goodbye, which takes a while over a slow line."""
        closing = [threading.Thread(target=sender.close) for sender in self.senders]
        for each in closing:
            each.start()
        for each in closing:
            each.join()

    def _target(self, pair: Pair) -> tuple[str, int]:
        return self.database.address if pair is Pair.INGEST_DATABASE else (self.broker.host, self.broker.port)

    def _port(self, pair: Pair, worker: int | None = None) -> int:
        through = worker is None or self.setting.only_worker in {None, worker}
        return self.lines[pair].port if through and pair in self.lines else self._target(pair)[1]

    def _worker_settings(self, number: int) -> Path:
        path = self.folder / f"worker-{number}.toml"
        user = USERS[number]
        path.write_text(
            f"""
[broker]
host = "{LOOPBACK}"
port = {self._port(Pair.BROKER_INGEST, number)}
username = "{user}"
password_file = "{self.broker.password_file(user)}"
{self.database.settings(self._port(Pair.INGEST_DATABASE, number))}
[ingest]
worker = "worker-{number}"
{self.setting.worker}
"""
        )
        return path

    def _stop_workers(self) -> list[str]:
        """Stop the workers that run, and return what they did and said that must not be."""
        codes = {number: worker.stop() for number, worker in self.workers.items()}
        return [
            *(f"worker {number} ended with exit code {code}" for number, code in codes.items() if code),
            *(f"worker {number} said: {line}" for number, worker in self.workers.items() for line in worker.errors()),
        ]


def _allow_open_files() -> None:
    """Let this process and the broker have a connection for each agent of the largest fleet."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(_OPEN_FILES, hard)), hard))
