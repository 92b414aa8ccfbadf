"""From a one-time code to the first committed reading over TLS: the page's commands against a real platform.

Real are the broker with its TLS listener, password file and access list, the enrolment service, the ingest worker and
the database; each command of the agent and of the platform is a process of its own.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from enrolment_tools.office import make_certificate, until
from fault_tools.tls_broker import Authority, TlsBroker
from sealed_batches import register
from standalone.data_folder import CLONE, scratch_folder
from standalone.free_port import free_port

AGENT, DEVICE = "store-7", "entrance-1"
PAGE = (
    (CLONE / "README.md").read_text(encoding="utf-8").split("## From unpacking to first reading")[1].split("\n## ")[0]
)
PAYLOAD = next((CLONE / "tests/edge/decoders/cases/milesight_vs125/periodic-counts-alone").glob("payload.*"))
SPEAKS_ZH = {"LANG": "zh_CN.UTF-8"}

pytestmark = pytest.mark.fault


def command(verb: str) -> str:
    """Return the page's command, as its user types it where no other user is needed."""
    (line,) = [line for line in PAGE.splitlines() if f"smartstore-edge {verb} " in line and not line.startswith("(")]
    return line.removeprefix("sudo -u smartstore-edge ")


class Shop:
    """A platform over TLS with one worker, and beside it a device's box."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.database = database
        authority = Authority(folder / "certificates", "broker")
        (folder / "certificates").chmod(0o755)
        self.broker = TlsBroker(folder / "broker", {"ingest": secrets.token_urlsafe(24)}, authority)
        self.broker.start()
        certificate, key = make_certificate(folder)
        self.enrolment_port, self.push_port = free_port(), free_port()
        (folder / "broker.pid").write_text(f"{self.broker.pid}\n")
        self.config = folder / "ingest.toml"
        self.config.write_text(
            f'[broker]\nhost = "{self.broker.host}"\nport = {self.broker.port}\nusername = "ingest"\n'
            f'password_file = "{self.broker.password_file("ingest")}"\nca_file = "{authority.certificate}"\n'
            f'[database]\nurl = "{database}"\n[ingest]\nworker = "w1"\n'
            f'[enrolment]\nhost = "127.0.0.1"\nport = {self.enrolment_port}\ncertificate_file = "{certificate}"\n'
            f'key_file = "{key}"\npassword_file_out = "{self.broker.folder}/passwords"\n'
            f'reload_pid_file = "{folder}/broker.pid"\nbroker_ca_file = "{authority.certificate}"\n'
        )
        self.box = folder / "box"
        self.box.mkdir()
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            "LC_ALL": "",
            "AGENT": AGENT,
            "BROKER": self.broker.host,
            "PORT": str(self.broker.port),
            "CONFIG": str(self.box),
            "DATA": str(self.box),
            "INTERFACE": "lo",
            "PUSH_PORT": str(self.push_port),
        }

    def shell(self, line: str, status: int | None = 0, **variables: str) -> str:
        environment = self.environment | variables
        done = subprocess.run(["bash", "-euc", line], env=environment, capture_output=True, text=True, check=False)
        assert status is None or done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def platform(self, words: str) -> str:
        return self.shell(f"smartstore-ingest {words} --config {self.config}")

    @contextmanager
    def process(self, line: str, log: str) -> Iterator[None]:
        """Have a command run for the time of the block; it must end well when it is told to."""
        with (self.folder / log).open("ab") as output:
            process = subprocess.Popen(["bash", "-euc", f"exec {line}"], env=self.environment, stderr=output)
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, (self.folder / log).read_text()

    def said(self, log: str, event: str) -> bool:
        return event in (self.folder / log).read_text()

    def doctor(self, status: int | None = 0, *words: str, **variables: str) -> dict[str, dict[str, Any]]:
        """Return what the examination finds, but for the disk, of which a test machine may have too little."""
        line = " ".join([command("doctor"), "--json", "--time-server ''", *words])
        found = [json.loads(each) for each in self.shell(line, status, **variables).splitlines()]
        return {each["check"]: each for each in found if each["check"] != "disk"}

    def push(self) -> bool:
        """Post what the people counter posts; tell whether it was accepted."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.push_port}/", PAYLOAD.read_bytes())
        with suppress(OSError), urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
        return False

    @contextmanager
    def pushing(self) -> Iterator[None]:
        """Have the people counter post for the time of the block, whoever listens."""
        ended = threading.Event()

        def post() -> None:
            while not ended.wait(0.1):
                self.push()

        thread = threading.Thread(target=post)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(30)

    def totals(self) -> dict[str, int]:
        totals: dict[str, int] = json.loads(self.shell(f"{command('status')} --json"))["totals"]
        return totals

    def code(self, *words: str) -> str:
        return self.platform(" ".join(["enrolment issue", AGENT, *words])).splitlines()[-1]


@pytest.fixture
def shop(database: str) -> Iterator[Shop]:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, AGENT, [DEVICE], approved=False)
    with scratch_folder("first-reading-tls") as folder:
        shop = Shop(folder, database)
        try:
            yield shop
        finally:
            shop.broker.stop()


def test_from_a_code_to_the_first_reading_and_over_a_revocation(shop: Shop) -> None:
    serve = f"smartstore-ingest enrolment serve --config {shop.config}"
    work = f"smartstore-ingest run --config {shop.config}"
    run = f"smartstore-edge run {shop.box}/agent.toml"
    with shop.process(serve, "enrolment.log"), shop.process(work, "ingest.log"):
        until(lambda: shop.said("enrolment.log", "enrolment_started"))
        shop.shell(command("init"))
        with (shop.box / "agent.toml").open("a") as file:
            file.write(f"\n[enrolment]\nport = {shop.enrolment_port}\n")
        before = shop.doctor(1, "--wait 0.1")
        assert before["tls"]["grade"] == "wrong"  # there is no CA certificate yet
        assert "broker.ca_file" in before["tls"]["fix"]

        shop.shell(command("enrol").replace("CODE", shop.code("--approve")))
        assert (shop.box / "broker-password").stat().st_mode & 0o777 == 0o600
        until(lambda: shop.doctor(None, "--wait 0.1")["ingest"]["grade"] == "ok")
        with shop.pushing():
            well = shop.doctor(0, "--wait 30")
        checks = "configuration clock spool network tls credentials rights ingest source.entrance".split()
        assert {check: each["grade"] for check, each in well.items()} == dict.fromkeys(checks, "ok")

        with shop.process(run, "agent.log"):
            until(shop.push)
            until(lambda: shop.totals()["committed_readings"] > 0)
            first = shop.totals()["committed_readings"]
            running = shop.doctor()
            assert running["tls"]["grade"] == running["ingest"]["grade"] == "ok"
            assert running["credentials"]["grade"] == "skipped"
            shop.platform(f"enrolment revoke {AGENT}")
            until(lambda: shop.said("agent.log", "uplink_offline"))
            until(shop.push)  # accepted all the same
        assert shop.totals()["pending_readings"] > 0

        for language, variables in (("en", {}), ("zh", SPEAKS_ZH)):
            revoked = shop.doctor(1, "--wait 0.1", **variables)
            assert revoked["credentials"]["grade"] == "wrong"
            assert {"en": "has revoked it", "zh": "已吊销"}[language] in revoked["credentials"]["fix"]
            assert not revoked.keys() & {"rights", "ingest"}

        shop.shell(command("enrol").replace("CODE", shop.code()))
        with shop.process(run, "agent.log"):
            until(lambda: shop.totals()["pending_readings"] == 0)
        assert shop.totals()["committed_readings"] >= first
        assert shop.totals()["lost_readings"] == shop.totals()["refused_readings"] == 0
    (line,) = json.loads(shop.platform("account --json"))
    assert line["complete"]
    assert line["readings_sealed"] == shop.totals()["accepted_readings"]
