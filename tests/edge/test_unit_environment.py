"""The agent in the environment of its unit: without documentation and assertions, with one heap for all threads."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from edge_tools.fake_ingest import fake_ingest
from edge_tools.running import AGENT
from standalone.agent_unit import UNIT, unit_environment
from standalone.broker import PrivateBroker
from standalone.data_folder import data_folder
from standalone.site import COMMANDS

from edge.simulator.plan import district_plan
from edge.spool.status import read_status

CONFIGURATION = """
[agent]
id = "{agent}"
[broker]
host = "{host}"
port = {port}
password_file = "{password}"
[spool]
path = "spool.db"
[uplink]
backlog_batches_per_s = 2000
[[source]]
kind = "simulated_store"
name = "simulated"
store = "{store}"
days = [2026-05-04]
"""
OWN_FOLDERS = {"PYTHONPYCACHEPREFIX"}


@pytest.fixture
def environment() -> dict[str, str]:
    given = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return given | unit_environment(data_folder())


def test_a_day_is_accepted_and_committed_to_the_last_reading(
    broker: PrivateBroker, tmp_path: Path, environment: dict[str, str]
) -> None:
    broker.add_user(AGENT)
    config = tmp_path / "agent.toml"
    (store, *_) = district_plan().stores
    password = broker.password_file(AGENT)
    where = {"agent": AGENT, "host": broker.host, "port": broker.port, "password": password, "store": store.store_id}
    config.write_text(CONFIGURATION.format(**where))
    command = [str(COMMANDS / "smartstore-edge"), "run", str(config), "--until-drained"]
    with fake_ingest(broker) as ingest:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr
        committed = len(ingest.values())
    totals = read_status(tmp_path / "spool.db").totals
    assert totals.accepted_readings == totals.committed_readings == committed > 1000


def test_the_variables_take_effect(environment: dict[str, str]) -> None:
    asked = "import sys; print(sys.flags.optimize, sys.flags.utf8_mode, sys.pycache_prefix)"
    python = COMMANDS / "python"
    done = subprocess.run([python, "-c", asked], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "1", str(data_folder() / "smartstore-edge")]
    assert set(re.findall(r"glibc\.malloc\.\w+", environment["GLIBC_TUNABLES"])) == {
        "glibc.malloc.arena_max",
        "glibc.malloc.tcache_count",
        "glibc.malloc.top_pad",
        "glibc.malloc.trim_threshold",
    }


def test_the_compiled_files_are_where_the_sandbox_lets_the_agent_write() -> None:
    lines = UNIT.read_text().splitlines()
    (cache,) = [line.removeprefix("CacheDirectory=") for line in lines if line.startswith("CacheDirectory=")]
    assert unit_environment(Path("/var/cache"))["PYTHONPYCACHEPREFIX"] == f"/var/cache/{cache}"


def test_the_container_has_the_same_environment() -> None:
    text = (UNIT.parent / "Containerfile").read_text()
    assigned = [pair for line in re.findall(r"^ENV (.+)$", text, re.M) for pair in line.split()]
    container = {name: value for name, _, value in (pair.partition("=") for pair in assigned)}
    unit = unit_environment(Path("/var/cache"))
    assert container.keys() == unit.keys()
    assert {n: v for n, v in container.items() if n not in OWN_FOLDERS} == {
        n: v for n, v in unit.items() if n not in OWN_FOLDERS
    }
    assert container["PYTHONPYCACHEPREFIX"].startswith("/var/lib/smartstore-edge/")
