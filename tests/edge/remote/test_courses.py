"""A real agent, configured while it runs: nothing accepted is lost or made twice, and its birth says how it went."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from threading import Event

import pytest
from edge_tools.fake_ingest import FakeIngest, fake_ingest
from edge_tools.running import AGENT
from enrolment_tools.kill_at import start
from standalone.broker import PrivateBroker

from edge.sources.simulated_store import SimulatedStoreSettings
from edge.spool.status import read_status
from edge.wire.configuration import Configuration, ConfigurationReport, ConfigurationState
from edge.wire.model import canonical, digest
from edge.wire.presence import Birth

A, B = "sim-store-a", "sim-store-b"


def table(name: str, store: str, day: str = "2026-05-04", speed: int = 0) -> str:
    return (
        f'[[source]]\nkind = "simulated_store"\nname = "{name}"\nstore = "{store}"\ndays = [{day}]\nspeed = {speed}\n'
    )


def push_on(taken: socket.socket) -> str:
    """Return a source that listens where somebody else does."""
    return (
        f'[[source]]\nkind = "http_push"\nname = "push"\ndecoder = "xovis"\nport = {taken.getsockname()[1]}\n'
        '[source.options]\ndevice = "counter-1"\n'
    )


@cache
def readings(store: str) -> int:
    """Return how many readings a day of a store has."""
    source = SimulatedStoreSettings.model_validate({"name": "x", "store": store, "days": ["2026-05-04"]}).build()
    return sum(len(group.readings) for group in source.groups(None, Event()))


def document(number: int, toml: str) -> bytes:
    return canonical(Configuration(number=number, issued_us=5, toml=toml))


MakeShop = Callable[[str], "Shop"]


class Shop:
    """An agent's folder, on a real broker."""

    def __init__(self, folder: Path, broker: PrivateBroker, sources: str, probation_s: float = 0.5) -> None:
        broker.add_user(AGENT)
        self._processes: list[subprocess.Popen[bytes]] = []
        self.folder = folder
        self.log = folder / "log"
        self.config = folder / "edge.toml"
        self.config.write_text(
            f'[agent]\nid = "{AGENT}"\n[broker]\nhost = "{broker.host}"\nport = {broker.port}\n'
            f'password_file = "{broker.password_file(AGENT)}"\n[spool]\npath = "spool.db"\nseal_after_s = 0.05\n'
            f"[uplink]\nbacklog_batches_per_s = 2000\nreconnect_cap_s = 0.5\n"
            f"[remote_configuration]\nprobation_s = {probation_s}\n{sources}"
        )

    def start(self, point: str = "-", *flags: str) -> subprocess.Popen[bytes]:
        process = start(point, "smartstore-edge", "run", self.config, *flags, log=self.log)
        self._processes.append(process)
        return process

    def clear(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def end(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, self.log.read_text()

    def accepted(self) -> int:
        return read_status(self.folder / "spool.db").totals.accepted_readings


def reports(ingest: FakeIngest) -> list[ConfigurationReport]:
    return [each.configuration for each in ingest.presence if isinstance(each, Birth) and each.configuration]


def states(ingest: FakeIngest) -> list[tuple[int, ConfigurationState]]:
    """Return what births said, each once in its order."""
    said = [(each.number, each.state) for each in reports(ingest)]
    return [each for n, each in enumerate(said) if n == 0 or said[n - 1] != each]


@pytest.fixture
def shop_of(broker: PrivateBroker, tmp_path: Path) -> Iterator[MakeShop]:
    """Yield what makes a shop with sources; its processes end with the test."""
    shops: list[Shop] = []

    def make(sources: str) -> Shop:
        shops.append(Shop(tmp_path, broker, sources))
        return shops[-1]

    yield make
    for shop in shops:
        shop.clear()


@pytest.fixture
def ingest(broker: PrivateBroker) -> Iterator[FakeIngest]:
    with fake_ingest(broker) as ingest:
        yield ingest


def test_a_running_agent_takes_a_configuration_up_in_the_midst_of_its_reading(
    shop_of: MakeShop, ingest: FakeIngest
) -> None:
    shop = shop_of(table("a", A, speed=20_000))
    process = shop.start()
    ingest.wait_for(lambda: len(ingest.batches) > 5)
    spool = read_status(shop.folder / "spool.db").spool
    assert shop.accepted() < readings(A)
    payload = document(1, table("a", A) + table("b", B) + "[spool]\nbatch_readings = 900\n[uplink]\nwindow = 8\n")
    ingest.configure(AGENT, payload)
    both = readings(A) + readings(B)
    ingest.wait_for(lambda: len(ingest.values()) >= both)
    ingest.wait_for(lambda: states(ingest)[-1:] == [(1, ConfigurationState.APPLIED)])
    assert states(ingest) == [(1, ConfigurationState.TRIAL), (1, ConfigurationState.APPLIED)]
    assert {each.sha256 for each in reports(ingest)} == {digest(payload)}
    shop.end(process)
    assert len(ingest.values()) == shop.accepted() == both
    assert read_status(shop.folder / "spool.db").spool == spool
    assert max(len(batch.series) for batch, _ in ingest.batches) > 500


def test_a_source_that_cannot_start_brings_the_one_before_back(shop_of: MakeShop, ingest: FakeIngest) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        shop = shop_of(table("a", A))
        process = shop.start()
        ingest.wait_for(lambda: bool(ingest.batches))
        push = push_on(taken)
        ingest.configure(AGENT, document(1, table("a", A) + push))
        ingest.wait_for(lambda: states(ingest)[-1:] == [(1, ConfigurationState.ROLLED_BACK)])
        assert "source push has not worked" in reports(ingest)[-1].detail
        ingest.wait_for(lambda: len(ingest.values()) >= readings(A))
        shop.end(process)
    assert len(ingest.values()) == shop.accepted() == readings(A)


def test_a_wrong_one_is_refused_and_reported_and_reading_goes_on(shop_of: MakeShop, ingest: FakeIngest) -> None:
    shop = shop_of(table("a", A))
    process = shop.start()
    ingest.configure(AGENT, document(1, '[broker]\nhost = "elsewhere"\n'))
    ingest.wait_for(lambda: states(ingest) == [(1, ConfigurationState.REFUSED)])
    assert "broker: the platform sets source" in reports(ingest)[-1].detail
    ingest.wait_for(lambda: len(ingest.values()) >= readings(A))
    shop.end(process)
    assert shop.log.read_text().count("agent_started") == 1


KEEP = "edge.remote.held:HeldFile.write"


@pytest.mark.fault
@pytest.mark.parametrize(
    "point",
    [
        f"{KEEP}:before:1",  # taken up
        f"{KEEP}:after:1",
        f"{KEEP}:before:2",  # started with it
        f"{KEEP}:after:2",
        f"{KEEP}:before:3",  # good
        f"{KEEP}:after:3",
        "edge.conversation:Conversation._announce:before:2",  # acknowledged
        "edge.conversation:Conversation._announce:after:2",
        "edge.agent:Agent.run:before:2",
        "edge.agent:Agent.run:after:1",
    ],
)
def test_an_agent_that_dies_at_any_step_ends_with_the_configuration_and_every_reading(
    shop_of: MakeShop, ingest: FakeIngest, point: str
) -> None:
    shop = shop_of(table("a", A, speed=50_000))
    payload = document(1, table("a", A) + table("b", B))
    process = shop.start(point)
    ingest.wait_for(lambda: len(ingest.batches) > 2)
    ingest.configure(AGENT, payload)
    assert process.wait(60) == -signal.SIGKILL, shop.log.read_text()
    process = shop.start()
    ingest.wait_for(lambda: states(ingest)[-1:] == [(1, ConfigurationState.APPLIED)])
    both = readings(A) + readings(B)
    ingest.wait_for(lambda: len(ingest.values()) >= both)
    shop.end(process)
    assert len(ingest.values()) == shop.accepted() == both


@pytest.mark.fault
@pytest.mark.parametrize("side", ["before", "after"])
def test_an_agent_that_dies_while_it_rolls_back_does_so_at_the_next_start(
    shop_of: MakeShop, ingest: FakeIngest, side: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        shop = shop_of(table("a", A))
        process = shop.start(f"{KEEP}:{side}:3")
        ingest.wait_for(lambda: bool(ingest.batches))
        push = push_on(taken)
        ingest.configure(AGENT, document(1, table("a", A) + push))
        assert process.wait(60) == -signal.SIGKILL, shop.log.read_text()
        process = shop.start()
        ingest.wait_for(lambda: states(ingest)[-1:] == [(1, ConfigurationState.ROLLED_BACK)])
        ingest.wait_for(lambda: len(ingest.values()) >= readings(A))
        shop.end(process)
    assert len(ingest.values()) == shop.accepted() == readings(A)
