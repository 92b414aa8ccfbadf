"""Devices that post over HTTP: each body as its maker's document, or a capture of it, has it."""

from __future__ import annotations

import json
import urllib.request
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

from edge_tools.counterpart import Counterpart, StatedTimes, Told, post, table, us
from standalone.free_port import free_port

USER, PASSWORD = "device", "a password of the device"
_BEIJING = timezone(timedelta(hours=8))
_MINUTE = timedelta(minutes=1)
_CLOCK = "clock_allowed_s = 3600"
"""The test may take its time."""


def login_keys(folder: Path) -> str:
    """Return the keys of a source that name user and password of a device."""
    path = folder / "device-password"
    path.write_text(PASSWORD + "\n")
    return f'username = "{USER}"\npassword_file = "{path}"'


def _passwords(port: int) -> urllib.request.HTTPPasswordMgr:
    known = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    known.add_password(None, f"http://127.0.0.1:{port}", USER, PASSWORD)
    return known


def _json(document: Any) -> bytes:
    return json.dumps(document).encode()


class Pushing:
    """A device that sends by itself: there is nothing of it to start."""

    def __init__(self, times: StatedTimes, login: str = "") -> None:
        self.port = free_port()
        self._times = times
        self._login = login

    def start(self) -> None: ...

    def stop(self) -> None: ...


class HikvisionPush(Pushing):
    """ISAPI event push behind digest access: XML and a picture in one body of several parts."""

    name, devices = "hikvision push", ("camera-push",)

    def source(self) -> str:
        keys = f'port = {self.port}\npath = "/isapi"\nauthentication = "digest"\n{self._login}'
        options = f'device = "camera-push"\n{_CLOCK}'
        return table("http_push", self.name, "hikvision_people_counting", keys, options)

    def tell(self, number: int) -> list[Told]:
        start = self._times.minute(number).astimezone(_BEIJING)
        event = f"""<?xml version="1.0" encoding="UTF-8"?>
<EventNotificationAlert version="2.0" xmlns="http://www.hikvision.com/ver20/XMLSchema">
<ipAddress>192.0.2.32</ipAddress><macAddress>02:00:00:00:00:11</macAddress><channelID>1</channelID>
<dateTime>{(start + _MINUTE).isoformat()}</dateTime><eventType>PeopleCounting</eventType>
<eventState>active</eventState>
<peopleCounting><statisticalMethods>timeRange</statisticalMethods>
<TimeRange><startTime>{start.isoformat()}</startTime><endTime>{(start + _MINUTE).isoformat()}</endTime></TimeRange>
<enter>{3 + number}</enter><exit>{40 + number}</exit><regionsID>1</regionsID></peopleCounting>
<childCounting><enter>1</enter><exit>0</exit></childCounting>
</EventNotificationAlert>""".encode()
        parts = [("application/xml", event), ("image/jpeg", b"\xff\xd8\xff\xe0 a picture of the door \xff\xd9")]
        body = b"".join(
            b'--MIME_boundary\r\nContent-Disposition: form-data; name="x"\r\n'
            + f"Content-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n".encode()
            + content
            + b"\r\n"
            for kind, content in parts
        )
        digest = urllib.request.HTTPDigestAuthHandler(_passwords(self.port))
        content_type = "multipart/form-data; boundary=MIME_boundary"
        post(self.port, "/isapi/event", body + b"--MIME_boundary--\r\n", content_type, digest)
        return [
            Told("camera-push", "entries", "1.1", 3 + number, us(start)),
            Told("camera-push", "exits", "1.1", 40 + number, us(start)),
        ]


class MilesightVs125(Pushing):
    """The periodic report of a VS125, with a crossing that the period already holds."""

    name, devices = "milesight vs125", ("6537F20000000001",)

    def source(self) -> str:
        return table("http_push", self.name, "milesight_vs125", f"port = {self.port}", _CLOCK)

    def tell(self, number: int) -> list[Told]:
        start = self._times.minute(number)
        line = {"line": 1, "line_name": "Line1", "line_uuid": "00000000-0000-4000-8000-000000000001"}
        told = {
            "device_info": {
                "device_mac": "24:E1:24:00:00:20",
                "device_sn": self.devices[0],
                "running_time": 330 + 60 * number,
            },
            "line_periodic_data": [{**line, "total": {"in": 5 + number, "out": 9 + number}}],
            "line_trigger_data": [{**line, "total": {"in": 1, "out": 0}}],
            "time_info": {
                "start_time": f"{start:%Y-%m-%dT%H:%M:%S}-00:00",
                "end_time": f"{start + _MINUTE:%Y-%m-%dT%H:%M:%S}-00:00",
                "time_zone": "UTC-0:00 Western European Time (WET), Greenwich Mean Time (GMT)",
                "dst_status": False,
            },
        }
        post(self.port, "/", _json(told), "application/json")
        return [
            Told(self.devices[0], "entries", "line-1", 5 + number, us(start)),
            Told(self.devices[0], "exits", "line-1", 9 + number, us(start)),
            Told(self.devices[0], "running_time", "", 330 + 60 * number, us(start + _MINUTE)),
        ]


class Xovis(Pushing):
    """A package of logics: a line's interval and a zone's balance."""

    name, devices = "xovis", ("xovis-door",)

    def source(self) -> str:
        options = f'device = "xovis-door"\n{_CLOCK}'
        return table("http_push", self.name, "xovis", f"port = {self.port}", options)

    def tell(self, number: int) -> list[Told]:
        start = self._times.minute(number)
        span = {"from": us(start) // 1000, "to": us(start + _MINUTE) // 1000}

        def logic(number: int, info: str, counts: dict[str, int]) -> dict[str, Any]:
            listed = [{"id": place, "name": name, "value": value} for place, (name, value) in enumerate(counts.items())]
            return {"id": number, "name": "Front", "info": info, "records": [{**span, "counts": listed}]}

        told = {
            "logics_data": {
                "package_info": {"version": "5.0", "id": 28 + number, "agent_id": 1008},
                "sensor_info": {"serial_number": "80:1F:12:D5:30:DC", "type": "SINGLE_SENSOR"},
                "logics": [
                    logic(1, "XLT_4X_ZONE_COUNT", {"balance": 17 + number}),
                    logic(2, "XLT_4X_LINE_IN_OUT_COUNT", {"fw": 6 + number, "bw": 0}),
                ],
            }
        }
        post(self.port, "/", _json(told), "application/json")
        return [
            Told("xovis-door", "message_sequence", "agent1008", 28 + number),
            Told("xovis-door", "occupancy", "logic1", 17 + number, us(start + _MINUTE)),
            Told("xovis-door", "entries", "logic2", 6 + number, us(start)),
            Told("xovis-door", "exits", "logic2", 0, us(start)),
        ]


class IrisysVector(Pushing):
    """A log of count registers, which only grow."""

    name, devices = "irisys", ("V4D-17020025",)

    def source(self) -> str:
        lines = {0: "entries", 1: "exits"}
        registers = (f'{place} = {{ quantity = "{name}", channel = "gate" }}' for place, name in lines.items())
        options = f"{_CLOCK}\nregisters = {{ {', '.join(registers)} }}"
        return table("http_push", self.name, "irisys_vector", f"port = {self.port}", options)

    def tell(self, number: int) -> list[Told]:
        end = self._times.minute(number)
        counts = [(0, "Line 1", 121 + 3 * number), (1, "Line 2", 127 + 2 * number), (3, "Dwell", 382)]
        told = {
            "CountLogs": [
                {
                    "Counts": [{"Name": name, "RegisterId": place, "Value": value} for place, name, value in counts],
                    "LogEntryId": 353_493 + number,
                    "Timestamp": f"{end:%Y-%m-%dT%H:%M:%SZ}",
                }
            ],
            "FriendlyDeviceSerial": self.devices[0],
        }
        post(self.port, "/", _json(told), "application/json")
        return [
            Told(self.devices[0], "message_sequence", "", 353_493 + number, us(end)),
            Told(self.devices[0], "entries", "gate", 121 + 3 * number, us(end)),
            Told(self.devices[0], "exits", "gate", 127 + 2 * number, us(end)),
        ]


class Hanshow(Pushing):
    """The results of label updates that ESL-Working sends to ``back_url``, behind basic access."""

    name, devices = "hanshow", ("esl-working",)

    def source(self) -> str:
        keys = f'port = {self.port}\nauthentication = "basic"\n{self._login}'
        return table("http_push", self.name, "hanshow", keys, 'device = "esl-working"')

    def tell(self, number: int) -> list[Told]:
        told = {"sid": f"omnex_65a1_{number}", "esl_id": "55-3D-5F-67", "status_no": 0 if number % 2 else 300}
        basic = urllib.request.HTTPBasicAuthHandler(_passwords(self.port))
        post(self.port, "/", _json(told), "application/json", basic)
        return [Told("esl-working", f"label_updates_{'confirmed' if number % 2 else 'failed'}", "", 1)]


def pushing_devices(times: StatedTimes, login: str) -> list[Counterpart]:
    return [kind(times, login) for kind in (HikvisionPush, MilesightVs125, Xovis, IrisysVector, Hanshow)]
