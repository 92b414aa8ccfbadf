"""Devices that publish to a broker in the store: topics and payloads as documents and captures have them."""

from __future__ import annotations

import base64
import json
import struct
from types import TracebackType
from typing import Any, Self

from edge_tools.counterpart import Counterpart, StatedTimes, Told, table, us
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from standalone.broker import PrivateBroker

_DEVICES = "devices"
_CLOCK = "clock_allowed_s = 3600"
_PERIOD_US = 900 * 1_000_000


class StoreBroker:
    """The store's own Mosquitto, with a user for the devices and one for each subscription of the agent."""

    def __init__(self, broker: PrivateBroker) -> None:
        self.broker = broker
        broker.add_user(_DEVICES)
        broker.grant(_DEVICES, "readwrite #")
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=_DEVICES, protocol=MQTTProtocolVersion.MQTTv311)

    def __enter__(self) -> Self:
        self.broker.start()
        self._client.username_pw_set(_DEVICES, self.broker.password_file(_DEVICES).read_text().strip())
        self._client.connect(self.broker.host, self.broker.port)
        self._client.loop_start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self.broker.stop()

    def keys(self, user: str, topic: str) -> str:
        """Return the keys of a subscription with a user of its own, who may read that topic."""
        self.broker.add_user(user)
        self.broker.grant(user, f"read {topic}")
        password = self.broker.password_file(user)
        return f'port = {self.broker.port}\ntopics = ["{topic}"]\nusername = "{user}"\npassword_file = "{password}"'

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(20)


class Publishing:
    """A device on the broker: it is there as long as the broker is."""

    def __init__(self, broker: StoreBroker, times: StatedTimes) -> None:
        self._broker = broker
        self._times = times

    def start(self) -> None: ...

    def stop(self) -> None: ...


def _json(document: Any) -> bytes:
    return json.dumps(document).encode()


class MilesightVs350(Publishing):
    """A passage counter over LoRaWAN: The Things Stack's envelope around the device's own bytes."""

    name, devices = "milesight vs350", ("24e124538b223213",)

    def source(self) -> str:
        keys = self._broker.keys("vs350", "v3/store@ttn/devices/+/up")
        return table("mqtt", self.name, "milesight_vs350", keys, f"period_s = 900.0\n{_CLOCK}")

    def tell(self, number: int) -> list[Told]:
        at = self._times.minute(number)
        counts = 7 + number, 8 + number, 65_530 + 3 * number, 100 + number
        payload = (
            b"\x01\x75"
            + bytes([90 - number])
            + b"\x03\x67"
            + struct.pack("<h", 268 + number)
            + b"\x04\xcc"
            + struct.pack("<HH", counts[2] % 2**16, counts[3])
            + b"\x05\xcc"
            + struct.pack("<HH", *counts[:2])
        )
        uplink: dict[str, Any] = {
            "f_port": 85,
            "frm_payload": base64.b64encode(payload).decode(),
            "received_at": f"{at:%Y-%m-%dT%H:%M:%S}.123456789Z",
        }
        if number:  # the stack leaves out the zero of the first uplink after a join
            uplink["f_cnt"] = number
        told = {
            "end_device_ids": {"device_id": "entrance", "dev_eui": "24E124538B223213", "dev_addr": "00BCB929"},
            "received_at": uplink["received_at"],
            "uplink_message": uplink,
        }
        self._broker.publish("v3/store@ttn/devices/entrance/up", _json(told))
        t_us = us(at) + 123_456
        device = self.devices[0]
        return [
            Told(device, "entries", "", counts[0], t_us - _PERIOD_US),
            Told(device, "exits", "", counts[1], t_us - _PERIOD_US),
            Told(device, "entries_total", "", counts[2] % 2**16, t_us),
            Told(device, "exits_total", "", counts[3], t_us),
            Told(device, "battery", "", 90 - number, t_us),
            Told(device, "temperature", "", (268 + number) / 10, t_us),
            Told(device, "message_sequence", "", number, t_us),
        ]


class AxisObjectAnalytics(Publishing):
    """A crossline scenario: numbers as texts, and nothing that says what the scenario counts."""

    name, devices = "axis", ("axis-gate",)

    def source(self) -> str:
        keys = self._broker.keys("axis", "axis/#")
        options = f'device = "axis-gate"\nscenarios = {{ Device1Scenario2 = "exits" }}\n{_CLOCK}'
        return table("mqtt", self.name, "axis_object_analytics", keys, options)

    def tell(self, number: int) -> list[Told]:
        at_us = us(self._times.minute(number)) + 712_000
        data = {"scenario": "Crossline", "reason": "human", "total": str(40 + number), "totalHuman": str(30 + number)}
        told = {
            "topic": "axis:CameraApplicationPlatform/ObjectAnalytics/Device1Scenario2",
            "timestamp": at_us // 1000,
            "serial": "0123456789AB",
            "message": {"source": {}, "key": {}, "data": data},
        }
        self._broker.publish("axis/0123456789AB/event/ObjectAnalytics/Device1Scenario2", _json(told))
        return [Told("axis-gate", "exits", "Device1Scenario2", 30 + number, at_us)]


class Shelly(Publishing):
    """A notification that holds what has changed: Wh, thousandths of it by the minute, W."""

    name, devices = "shelly", ("plug-1",)

    def source(self) -> str:
        keys = self._broker.keys("shelly", "shelly1pmg4-7c2c67667790/events/rpc")
        return table("mqtt", self.name, "shelly", keys, f'device = "plug-1"\n{_CLOCK}')

    def tell(self, number: int) -> list[Told]:
        minute_us = us(self._times.minute(number))
        at_us = minute_us + 20_000
        switch = {
            "id": 0,
            "aenergy": {
                "total": (1_885_832 + 1000 * number) / 1000,
                "by_minute": [(25_005 + 10 * number) / 10, 1.0, 2.0],
                "minute_ts": minute_us // 1_000_000,
            },
            "apower": 150.5 + number,
        }
        told = {
            "src": "shelly1pmg4-7c2c67667790",
            "method": "NotifyStatus",
            "params": {"ts": at_us / 1e6, "switch:0": switch},
        }
        self._broker.publish("shelly1pmg4-7c2c67667790/events/rpc", _json(told))
        return [
            Told("plug-1", "active_energy", "switch:0", (1_885_832 + 1000 * number) / 1e6, at_us),
            Told("plug-1", "active_energy_used", "switch:0", (25_005 + 10 * number) / 1e7, minute_us - 60_000_000),
            Told("plug-1", "active_power", "switch:0", 150.5 + number, at_us),
        ]


class Zigbee(Publishing):
    """A climate sensor through Zigbee2MQTT, with ``last_seen``; a voltage beside a battery is in mV."""

    name, devices = "zigbee2mqtt", ("cabinet-4",)

    def source(self) -> str:
        return table("mqtt", self.name, "zigbee2mqtt", self._broker.keys("zigbee", "zigbee2mqtt/+"), _CLOCK)

    def tell(self, number: int) -> list[Told]:
        seen = self._times.minute(number)
        told = {
            "battery": 91,
            "humidity": 44.72,
            "last_seen": f"{seen:%Y-%m-%dT%H:%M:%S}.000Z",
            "linkquality": 120,
            "temperature": 2.25 + number,
            "voltage": 3005 - number,
        }
        self._broker.publish("zigbee2mqtt/cabinet-4", _json(told))
        t_us = us(seen)
        return [
            Told("cabinet-4", "temperature", "", 2.25 + number, t_us),
            Told("cabinet-4", "relative_humidity", "", 44.72, t_us),
            Told("cabinet-4", "battery", "", 91, t_us),
            Told("cabinet-4", "battery_voltage", "", (3005 - number) / 1000, t_us),
        ]


class HomieShelf(Publishing):
    """A shelf's scale: a number as a text, retained, under a topic that holds a hardware address."""

    name, devices = "homie shelf", ("shelf-a",)

    def source(self) -> str:
        options = 'scales = { "49:30:37:D2:0E:1B" = { device = "shelf-a", channel = "position-3" } }'
        return table("mqtt", self.name, "homie_shelf", self._broker.keys("homie", "homie/#"), options)

    def tell(self, number: int) -> list[Told]:
        mass = 1.6732154 + number
        self._broker.publish("homie/shelf01/scales/493037D20E1B/mass", f"{mass}".encode(), retain=True)
        return [Told("shelf-a", "shelf_mass", "position-3", mass)]


def mqtt_devices(broker: StoreBroker, times: StatedTimes) -> list[Counterpart]:
    return [kind(broker, times) for kind in (MilesightVs350, AxisObjectAnalytics, Shelly, Zigbee, HomieShelf)]
