"""What an operator installs: the unit, the sample configuration, and wheels that need no compiler."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from importlib.metadata import requires
from pathlib import Path

import pytest
from standalone.data_folder import CLONE

from edge.cli import main
from edge.settings import EdgeSettings

AGENT = CLONE / "deploy" / "agent"
UNIT = AGENT / "smartstore-edge.service"
UPDATE, TIMER = AGENT / "smartstore-edge-update.service", AGENT / "smartstore-edge-update.timer"
PLATFORMS = ("manylinux_2_17_x86_64", "manylinux_2_17_aarch64", "manylinux_2_17_armv7l")
SANDBOX = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "CapabilityBoundingSet": "",
    "RestrictSUIDSGID": "yes",
    "SystemCallFilter": "@system-service",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX AF_NETLINK",
}


def unit(path: Path = UNIT) -> dict[str, list[str]]:
    """Return the values of a unit's settings, each as often as it is given."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in path.read_text().splitlines():
        if line and line[0] not in "#[":
            key, _, value = line.partition("=")
            found[key].append(value)
    return found


def pinned(name: str) -> str:
    """Return the requirement with the version that ``requirements.txt`` has."""
    match = re.search(rf"^{re.escape(name)}==([^\s;]+)", (CLONE / "requirements.txt").read_text(), re.M)
    assert match, name
    return f"{name}=={match[1]}"


def requirements_of_the_edge() -> list[str]:
    """Return what ``pip install '.[edge]'`` brings, pinned: what the project names, and what that needs in turn."""
    project = tomllib.loads((CLONE / "pyproject.toml").read_text())["project"]
    wanted = [_name(each) for each in [*project["dependencies"], *project["optional-dependencies"]["edge"]]]
    assert set(wanted) == {"pydantic", "paho-mqtt"}
    for name in wanted:  # grows while it is gone through
        wanted += [_name(each) for each in requires(name) or () if "extra ==" not in each and _name(each) not in wanted]
    return [pinned(name) for name in wanted]


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9_.-]", requirement)[0].replace("_", "-").lower()


@pytest.mark.parametrize("name", [UNIT.name, UPDATE.name, TIMER.name])
def test_the_unit_is_what_systemd_understands(tmp_path: Path, name: str) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze, which verifies units, is not installed")
    for unit_file in (UNIT, UPDATE, TIMER):
        text = re.sub(r"/opt/smartstore/\w+/bin/smartstore-edge", "/bin/true", unit_file.read_text())
        (tmp_path / unit_file.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / name)], capture_output=True, text=True, check=False
    )
    assert [line for line in done.stderr.splitlines() if "smartstore" in line] == []


def test_the_agent_is_started_from_what_is_current_and_updated_by_what_is_proven() -> None:
    (agent,), (update,) = unit()["ExecStart"], unit(UPDATE)["ExecStart"]
    config = "/etc/smartstore-edge/agent.toml"
    root = EdgeSettings.model_fields["update"].default.root
    assert agent == f"{root}/current/bin/smartstore-edge run {config}"
    assert update == f"{root}/proven/bin/smartstore-edge update {config}"
    command = EdgeSettings.model_fields["update"].default.restart_command
    assert command[-1] == UNIT.stem


def test_an_update_can_write_where_versions_are_and_nowhere_else() -> None:
    found = unit(UPDATE)
    assert found["ProtectSystem"] == ["strict"]
    assert found["ReadWritePaths"] == [str(EdgeSettings.model_fields["update"].default.root)]
    assert found["Type"] == ["oneshot"]
    assert "User" not in found  # the agent's own user must not be able to exchange its program
    assert "ReadWritePaths" not in unit()


def test_the_timer_begins_soon_after_a_start_so_that_a_release_that_ends_the_device_is_taken_back() -> None:
    found = unit(TIMER)
    assert (found["OnBootSec"], found["OnUnitInactiveSec"]) == (["1min"], ["1h"])
    assert found["RandomizedDelaySec"] == ["30s"]


def test_the_unit_is_sandboxed_watched_and_started_again() -> None:
    found = unit()
    assert {key: found[key][0] for key in SANDBOX} == SANDBOX
    assert (found["Type"], found["Restart"], found["NotifyAccess"]) == (["notify"], ["always"], ["main"])
    assert found["StateDirectory"] == found["User"] == ["smartstore-edge"]


def test_the_watchdog_waits_longer_than_any_thread_may_take() -> None:
    from edge import agent, uplink  # noqa: PLC0415 - its bounds are the subject

    longest_s = max(agent._SEALED_WITHIN_S, uplink._CONNECTED_WITHIN_S, uplink._TURN_WITHIN_S)
    assert longest_s < float(unit()["WatchdogSec"][0])


def test_the_sample_configuration_is_what_init_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    state = "/var/lib/smartstore-edge"
    zigbee = ["mqtt", "name=zigbee", 'topics=["zigbee2mqtt/+"]', "decoder=zigbee2mqtt"]
    entrance = ["http_push", "name=entrance", "interface=eth0", "port=8080", "decoder=milesight_vs125"]
    who = ["--agent", "store-7", "--host", "broker.example.org", "--lang", "en"]
    files = ["--ca-file", f"{state}/broker-ca.pem", "--password-file", f"{state}/broker-password"]
    sources = ["--source", *zigbee, "--source", *entrance, "options.device=entrance-1"]
    assert main(["init", "agent.toml", *who, *files, "--spool", f"{state}/spool.sqlite", *sources]) == 0
    sample = (AGENT / "agent.toml").read_text()
    assert sample == Path("agent.toml").read_text(), "copy what init writes to deploy/agent/agent.toml"
    EdgeSettings.model_validate(tomllib.loads(sample))


def test_the_container_starts_the_agent_and_says_that_it_was_not_built() -> None:
    text = (AGENT / "Containerfile").read_text()
    assert "was not built" in text
    assert "'.[edge]'" in text
    assert "USER smartstore-edge" in text


@pytest.fixture(scope="module")
def index_is_reached(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip where no package index is reached: even a wheel for every platform is not had."""
    done = download(tmp_path_factory.mktemp("any"), PLATFORMS[0], [pinned("paho-mqtt")])
    if done.returncode != 0:
        pytest.skip("no package index is reached")


def download(folder: Path, platform: str, wanted: list[str]) -> subprocess.CompletedProcess[str]:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--retries", "1"]
    wheels = ["--only-binary=:all:", "--no-deps", "--python-version", "3.11", "--platform", platform]
    command = [*pip, "--timeout", "15", *wheels, "--dest", str(folder), *wanted]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("index_is_reached")
@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_edge_needs_no_compiler(platform: str, tmp_path: Path) -> None:
    wanted = requirements_of_the_edge()
    done = download(tmp_path, platform, wanted)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("*.whl"))) == len(wanted)
