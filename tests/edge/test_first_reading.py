"""From nothing to the first reading on the platform: the page's commands, in their order, against a platform."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from standalone.data_folder import CLONE, data_folder, scratch_folder
from standalone.database_choice import choose_server
from standalone.free_port import free_port
from standalone.site import Site

from ingest.store.account import account, rows_stored

AGENT, DEVICE = "calit2", "calit2-main-door-counter"
"""The agent and the device of the small registry that comes with the project."""
INIT = (
    "smartstore-edge init $CONFIG/agent.toml --agent $AGENT --host $BROKER --port $PORT"
    " --ca-file $DATA/broker-ca.pem --password-file $DATA/broker-password --spool $DATA/spool.sqlite"
    " --source http_push name=entrance interface=$INTERFACE port=$PUSH_PORT decoder=milesight_vs125"
    " options.device=entrance-1"
)
DOCTOR = "smartstore-edge doctor $CONFIG/agent.toml"
RUN = "smartstore-edge run $CONFIG/agent.toml"
STATUS = "smartstore-edge status $CONFIG/agent.toml"
HEADING = "## From unpacking to first reading"
PAYLOAD = next((CLONE / "tests/edge/decoders/cases/milesight_vs125/periodic-counts-alone").glob("payload.*"))


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Yield a platform that knows the agent and its password, and runs no agent."""
    with scratch_folder("first-reading") as folder:
        server = choose_server(data_folder(), "first-reading")
        with Site(folder, server, (), further_users=[AGENT]) as running:
            running.start_platform(CLONE / "deploy" / "recordings" / "calit2-registry")
            yield running


@pytest.fixture
def variables(site: Site, tmp_path: Path) -> dict[str, str]:
    """Return what the page has an operator set; the broker is on this machine, so there is no TLS."""
    password = tmp_path / "broker-password"
    password.touch(mode=0o600)
    password.write_text(site.password(AGENT) + "\n")
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LANG": "C.UTF-8",
        "AGENT": AGENT,
        "BROKER": site.broker.host,
        "PORT": str(site.broker.port),
        "CONFIG": str(tmp_path),
        "DATA": str(tmp_path),
        "INTERFACE": "lo",
        "PUSH_PORT": str(free_port()),
    }


def shell(command: str, variables: dict[str, str]) -> str:
    done = subprocess.run(["bash", "-euc", command], env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def push(port: str) -> None:
    """Post what the device posts until it is accepted."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", PAYLOAD.read_bytes())
    end_s = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - loopback
                assert answer.status == 200
                return
        except OSError as error:  # it does not listen yet, or answers that nothing was accepted
            if isinstance(error, urllib.error.HTTPError):
                error.close()
        assert time.monotonic() < end_s, "the agent did not accept the device's post within a minute"
        time.sleep(0.05)


def committed(variables: dict[str, str]) -> int:
    totals = json.loads(shell(f"{STATUS} --json", variables))["totals"]
    return int(totals["committed_readings"])


def test_from_nothing_to_the_first_reading(site: Site, variables: dict[str, str]) -> None:
    on_this_machine = INIT.replace(" --ca-file $DATA/broker-ca.pem", "")
    shell(on_this_machine.replace("options.device=entrance-1", f"options.device={DEVICE}"), variables)
    examined = shell(f"{DOCTOR} --wait 0.2 --time-server ''", variables)
    lines = [line for line in examined.splitlines() if not line.startswith(" ")]
    assert {line.split()[1].rstrip(":"): line.split()[0] for line in lines if line.split()[1] != "disk:"} == {
        "configuration": "ok",
        "spool": "ok",
        "network": "ok",
        "TLS": "skipped",
        "credentials": "ok",
        "rights": "ok",
        "ingest": "ok",
        "clock": "ok",
        "source": "warning",
    }
    with psycopg.connect(site.database.dsn) as connection:
        assert account(connection) == []  # the examination left nothing behind
        assert connection.execute("select count(*) from refusals").fetchone() == (0,)
    process = subprocess.Popen(["bash", "-euc", f"exec {RUN}"], env=variables, stderr=subprocess.PIPE, text=True)
    try:
        push(variables["PUSH_PORT"])
        end_s = time.monotonic() + 60
        while not (arrived := committed(variables)):
            assert time.monotonic() < end_s, "no reading was acknowledged within a minute"
        running = shell(DOCTOR + " --time-server ''", variables)
        assert "last data" in running
        assert "wrong" not in running
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    assert f"  committed           {arrived} in 1 batches" in shell(STATUS, variables)
    with psycopg.connect(site.database.dsn) as connection:
        assert rows_stored(connection, AGENT) == arrived > 0


def test_the_page_says_the_same() -> None:
    page = (CLONE / "README.md").read_text(encoding="utf-8")
    if HEADING not in page:
        pytest.skip("README has no such page yet")
    section = page.split(HEADING)[1].split("\n## ")[0]
    commands = {re.sub(r"^sudo -u \S+ ", "", line) for line in section.splitlines()}
    assert {INIT, DOCTOR, STATUS} <= commands
    assert (
        f"ExecStart=/opt/smartstore/current/bin/{RUN}".replace("$CONFIG", "/etc/smartstore-edge")
        in (CLONE / "deploy/agent/smartstore-edge.service").read_text().splitlines()
    )
