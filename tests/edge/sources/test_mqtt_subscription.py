"""A subscription on a real broker: acknowledged when accepted, delivered again when not, never accepted twice."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest
from edge_tools.plain_decoder import PLAIN, known
from edge_tools.played import Played, playing, wait_until
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from standalone.broker import PrivateBroker

from edge.readings import ReadingGroup
from edge.sources import mqtt_connection
from edge.sources.mqtt_subscription import MqttSubscription, MqttSubscriptionSettings
from edge.sources.source import SourceTroubleError

protocols = pytest.mark.parametrize("protocol", ["5", "3.1.1"])


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, PLAIN)


@pytest.fixture
def local(broker: PrivateBroker) -> PrivateBroker:
    """Return a broker as in a store: a device and the agent's subscription have a user each."""
    for user in ("sensor", "reader"):
        broker.add_user(user)
    broker.grant("sensor", "write shelf/#")
    broker.grant("reader", "read shelf/#")
    broker.restart()
    return broker


def source(broker: PrivateBroker, **keys: Any) -> MqttSubscription:
    defaults = {
        "name": "shelves",
        "host": broker.host,
        "port": broker.port,
        "topics": ["shelf/+/value"],
        "username": "reader",
        "password_file": str(broker.password_file("reader")),
        "client_id": "reader",
        "decoder": "plain",
        "options": {"device": "s"},
    }
    return MqttSubscriptionSettings.model_validate(defaults | keys).build()


@contextmanager
def sensor(broker: PrivateBroker) -> Iterator[Client]:
    client = Client(CallbackAPIVersion.VERSION2, client_id="sensor", protocol=MQTTProtocolVersion.MQTTv5)
    client.username_pw_set("sensor", broker.password_file("sensor").read_text().strip())
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def publish(client: Client, *values: float, topic: str = "shelf/1/value", qos: int = 1, retain: bool = False) -> None:
    for value in values:
        payload = b'{"value": %d, "t_us": %d}' % (value, value)
        client.publish(topic, payload, qos=qos, retain=retain).wait_for_publish(10)


def wait_ready(played: Played, client: Client) -> None:
    """Wait until the subscription holds: until a message that says nothing has come through."""

    def heard() -> bool:
        client.publish("shelf/1/value", b"heartbeat", qos=0)
        return played.ended or played.states.states()[0].contact_us is not None

    wait_until(heard)
    assert played.error is None


@protocols
def test_messages_come_in_order_with_their_topic_and_are_acknowledged(local: PrivateBroker, protocol: str) -> None:
    with sensor(local) as client:
        with playing(source(local, protocol=protocol)) as played:
            wait_ready(played, client)
            publish(client, 1, 2, 3)
            publish(client, 9, topic="shelf/1/battery")
            publish(client, 4, qos=2)
            publish(client, 5, qos=0)
            played.wait_for(lambda: played.values == [1.0, 2.0, 3.0, 4.0, 5.0])
        with playing(source(local, protocol=protocol)) as played:
            publish(client, 6)
            played.wait_for(lambda: len(played.groups) > 0)
            assert played.values == [6.0], "what was acknowledged does not come again"


@protocols
def test_what_is_not_accepted_is_delivered_again_and_what_comes_meanwhile_is_kept(
    local: PrivateBroker, protocol: str
) -> None:
    with sensor(local) as client:
        with playing(source(local, protocol=protocol), accepting=False) as played:
            wait_ready(played, client)
            publish(client, 1, 2)
            played.wait_for(lambda: played.values == [1.0, 2.0])
        publish(client, 3)
        with playing(source(local, protocol=protocol)) as played:
            played.wait_for(lambda: played.values == [1.0, 2.0, 3.0])


@protocols
def test_accepted_but_not_acknowledged_is_delivered_again_and_not_accepted_twice(
    local: PrivateBroker, protocol: str
) -> None:
    """The position of the last accepted group is all that the next run knows, as after a kill."""
    with sensor(local) as client:
        with playing(source(local, protocol=protocol), accepting=False) as played:
            wait_ready(played, client)
            publish(client, 1, 2, 3)
            played.wait_for(lambda: len(played.groups) == 3)
            position = played.groups[1].position  # 1 and 2 were accepted, 3 was not
        with playing(source(local, protocol=protocol), position) as played:
            publish(client, 4)
            played.wait_for(lambda: played.values == [3.0, 4.0])
        with playing(source(local, protocol=protocol), played.groups[-1].position) as played:
            publish(client, 5)
            played.wait_for(lambda: played.values == [5.0])


def test_acknowledgements_keep_the_order_whatever_the_order_of_acceptance(local: PrivateBroker) -> None:
    with sensor(local) as client:
        with playing(source(local), accepting=False) as played:
            wait_ready(played, client)
            publish(client, 1, 2, 3)
            played.wait_for(lambda: len(played.groups) == 3)
            played.accept(played.groups[2])
            played.accept(played.groups[0])
        with playing(source(local)) as again:
            again.wait_for(lambda: again.values == [2.0, 3.0])


def test_more_messages_than_may_be_on_their_way_wait(local: PrivateBroker) -> None:
    with sensor(local) as client, playing(source(local, most_unaccepted=3), accepting=False) as played:
        wait_ready(played, client)
        publish(client, *range(10))
        played.wait_for(lambda: len(played.groups) == 3)
        for number in range(10):
            played.wait_for(lambda number=number: len(played.groups) > number)  # type: ignore[misc]
            assert len(played.groups) <= number + 3
            played.accept(played.groups[number])
        assert played.values == [float(number) for number in range(10)]


def test_refusals_and_too_long_messages_are_acknowledged_when_they_are_accepted(local: PrivateBroker) -> None:
    with sensor(local) as client:
        with playing(source(local, most_bytes=30)) as played:
            wait_ready(played, client)
            client.publish("shelf/1/value", b"x" * 31, qos=1)
            client.publish("shelf/1/value", b"<xml>", qos=1)
            client.publish("shelf/1/value", b"defect", qos=1)
            played.wait_for(lambda: len(played.groups) == 3)
            assert [each.reason for each in played.refusals] == ["too_long", "not_json", "decoder_failed"]
        with playing(source(local)) as played:
            publish(client, 1)
            played.wait_for(lambda: len(played.groups) > 0)
            assert played.values == [1.0]


@protocols
@pytest.mark.parametrize("retained", ["ignore", "accept"])
def test_a_retained_value_of_any_age_is_taken_only_where_it_is_wanted(
    local: PrivateBroker, protocol: str, retained: str
) -> None:
    with sensor(local) as client:
        publish(client, 1, retain=True)
        with playing(source(local, protocol=protocol, retained=retained)) as played:
            wait_ready(played, client)
            publish(client, 2, retain=True)
            played.wait_for(lambda: 2.0 in played.values)
            assert played.values == ([1.0, 2.0] if retained == "accept" else [2.0])


def test_a_topic_that_is_no_longer_configured_is_acknowledged_and_left_out(local: PrivateBroker) -> None:
    with sensor(local) as client:
        with playing(source(local, topics=["shelf/+/value", "shelf/+/old"])) as played:
            wait_ready(played, client)
        publish(client, 1, topic="shelf/1/old")
        publish(client, 2)
        with playing(source(local)) as played:
            played.wait_for(lambda: played.values == [2.0])


def test_a_broker_that_goes_away_ends_the_source_and_the_next_start_goes_on(local: PrivateBroker) -> None:
    with sensor(local) as client, playing(source(local)) as played:
        wait_ready(played, client)
        local.kill()
        played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
        assert "ended" in played.error.problem
    with playing(source(local)) as played:
        played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
        assert "no connection" in played.error.problem
    local.start()
    with sensor(local) as client, playing(source(local)) as played:
        wait_ready(played, client)
        publish(client, 1)
        played.wait_for(lambda: played.values == [1.0])


def test_an_acceptance_after_the_end_of_its_connection_harms_nothing(local: PrivateBroker) -> None:
    with sensor(local) as client:
        with playing(source(local), accepting=False) as played:
            wait_ready(played, client)
            publish(client, 1)
            played.wait_for(lambda: len(played.groups) == 1)
        played.accept(played.groups[0])
        with playing(source(local), played.groups[0].position) as played:
            publish(client, 2)
            played.wait_for(lambda: played.values == [2.0])


@protocols
def test_a_wrong_password_is_said(local: PrivateBroker, protocol: str) -> None:
    wrong = str(local.password_file("sensor"))
    with playing(source(local, protocol=protocol, password_file=wrong)) as played:
        played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
        assert "refuses this client" in played.error.problem
        assert "password_file" in played.error.fix


def test_a_password_that_cannot_be_read_is_said(local: PrivateBroker) -> None:
    with playing(source(local, password_file="/none/such")) as played:
        played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
        assert "password_file" in played.error.fix


def test_what_does_not_speak_mqtt_is_said(local: PrivateBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_connection, "_CONNECT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with playing(source(local, port=silent.getsockname()[1])) as played:
            played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
        assert "does not answer" in played.error.problem


@pytest.mark.parametrize("qos", [0, 1])
def test_more_than_there_is_room_for_waits(local: PrivateBroker, monkeypatch: pytest.MonkeyPatch, qos: int) -> None:
    monkeypatch.setattr(mqtt_connection, "ROOM", 2)
    with sensor(local) as client, playing(source(local)) as played:
        wait_ready(played, client)
        holding, accept = Event(), played.accept

        def slowly(group: ReadingGroup) -> None:
            holding.wait(10)
            accept(group)

        monkeypatch.setattr(played, "accept", slowly)
        publish(client, *range(30), qos=qos)
        played.wait_for(lambda: played.groups != [])
        holding.set()
        played.wait_for(lambda: played.values == [float(number) for number in range(30)])


def test_a_stop_while_there_is_no_room(local: PrivateBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_connection, "ROOM", 1)
    with sensor(local) as client, playing(source(local), accepting=False) as played:
        wait_ready(played, client)
        holding = Event()
        monkeypatch.setattr(played, "accept", lambda _group: holding.wait(10))
        publish(client, *range(30))
        played.wait_for(lambda: played.groups != [])
        played.stop.set()
        holding.set()
        played.wait_for(lambda: played.ended)
        assert played.error is None
