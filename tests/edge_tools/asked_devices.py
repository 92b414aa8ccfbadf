"""Devices that the agent asks: a camera's endless answer, a label server, meters on Modbus and DL/T 645, an export."""

from __future__ import annotations

import json
import socket
import struct
from contextlib import ExitStack
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event
from zoneinfo import ZoneInfo

from edge_tools.counterpart import Counterpart, StatedTimes, Told, table, us
from edge_tools.device_server import Request, behind_digest, device, ok
from edge_tools.dlt645_meter import Meters, meters_on_tcp
from edge_tools.modbus_server import Registers, modbus_device
from edge_tools.pushing_devices import PASSWORD, USER
from standalone.data_folder import CLONE
from standalone.free_port import free_port

from edge.sources.http_access import Credentials, DigestGate

_CLOCK = "clock_allowed_s = 3600"
_SHANGHAI = ZoneInfo("Asia/Shanghai")


class Asked:
    """A device at a port that stays the same while it comes and goes."""

    def __init__(self, times: StatedTimes, login: str, folder: Path) -> None:
        self.port = free_port()
        self._times = times
        self._login = login
        self._folder = folder
        self._there = ExitStack()

    def stop(self) -> None:
        self._there.close()


class HikvisionStream(Asked):
    """A camera whose alert stream, behind digest access, tells running totals between heartbeats and pictures."""

    name, devices = "hikvision stream", ("camera-stream",)

    def start(self) -> None:
        self._said: SimpleQueue[bytes] = SimpleQueue()
        self._over = Event()
        gate = DigestGate("camera", Credentials(USER, PASSWORD), lambda: 1.0)
        self._there.enter_context(device(behind_digest(gate, self._stream), port=self.port))
        self._there.callback(self._over.set)

    def source(self) -> str:
        keys = f'url = "http://127.0.0.1:{self.port}"\n{self._login}'
        options = f'device = "camera-stream"\ncount_from = "total"\nreset = "midnight"\n{_CLOCK}'
        return table("hikvision_alert_stream", self.name, "hikvision_people_counting", keys, options)

    def tell(self, number: int) -> list[Told]:
        at = self._times.minute(number)
        self._said.put(
            f"""<EventNotificationAlert version="1.0" xmlns="urn:psialliance-org"><channelID>1</channelID>
<macAddress>02:00:00:00:00:12</macAddress><dateTime>{at.isoformat()}</dateTime>
<eventType>PeopleCounting</eventType><peopleCounting><statisticalMethods>realTime</statisticalMethods>
<RealTime><time>{at.isoformat()}</time></RealTime><enter>{167 + 5 * number}</enter><exit>{454 + number}</exit>
</peopleCounting></EventNotificationAlert>""".encode()
        )
        return [
            Told("camera-stream", "entries", "1", 167 + 5 * number, us(at)),
            Told("camera-stream", "exits", "1", 454 + number, us(at)),
        ]

    def _stream(self, _request: Request, line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed; boundary=boundary\r\n\r\n")
        line.sendall(_part(b"\xff\xd8 a picture \xff\xd9", "image/jpeg"))
        while not self._over.is_set():
            try:
                line.sendall(_part(self._said.get(timeout=0.1), "application/xml"))
            except Empty:
                continue


def _part(body: bytes, kind: str) -> bytes:
    head = f'--boundary\r\nContent-Type: {kind}; charset="UTF-8"\r\nContent-Length: {len(body)}\r\n\r\n'
    return head.encode() + body + b"\r\n"


class SolumLabels(Asked):
    """A label server, which tells at every question what it told before."""

    name, devices = "solum", ("aims",)

    def start(self) -> None:
        self._server = self._there.enter_context(device(ok(b""), port=self.port))

    def source(self) -> str:
        keys = f'url = "http://127.0.0.1:{self.port}/common/api/v2/common/labels/detail?label=0AF4"\ninterval_s = 0.3'
        options = f'device = "aims"\ntime_zone = "Etc/UTC"\nlabels = {{ "0AF4D1C0B291" = 7 }}\n{_CLOCK}'
        return table("http_poll", self.name, "solum", keys, options)

    def tell(self, number: int) -> list[Told]:
        at = self._times.minute(number)
        image = {
            "index": 1,
            "state": "SUCCESS",
            "processUpdateTime": f"{at:%Y-%m-%d %H:%M:%S}.000",
            "statusUpdateTime": f"{at:%Y-%m-%d %H:%M}:{31 + number}.466",
        }
        told = {"labelCode": "0AF4D1C0B291", "activePage": 1, "currentImage": [image], "responseCode": "200"}
        self._server.answer = ok(json.dumps(told).encode())
        confirmed_us = us(at) + (31 + number) * 1_000_000 + 466_000
        return [
            Told("aims", "label_updates_requested", "", 1, us(at), 7),
            Told("aims", "label_updates_confirmed", "", 1, confirmed_us, 7),
            Told("aims", "label_update_latency", "", 31.466 + number, confirmed_us, 7),
        ]


class ModbusMeter(Asked):
    """A Schneider iEM3155: 32-bit floats, registers one lower on the line than in the manual, kW and Wh."""

    name, devices = "iem3155", ("meter-main",)

    def __init__(self, times: StatedTimes, login: str, folder: Path) -> None:
        super().__init__(times, login, folder)
        self._registers = Registers({1: self._holding(0)})

    def start(self) -> None:
        self._there.enter_context(modbus_device(self._registers, port=self.port))

    def source(self) -> str:
        keys = f'host = "127.0.0.1"\nport = {self.port}\ninterval_s = 0.3'
        options = f'map = "{CLONE}/deploy/maps/iem3155.toml"\ndevice = "meter-main"'
        return table("modbus_poll", self.name, "modbus_map", keys, options)

    def tell(self, number: int) -> list[Told]:
        self._registers.units = {1: self._holding(number)}
        return [
            Told("meter-main", quantity, channel, value)
            for (quantity, channel), (_, value) in self._values(number).items()
        ]

    def _values(self, number: int) -> dict[tuple[str, str], tuple[float, float]]:
        """Return what the meter shows, exact in 32 bits, and what that is in the quantity's unit."""
        phases = [(phase, float(place + number)) for place, phase in enumerate("abc")]
        return {
            **{("current", phase): (5.5 + more, 5.5 + more) for phase, more in phases},
            **{("voltage", phase): (230.5 + more, 230.5 + more) for phase, more in phases},
            **{("active_power", phase): (1.25 + more, 1250 + 1000 * more) for phase, more in phases},
            ("active_power", ""): (6.75 + 3 * number, 6750 + 3000 * number),
            ("frequency", ""): (50 + number / 16, 50 + number / 16),
            ("active_energy", ""): (1_234_000 + 500 * number, 1234 + number / 2),
        }

    def _holding(self, number: int) -> dict[tuple[int, int], int]:
        manual = (3000, 3002, 3004, 3028, 3030, 3032, 3054, 3056, 3058, 3060, 3110, 45100)
        held = {}
        for register, (shown, _) in zip(manual, self._values(number).values(), strict=True):
            for offset, word in enumerate(struct.unpack(">HH", struct.pack(">f", shown))):
                held[3, register - 1 + offset] = word
        return held


class Dlt645Meter(Asked):
    """A Chinese meter behind a converter that passes its line on over TCP."""

    name, devices = "dlt645", ("000012345678",)

    def __init__(self, times: StatedTimes, login: str, folder: Path) -> None:
        super().__init__(times, login, folder)
        self._meters = Meters({})
        self.tell(0)

    def start(self) -> None:
        self._there.enter_context(meters_on_tcp(self._meters, port=self.port))

    def source(self) -> str:
        keys = (
            f'host = "127.0.0.1"\nport = {self.port}\naddress = "{self.devices[0]}"\ninterval_s = 0.3\n'
            'items = ["00010000", "02010100"]'
        )
        return table("dlt645_poll", self.name, "dlt645", keys, "")

    def tell(self, number: int) -> list[Told]:
        items = {0x00010000: (12_345_678 + number, 4), 0x02010100: (2_305 + number, 2)}
        self._meters.meters = {self.devices[0]: items}
        return [
            Told(self.devices[0], "active_energy", "", (12_345_678 + number) / 100),
            Told(self.devices[0], "voltage", "a", (2_305 + number) / 10),
        ]


class ColdRoomExport(Asked):
    """A logger's export that grows line by line, in the encoding of an old Chinese Windows."""

    name, devices = "cold room export", ("cold-room-2",)
    _MAP = """format = "json"
title = "Cold room logger"
clock_allowed_s = 3600
[time]
path = "时间"
form = "%Y/%m/%d %H:%M:%S"
zone = "Asia/Shanghai"
[[reading]]
path = "温度"
quantity = "temperature"
unit = "degC"
[[reading]]
path = "门"
quantity = "door_open"
unit = "state"
states = { "开" = 1, "关" = 0 }
"""

    def start(self) -> None:
        (self._folder / "logger.toml").write_text(self._MAP, encoding="utf-8")
        self._add("时间,温度,门\r\n")

    def source(self) -> str:
        keys = f'path = "{self._folder / "export.csv"}"\nencoding = "gb18030"\ninterval_s = 0.2'
        options = f'map = "{self._folder / "logger.toml"}"\ndevice = "cold-room-2"'
        return table("file_tail", self.name, "json_map", keys, options)

    def tell(self, number: int) -> list[Told]:
        at_us = us(self._times.minute(number))
        local = self._times.minute(number).astimezone(_SHANGHAI)
        self._add(f"{local:%Y/%m/%d %H:%M:%S},{-18.5 - number},{'开' if number % 2 else '关'}\r\n")
        return [
            Told("cold-room-2", "temperature", "", -18.5 - number, at_us),
            Told("cold-room-2", "door_open", "", number % 2, at_us),
        ]

    def _add(self, line: str) -> None:
        with (self._folder / "export.csv").open("ab") as file:
            file.write(line.encode("gb18030"))


def asked_devices(times: StatedTimes, login: str, folder: Path) -> list[Counterpart]:
    kinds = (HikvisionStream, SolumLabels, ModbusMeter, Dlt645Meter, ColdRoomExport)
    return [kind(times, login, folder) for kind in kinds]
