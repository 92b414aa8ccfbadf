"""What is recognised on a broker: pure, from messages; and over a real one."""

from __future__ import annotations

import json
import threading
import tomllib
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from standalone.broker import PrivateBroker

from edge.onboarding.broker_discovery import BrokerDiscoveryError, listened, recognised
from edge.onboarding.broker_talk import Login
from edge.onboarding.suggestion import Suggestion, joined, said
from edge.onboarding.wording import Language
from edge.sources.mqtt_subscription import MqttSubscriptionSettings

CLIMATE = json.dumps({"temperature": 4.5, "humidity": 60, "last_seen": "2026-05-04T08:00:00Z"}).encode()
POWER = json.dumps({"Time": "2026-05-04T08:00:00", "ENERGY": {"Total": 12.5, "Power": 40}}).encode()


def sources(found: list[Suggestion]) -> dict[str, dict[str, object]]:
    """Return the suggested sources by decoder, as a configuration file would hold them, in each language the same."""
    texts = [[each.text(language) for each in found] for language in Language]
    documents = [tomllib.loads("\n\n".join(each)) for each in texts]
    assert documents[0] == documents[1]
    return {source["decoder"]: source for source in documents[0]["source"]}


def test_topics_of_one_kind_become_one_source() -> None:
    found = list(recognised([("zigbee2mqtt/fridge", CLIMATE), ("zigbee2mqtt/door", CLIMATE)]))
    source = sources(found)["zigbee2mqtt"]
    assert source["topics"] == ["zigbee2mqtt/+"]
    assert MqttSubscriptionSettings.model_validate(source).decoder == "zigbee2mqtt"
    assert any("fridge" in note.en for note in found[0].notes)


def test_different_devices_are_told_apart() -> None:
    found = list(recognised([("zigbee2mqtt/fridge", CLIMATE), ("tele/pow-r2/SENSOR", POWER)]))
    assert sources(found).keys() >= {"zigbee2mqtt", "tasmota"}


def test_an_unknown_document_is_described_by_its_names_only() -> None:
    found = list(recognised([("lift/1", b'{"floor": 3, "secret": "13800138000"}'), ("raw", b"\xff\x00")]))
    texts = "\n".join(each.text(Language.ENGLISH) for each in found)
    assert "JSON with floor, secret" in texts
    assert "13800138000" not in texts
    assert "raw: no decoder reads it" in texts


def test_the_agents_own_topics_are_passed_over() -> None:
    assert list(recognised([("smartstore/v1/shop-1/batch", b"{}")])) == []


def test_what_a_device_says_is_made_fit_for_a_terminal() -> None:
    assert said("a\x1b[31mb") == "a?[31mb"
    assert len(said("x" * 500)) == 80


def test_topics_are_joined_where_they_differ_in_one_level() -> None:
    assert joined(["tele/a/SENSOR", "tele/b/SENSOR"]) == ["tele/+/SENSOR"]
    assert joined(["a/b", "c/d"]) == ["a/b", "c/d"]
    assert joined(["a/b", "a/b"]) == ["a/b"]


def test_a_broker_is_listened_to(broker: PrivateBroker) -> None:
    password = broker.add_user("device")
    broker.grant("device", "readwrite zigbee2mqtt/#")
    broker.restart()
    client = Client(CallbackAPIVersion.VERSION2, "device")
    client.username_pw_set("device", password)
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.publish("zigbee2mqtt/fridge", CLIMATE, qos=1, retain=True).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()
    login = Login(broker.host, broker.port, "device", "device", password)
    assert listened(login, ["#"], 1.0) == [("zigbee2mqtt/fridge", CLIMATE)]


def test_a_broker_that_refuses_says_what_to_do(broker: PrivateBroker, tmp_path: Path) -> None:
    with pytest.raises(BrokerDiscoveryError, match="--username"):
        listened(Login(broker.host, broker.port), ["#"], 1.0)
    broker.stop()
    with pytest.raises(BrokerDiscoveryError, match="no MQTT broker"):
        listened(Login(broker.host, broker.port), ["#"], 1.0)
    assert threading.active_count() < 20
    assert list(tmp_path.iterdir()) == []
