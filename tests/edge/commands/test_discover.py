"""The search as a person runs it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from standalone.broker import PrivateBroker

from edge.cli import main


def test_a_broker_is_searched_and_what_is_printed_is_toml(
    broker: PrivateBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    password = broker.add_user("device")
    broker.grant("device", "readwrite tele/#")
    broker.restart()
    client = Client(CallbackAPIVersion.VERSION2, "device")
    client.username_pw_set("device", password)
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.publish("tele/meter/LWT", b"Online", qos=1, retain=True).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()
    where = ["--broker", f"{broker.host}:{broker.port}", "--seconds", "1"]
    who = ["--username", "device", "--password-file", str(broker.password_file("device"))]
    assert main(["discover", *where, *who]) == 0
    (source,) = tomllib.loads(capsys.readouterr().out)["source"]
    assert (source["kind"], source["decoder"], source["topics"]) == ("mqtt", "tasmota", ["tele/meter/LWT"])


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "say where to look"),
        (["--lang", "zh"], 2, "请说明在哪里查找"),
        (["--network", "8.8.8.0/24"], 2, "not private"),
        (["--broker", "127.0.0.1:1", "--seconds", "1"], 1, "no MQTT broker"),
        (["--broker", "127.0.0.1", "--password-file", "/none"], 1, "/none cannot be read"),
    ],
)
def test_what_cannot_be_done_is_told(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    assert main(["discover", *arguments]) == code
    assert said in capsys.readouterr().err


def test_an_address_where_nothing_answers(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["discover", "--network", "127.77.31.7/32", "--lang", "en"]) == 0
    assert "# looking at 127.77.31.7/32" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
