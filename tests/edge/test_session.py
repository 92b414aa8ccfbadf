"""A connection that cannot be had says what to do."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from edge_tools.running import AGENT
from standalone.broker import PrivateBroker

from edge.broker_settings import BrokerSettings
from edge.session import ConnectionEnded, Session

WILL = ("smartstore/v1/shop-1/will", b"{}")


def attempt(settings: BrokerSettings) -> ConnectionEnded:
    session = Session(settings, AGENT, WILL)
    with pytest.raises(ConnectionEnded) as caught:
        session.open(lambda: False)
    session.close()
    return caught.value


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_nobody_listens() -> None:
    ended = attempt(BrokerSettings(host="127.0.0.1", port=free_port()))
    assert "refused" in ended.problem
    assert "broker.port" in ended.fix


def test_a_wrong_password_is_refused(broker: PrivateBroker, tmp_path: Path) -> None:
    broker.add_user(AGENT)
    password_file = tmp_path / "password"
    password_file.write_text("wrong\n")
    ended = attempt(BrokerSettings(host=broker.host, port=broker.port, password_file=password_file))
    assert "refuses this client" in ended.problem
    assert "broker.password_file" in ended.fix


def test_a_missing_password_file_is_named(tmp_path: Path) -> None:
    ended = attempt(BrokerSettings(host="127.0.0.1", port=1, password_file=tmp_path / "none"))
    assert "none" in ended.problem


def test_a_plain_broker_is_not_spoken_to_where_tls_is_wanted(broker: PrivateBroker, tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text("no certificate")
    ended = attempt(BrokerSettings(host=broker.host, port=broker.port, ca_file=ca_file))
    assert "broker.ca_file" in ended.fix


def test_one_who_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.session._CONNECT_TIMEOUT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        ended = attempt(BrokerSettings(host="127.0.0.1", port=mute.getsockname()[1]))
    assert "does not answer" in ended.problem


def test_messages_and_wakes_end_a_poll(broker: PrivateBroker) -> None:
    broker.add_user(AGENT)
    settings = BrokerSettings(host=broker.host, port=broker.port, password_file=broker.password_file(AGENT))
    session = Session(settings, AGENT, WILL)
    assert session.open(lambda: False)
    info = session.publish("smartstore/v1/shop-1/batch", b"hello")
    assert session.flush([info], 10.0)
    session.wake()
    assert session.poll(0.5) == []
    session.disconnect()
    with pytest.raises(ConnectionEnded):
        session.poll(0.1)
    session.close()
    session.wake()
