"""The broker turns the agent away, or shows another certificate: readings go on being accepted, and arrive once."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from edge_tools.fake_ingest import FakeIngest, fake_ingest
from edge_tools.running import AGENT, edge_settings
from fault_tools.playing_agent import Playing, playing, wait_until
from fault_tools.tls_broker import Authority, TlsBroker
from standalone.broker import PrivateBroker
from standalone.data_folder import scratch_folder

from edge.conversation import Mode
from edge.settings import EdgeSettings

pytestmark = pytest.mark.fault


def check(ingest: FakeIngest, agent: Playing, wanted: int) -> None:
    ingest.wait_for(lambda: len(ingest.values()) == wanted)
    assert ingest.values() == [float(number) for number in range(wanted)]
    assert all(len(payloads) == 1 for payloads in ingest.payloads.values())
    wait_until(agent.spool.is_drained)
    assert agent.spool.totals().lost_readings == 0


def test_a_credential_revoked_while_running(
    broker: PrivateBroker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker.add_user(AGENT)
    password_file = tmp_path / "password"
    shutil.copy(broker.password_file(AGENT), password_file)
    password = broker.password_file(AGENT).read_text()
    settings = edge_settings(
        tmp_path,
        broker,
        broker={"host": broker.host, "port": broker.port, "password_file": str(password_file)},
    )
    with fake_ingest(broker) as ingest, playing(settings) as agent:
        check(ingest, agent, agent.accept(30))
        broker.add_user(AGENT, secrets.token_urlsafe(12))
        wait_until(lambda: agent.uplink.mode in {Mode.OFFLINE, Mode.CONNECTING})
        wait_until(lambda: "refuses this client" in offline(caplog))
        wanted = agent.accept(300)
        assert agent.spool.totals().pending_readings >= 300
        password_file.write_text(broker.password_file(AGENT).read_text())
        assert password_file.read_text() != password
        check(ingest, agent, wanted)


@pytest.fixture
def tls_broker() -> Iterator[tuple[TlsBroker, Authority, Path]]:
    """Yield a running broker with TLS, another authority, and a file with the first one's certificate."""
    with scratch_folder("tls-tests") as folder:
        first, second = (Authority(folder / "certificates", name) for name in ("first", "second"))
        (folder / "certificates").chmod(0o755)
        broker = TlsBroker(folder / "broker", {"ingest": secrets.token_urlsafe(24)}, first)
        broker.start()
        broker.add_user(AGENT)
        trusted = folder / "trusted.pem"
        shutil.copy(first.certificate, trusted)
        yield broker, second, trusted
        broker.stop()


def settings_of(broker: TlsBroker, trusted: Path, folder: Path) -> EdgeSettings:
    return edge_settings(
        folder,
        broker,
        broker={
            "host": broker.host,
            "port": broker.port,
            "password_file": str(broker.password_file(AGENT)),
            "ca_file": str(trusted),
        },
    )


def test_a_certificate_renewed_by_the_same_authority_is_taken(
    tls_broker: tuple[TlsBroker, Authority, Path], tmp_path: Path
) -> None:
    broker, _, trusted = tls_broker
    with playing(settings_of(broker, trusted, tmp_path)) as agent:
        with fake_ingest(broker, trusted=trusted) as ingest:
            check(ingest, agent, agent.accept(30))
        broker.authority.issue()
        broker.restart()
        with fake_ingest(broker, trusted=trusted) as ingest:
            agent.accept(30)
            ingest.wait_for(lambda: len(ingest.values()) == 30)
            assert ingest.values() == [float(number) for number in range(30, 60)]


# paho leaves the socket of a failed handshake to the garbage collector
@pytest.mark.filterwarnings("ignore:.*SSLSocket:pytest.PytestUnraisableExceptionWarning")
def test_a_certificate_of_another_authority_is_refused_until_the_operator_trusts_it(
    tls_broker: tuple[TlsBroker, Authority, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker, second, trusted = tls_broker
    with playing(settings_of(broker, trusted, tmp_path)) as agent:
        with fake_ingest(broker, trusted=trusted) as ingest:
            check(ingest, agent, agent.accept(30))
        broker.stop()
        broker.authority = second
        broker.start()
        wait_until(lambda: "check broker.ca_file and the broker's certificate" in offline(caplog))
        agent.accept(300)
        assert agent.spool.totals().pending_readings == 300, "nothing went to a broker that proved nothing"
        shutil.copy(second.certificate, trusted)
        with fake_ingest(broker, trusted=trusted) as ingest:
            ingest.wait_for(lambda: len(ingest.values()) == 300)
            assert ingest.values() == [float(number) for number in range(30, 330)]
            wait_until(agent.spool.is_drained)
        assert agent.spool.totals().committed_readings == 330


def offline(caplog: pytest.LogCaptureFixture) -> str:
    """Return what the agent has said about why it is offline."""
    return "\n".join(str(vars(record)) for record in list(caplog.records) if record.getMessage() == "uplink_offline")
