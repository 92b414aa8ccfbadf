"""An agent under a service manager is updated, from the platform's word to its birth: on its spool, nothing lost."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from threading import Event

import pytest
from edge_tools.fake_ingest import FakeIngest, fake_ingest
from edge_tools.running import AGENT
from standalone.broker import PrivateBroker
from update_tools.device import Device, make_release, release_table
from update_tools.signing import Keys
from update_tools.wheels import (
    CANNOT_READ_THE_CONFIGURATION,
    ENDS_AT_ITS_START,
    NEEDS_A_NEWER_SPOOL,
    SOURCES_FAIL,
    Changes,
    build_wheel,
    link_dependencies,
)

from edge.sources.simulated_store import SimulatedStoreSettings
from edge.update.announcement import Announcement, AnnouncementFile
from edge.wire.configuration import Configuration
from edge.wire.model import canonical
from edge.wire.presence import Birth
from edge.wire.release import ReleaseState

OLD, NEW = "0.2.0", "0.3.0"
SOURCE = f"""
[[source]]
kind = "simulated_store"
name = "doors"
store = "sim-store-a"
days = [{", ".join(f"2026-05-{day:02}" for day in range(1, 29))}]
speed = 3000
"""

pytestmark = pytest.mark.fault

MakeWheel = Callable[..., Path]


@pytest.fixture(scope="module")
def wheel_of(tmp_path_factory: pytest.TempPathFactory) -> MakeWheel:
    """Return what builds a wheel of a version, broken in some way or not; each once."""
    built: dict[tuple[str, str], Path] = {}

    def make(version: str, changes: Changes | None = None) -> Path:
        key = (version, repr(changes))
        if key not in built:
            built[key] = build_wheel(tmp_path_factory.mktemp("wheel"), version, changes)
        return built[key]

    return make


@pytest.fixture(scope="module")
def dependencies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return link_dependencies(tmp_path_factory.mktemp("linked") / "dependencies")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the device of each test stands; the version installed first stays from one to the next."""
    return tmp_path_factory.mktemp("place") / "device"


@pytest.fixture
def ingest(broker: PrivateBroker) -> Iterator[FakeIngest]:
    with fake_ingest(broker) as ingest:
        yield ingest


@pytest.fixture
def device(  # noqa: PLR0917
    place: Path, broker: PrivateBroker, dependencies: Path, keys: Keys, wheel_of: MakeWheel, ingest: FakeIngest
) -> Iterator[Device]:
    broker.add_user(AGENT)
    tables = (
        f'[agent]\nid = "{AGENT}"\n[broker]\nhost = "{broker.host}"\nport = {broker.port}\n'
        f'password_file = "{broker.password_file(AGENT)}"\n[spool]\npath = "state/spool.db"\nseal_after_s = 0.05\n'
        f"[uplink]\nreconnect_cap_s = 0.5\n[remote_configuration]\nprobation_s = 0.2\n{SOURCE}"
    )
    device = Device(place, dependencies, keys, tables)
    device.install_first(wheel_of(OLD))
    device.start()
    ingest.wait_for(lambda: len(ingest.batches) > 3)
    yield device
    device.stop()
    device.forget(OLD)


def births(ingest: FakeIngest) -> list[tuple[str, ReleaseState | None]]:
    """Return versions and what they say of releases, each pair once in its order."""
    said = [
        (each.software.split()[-1], each.release.state if each.release else None)
        for each in ingest.presence
        if isinstance(each, Birth)
    ]
    return [each for n, each in enumerate(said) if n == 0 or said[n - 1] != each]


def announce(device: Device, ingest: FakeIngest, announced: Announcement) -> None:
    """Have the platform announce a release, and wait until the agent has written it down."""
    ingest.configure(AGENT, canonical(Configuration(number=1, issued_us=5, toml=release_table(announced))))
    device.until(lambda: AnnouncementFile(device.spool).read() == announced)


def check_account(device: Device, ingest: FakeIngest, spool: str) -> None:
    """After the end of the agent: on the old spool, every accepted reading has arrived once."""
    device.stop()
    status = device.status()
    assert status.spool == spool
    assert status.set_aside_before == 0
    assert all(len(payloads) == 1 for payloads in ingest.payloads.values())
    sequences = sorted(sequence for _, sequence in ingest.ledger)
    assert sequences == list(range(1, len(sequences) + 1))
    accepted, pending = status.totals.accepted_readings, status.depth.readings
    assert accepted == status.totals.committed_readings + pending
    made, came = Counter(first_readings(accepted)), Counter(ingest.values())
    assert came - made == Counter()
    assert (made - came).total() <= pending  # of which some have come, their answer not


def first_readings(count: int) -> list[float]:
    """Return what the source gives first, whoever reads it."""
    tables = tomllib.loads(SOURCE.replace("speed = 3000", "speed = 0"))["source"][0]
    groups = SimulatedStoreSettings.model_validate(tables).build().groups(None, Event())
    return [reading.value for reading in islice(chain.from_iterable(group.readings for group in groups), count)]


def test_the_platform_announces_and_the_device_updates(
    device: Device, ingest: FakeIngest, keys: Keys, wheel_of: MakeWheel, tmp_path: Path
) -> None:
    spool, accepted = device.status().spool, device.status().totals.accepted_readings
    announced = make_release(keys, wheel_of(NEW), tmp_path / "release.zip")
    announce(device, ingest, announced)
    assert device.log().count('"agent_started"') == 1  # sources went on: only the release has changed
    done = device.update()
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"version {NEW} runs, in place of {OLD}\n"
    assert device.links == (NEW, NEW)
    assert device.runs(NEW)
    device.until(lambda: births(ingest)[-1] == (NEW, ReleaseState.APPLIED))
    assert births(ingest)[0] == (OLD, None)
    assert (NEW, ReleaseState.TRIAL) in births(ingest)
    ingest.wait_for(lambda: device.status().totals.accepted_readings > accepted)
    again = device.update()
    assert again.stdout == f"the announced version {NEW} runs\n"
    assert again.returncode == 0
    check_account(device, ingest, spool)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (ENDS_AT_ITS_START, f"version {NEW} did not start within 10 s"),
        (SOURCES_FAIL, "source doors does not work any more: broken on purpose"),
    ],
    ids=["ends at its start", "sources fail"],
)
def test_a_release_that_is_not_healthy_is_rolled_back_and_not_tried_again(  # noqa: PLR0917
    device: Device,
    ingest: FakeIngest,
    keys: Keys,
    wheel_of: MakeWheel,
    tmp_path: Path,
    changes: Changes,
    said: str,
) -> None:
    spool = device.status().spool
    announced = make_release(keys, wheel_of(NEW, changes), tmp_path / "release.zip")
    announce(device, ingest, announced)
    done = device.update()
    assert done.returncode == 1
    assert f"version {NEW} was rolled back to {OLD}: {said}" in done.stderr
    assert device.links == (OLD, OLD)
    assert not device.layout.environment(NEW).exists()
    device.until(lambda: births(ingest)[-1] == (OLD, ReleaseState.ROLLED_BACK))
    again = device.update()
    assert again.returncode == 0
    assert "not tried again" in again.stdout
    device.until(lambda: device.runs(OLD))
    once_more = device.update("--retry")
    assert f"version {NEW} was rolled back" in once_more.stderr
    device.until(lambda: device.runs(OLD))
    accepted = device.status().totals.accepted_readings
    device.until(lambda: device.status().totals.accepted_readings > accepted)
    check_account(device, ingest, spool)


@pytest.mark.parametrize(
    ("changes", "said", "state"),
    [
        (CANNOT_READ_THE_CONFIGURATION, "novelty: Field required", ReleaseState.DELAYED),
        (NEEDS_A_NEWER_SPOOL, "there was no way back from it", ReleaseState.REFUSED),
    ],
    ids=["configuration", "spool"],
)
def test_a_release_that_could_not_run_here_or_could_not_be_left_is_never_run(  # noqa: PLR0917
    device: Device,
    ingest: FakeIngest,
    keys: Keys,
    wheel_of: MakeWheel,
    tmp_path: Path,
    changes: Changes,
    said: str,
    state: ReleaseState,
) -> None:
    announce(device, ingest, make_release(keys, wheel_of(NEW, changes), tmp_path / "release.zip"))
    done = device.update()
    assert done.returncode == 1
    assert said in done.stderr
    assert device.links == (OLD, OLD)
    device.until(lambda: births(ingest)[-1] == (OLD, state))
    assert device.log().count('"agent_started"') == 1
