"""A platform that enrols devices, with a real broker and database, and a device's folder."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from standalone.broker import PrivateBroker

from edge import cli as edge_cli
from edge.broker_settings import BrokerSettings
from edge.session import ConnectionEnded, Session
from ingest import cli as ingest_cli
from ingest.enrolment.service import EnrolmentService
from ingest.settings import load

AGENT = "shop-7"


def until(holds: Callable[[], bool], timeout_s: float = 30.0) -> None:
    """Wait until a condition holds."""
    deadline, waiting = time.monotonic() + timeout_s, threading.Event()
    while not holds():
        assert time.monotonic() < deadline, "it never came to be"
        waiting.wait(0.05)


def make_certificate(folder: Path, name: str = "enrolment") -> tuple[Path, Path]:
    """Return a new self-signed certificate and its key."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("there is no openssl program to make certificates with")
    certificate, key = folder / f"{name}.pem", folder / f"{name}-key.pem"
    how = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj".split()
    subprocess.run(
        [program, *how, f"/CN={name}", "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
    )
    return certificate, key


def session_of(broker: PrivateBroker, user: str, password: str, folder: Path) -> Session:
    """Return a session that is not open yet."""
    file = folder / "tried-password"
    file.write_text(password)
    settings = BrokerSettings(host=broker.host, port=broker.port, password_file=file)
    return Session(settings, user, (f"smartstore/v1/{user}/will", b""))


def can_connect(broker: PrivateBroker, user: str, password: str, folder: Path) -> bool:
    """Tell whether the broker lets a user in with a password."""
    session = session_of(broker, user, password, folder)
    try:
        return session.open(lambda: False)
    except ConnectionEnded:
        return False
    finally:
        session.close()


class Office:
    """Files and commands of the platform; its service runs in this process, between ``open`` and ``close``."""

    def __init__(self, folder: Path, database: str, broker: PrivateBroker) -> None:
        self.folder = folder
        self.broker = broker
        self.certificate, self.key = make_certificate(folder)
        self.pid_file = folder / "broker.pid"
        self.pid_file.write_text(f"{broker.pid}\n")
        self.passwords = broker.folder / "passwords"
        self.config = folder / "ingest.toml"
        self._database = database
        self.service: EnrolmentService | None = None
        self.write_config(0)

    def write_config(self, port: int) -> None:
        self.config.write_text(
            f'[broker]\nhost = "127.0.0.1"\nport = {self.broker.port}\n[database]\nurl = "{self._database}"\n'
            f'[enrolment]\nhost = "127.0.0.1"\nport = {port}\ncertificate_file = "{self.certificate}"\n'
            f'key_file = "{self.key}"\npassword_file_out = "{self.passwords}"\nreload_pid_file = "{self.pid_file}"\n'
            f'broker_ca_file = "{self.certificate}"\n'
        )

    def open(self) -> int:
        """Start the service; return its port."""
        settings = load(self.config)
        assert settings.enrolment
        self.service = EnrolmentService(settings.database, settings.enrolment)
        self.service.start()
        return self.service.port

    def close(self) -> None:
        if self.service is not None:
            self.service.stop()
            self.service = None

    def run(self, *words: str) -> int:
        return ingest_cli.main(["enrolment", *words, "--config", str(self.config)])

    def issue(self, capsys: pytest.CaptureFixture[str], *words: str, agent: str = AGENT) -> str:
        """Return a code, as an operator reads it off the screen."""
        capsys.readouterr()
        assert self.run("issue", agent, *words) == 0
        return capsys.readouterr().out.splitlines()[-1]


class Device:
    """A device's folder, and the command as its operator gives it."""

    def __init__(self, folder: Path, broker: PrivateBroker, port: int, agent: str = AGENT) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.agent = agent
        self.config = folder / "edge.toml"
        self.password_file = folder / "password"
        self._broker = broker
        self.write_config(port)

    def write_config(self, port: int) -> None:
        self.config.write_text(
            f'[agent]\nid = "{self.agent}"\n[broker]\nhost = "127.0.0.1"\nport = {self._broker.port}\n'
            f'password_file = "password"\nca_file = "broker-ca.pem"\n[spool]\npath = "spool.db"\n'
            f'[enrolment]\nport = {port}\n[[source]]\nkind = "recording"\nname = "r"\npath = "r.csv"\nmap = "m.toml"\n'
        )

    def enrol(self, *words: str) -> int:
        return edge_cli.main(["enrol", str(self.config), *words, "--lang", "en"])

    @property
    def password(self) -> str:
        return self.password_file.read_text().strip()

    def connects(self) -> bool:
        return can_connect(self._broker, self.agent, self.password, self.folder)
