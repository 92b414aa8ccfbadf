"""A whole platform on this machine's loopback: broker, database, ingest, scheduler, web, agents, in one data folder.

Every process is started by the command that production uses, with a settings file of the same form.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from standalone.broker import PrivateBroker
from standalone.children import Children
from standalone.data_folder import data_folder
from standalone.failure import CannotStart
from standalone.free_port import LOOPBACK, free_port
from standalone.mosquitto import find_mosquitto
from standalone.postgres import DatabaseServer
from standalone.site_database import SiteDatabase

COMMANDS = Path(sys.executable).parent


@dataclass(frozen=True)
class AgentPlan:
    """An agent to run: its name, and the ``[[source]]`` tables of its settings as TOML."""

    agent_id: str
    sources: str


class Site:
    """The processes of one site, and the files that they are told by."""

    def __init__(
        self, folder: Path, server: DatabaseServer, agents: Sequence[AgentPlan], further_users: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self.agents = {plan.agent_id: plan for plan in agents}
        self.database = SiteDatabase(server, folder)
        self._passwords = {name: secrets.token_urlsafe(24) for name in ("ingest", *self.agents, *further_users)}
        self.broker = PrivateBroker(folder / "broker", self._passwords, find_mosquitto(data_folder()))
        self.children = Children(folder / "logs")
        self.web_port = free_port()
        self.status_port = free_port()
        self.scheduler_status_port = free_port()
        self.agent_broker_port: int | None = None
        """Another port through which agents reach the broker; None: the broker's own."""

    @property
    def web(self) -> str:
        """Address of the pages and the API."""
        return f"http://{LOOPBACK}:{self.web_port}"

    def __enter__(self) -> Site:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start_platform(self, registry: Path) -> None:
        """Start broker, database, ingest, web and scheduler, with the schema applied and the registry imported."""
        self.prepare(registry)
        self.start_ingest()
        self.start_web()
        self.start_scheduler()

    def prepare(self, registry: Path) -> None:
        """Start broker and database, apply the schema and import the registry: what the other parts build on."""
        self.broker.start()
        self.database.make()
        self._write("ingest.toml", self._ingest_settings())
        owner = self._write("owner.toml", self._ingest_settings(owner=True))
        self.run("smartstore-ingest", "migrate", "--config", owner)
        self.run("smartstore-ingest", "registry", "import", registry, "--config", owner)
        self.database.let_in()

    def start_web(self) -> None:
        """Start the pages and the API, and wait until they answer."""
        config = self._write(
            "web.toml", f'{self.database.settings("web")}[web]\nhost = "{LOOPBACK}"\nport = {self.web_port}\n'
        )
        self.children.start(
            "web",
            [COMMANDS / "smartstore", "serve", "--config", config],
            ready=lambda: self._answers(f"{self.web}/health/ready"),
        )

    def start_scheduler(self, further: str = "") -> None:
        """Start the scheduler and wait until it is ready; ``further`` are lines of its ``[scheduler]`` table."""
        config = self._write(
            "scheduler.toml",
            f"{self.database.settings('owner')}[scheduler]\nstatus_port = {self.scheduler_status_port}\n{further}",
        )
        self.children.start(
            "scheduler",
            [COMMANDS / "smartstore", "scheduler", "--config", config],
            ready=lambda: self._answers(f"http://{LOOPBACK}:{self.scheduler_status_port}/readyz"),
        )

    def start_ingest(self) -> None:
        """Start the ingest worker and wait until it takes batches."""
        config = self.folder / "ingest.toml"
        self.children.start(
            "ingest",
            [COMMANDS / "smartstore-ingest", "run", "--config", config],
            ready=lambda: self._answers(f"http://{LOOPBACK}:{self.status_port}/readyz"),
            deadline_s=60,
        )

    def start_agent(self, agent_id: str, *, until_drained: bool) -> None:
        """Start an agent; its spool stays in the folder, so that a later start goes on where it ended."""
        config = self._write(f"{agent_id}.toml", self._agent_settings(agent_id))
        flags = ["--until-drained"] if until_drained else []
        self.children.start(agent_id, [COMMANDS / "smartstore-edge", "run", config, *flags])

    def spool(self, agent_id: str) -> Path:
        """Return the path of an agent's spool."""
        return self.folder / "spools" / f"{agent_id}.sqlite"

    def password(self, user: str) -> str:
        """Return a broker user's password: an agent's, or ingest's."""
        return self._passwords[user]

    def edge_status(self, agent_id: str) -> dict[str, Any]:
        """Return what ``smartstore-edge status`` says of an agent's spool."""
        text = self.run("smartstore-edge", "status", self.folder / f"{agent_id}.toml", "--json")
        status: dict[str, Any] = json.loads(text)
        return status

    def ingest_account(self) -> list[dict[str, Any]]:
        """Return what ``smartstore-ingest account`` says of every spool."""
        text = self.run(
            "smartstore-ingest", "account", "--json", "--config", self.folder / "ingest.toml", accept=(0, 1)
        )
        account: list[dict[str, Any]] = json.loads(text)
        return account

    def get(self, path: str) -> Any:
        """Return the JSON that the API answers."""
        with urllib.request.urlopen(f"{self.web}{path}", timeout=120) as answer:  # noqa: S310  loopback, own server
            return json.load(answer)

    def run(self, command: str, *arguments: str | Path, accept: Sequence[int] = (0,)) -> str:
        """Run one of the project's commands to its end and return what it printed."""
        done = subprocess.run(
            [str(COMMANDS / command), *map(str, arguments)], capture_output=True, text=True, check=False
        )
        if done.returncode not in accept:
            said = done.stdout[-2000:] + done.stderr[-4000:]
            msg = f"{command} {' '.join(map(str, arguments))} ended with {done.returncode}:\n{said}"
            raise CannotStart(msg)
        return done.stdout

    def stop(self) -> None:
        """Stop agents, ingest, scheduler, web, database and broker, and drop the database."""
        self.children.stop([*self.agents, "ingest", "scheduler", "web"])
        self.database.drop()
        self.broker.stop()

    def _answers(self, url: str) -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  loopback, own server
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _broker_settings(self, user: str, port: int) -> str:
        password = self._secret(user, self._passwords[user])
        return f'[broker]\nhost = "{LOOPBACK}"\nport = {port}\nusername = "{user}"\npassword_file = "{password}"\n'

    def _ingest_settings(self, *, owner: bool = False) -> str:
        return (
            self._broker_settings("ingest", self.broker.port)
            + self.database.settings("owner" if owner else "ingest")
            + f'[ingest]\nworker = "worker-1"\nstatus_port = {self.status_port}\n'
        )

    def _agent_settings(self, agent_id: str) -> str:
        port = self.agent_broker_port or self.broker.port
        spool = self.spool(agent_id)
        spool.parent.mkdir(parents=True, exist_ok=True)
        return (
            f'[agent]\nid = "{agent_id}"\n{self._broker_settings(agent_id, port)}'
            f'[spool]\npath = "{spool}"\n{self.agents[agent_id].sources}'
        )

    def _secret(self, name: str, text: str) -> Path:
        path = self.folder / "secrets" / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.write_text(text + "\n")
        return path

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path
