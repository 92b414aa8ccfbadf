"""Devices that count what a recording says, and tell it by their makers' protocols, with all that goes wrong."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from counter_tools.oracle import Register

from edge.decoders.decoder import Arrival

Slot = tuple[datetime, int]
"""End of a slot of the recording (UTC), and what was counted in it."""


def us(moment: datetime) -> int:
    return round(moment.timestamp()) * 1_000_000


def shuffled(arrivals: Sequence[Arrival], random: Random, apart: int = 6) -> list[Arrival]:
    """Return messages out of their order by a few places, one in ten delivered twice."""
    twice = [each for each in arrivals for _ in range(2 if random.random() < 0.1 else 1)]
    return [each for _, each in sorted((place + random.uniform(0, apart), each) for place, each in enumerate(twice))]


def _uplink(dev_eui: str, number: int, at: datetime, payload: bytes) -> Arrival:
    message = {
        "f_port": 85,
        "f_cnt": number,
        "frm_payload": base64.b64encode(payload).decode(),
        "received_at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
    }
    document = {"end_device_ids": {"dev_eui": dev_eui}, "uplink_message": message}
    return Arrival(json.dumps(document).encode(), us(at), "v3/store@ttn/devices/door/up")


@dataclass
class Vs350:
    """A passage counter with totals of 16 bits that keeps what the network did not take, and sends it later as history.

    It starts anew now and then, which keeps its totals, and its totals are cleared by command, in mid-slot; not in the
    last 64th of their range, where a clear would be taken for a wrap.
    """

    random: Random
    entries: Register = field(default_factory=lambda: Register(2**16, 65_500))
    exits: Register = field(default_factory=lambda: Register(2**16, 1_000))
    _kept: list[bytes] = field(default_factory=list)
    _number: int = 0

    def uplinks(self, slots: Sequence[tuple[datetime, int, int]]) -> Iterator[Arrival]:
        """Yield every uplink that reaches the network, those of kept history between the live ones."""
        outage = 0
        for end, came, went in slots:
            cleared = self.random.random() < 0.004 and self.entries.shown < 2**16 * 63 // 64
            for register, amount in ((self.entries, came), (self.exits, went)):
                register.count(amount // 2)
                if cleared:
                    register.reset()
                register.count(amount - amount // 2)
                register.read()
            counts, totals = struct.pack("<HH", came, went), struct.pack("<HH", self.entries.shown, self.exits.shown)
            outage = outage - 1 if outage else (self.random.randint(2, 60) if self.random.random() < 0.01 else 0)
            if outage:
                stamp = struct.pack("<IB", int(end.timestamp()), 1)
                self._kept.append(b"\x20\xce" + stamp + counts + totals)
                continue
            boot = b"\xff\x0b\xff\xff\xfe\xff" if self.random.random() < 0.01 else b""
            yield self._sent(end, boot + b"\x04\xcc" + totals + b"\x05\xcc" + counts)
            yield from self._history(end, most=1)
        yield from self._history(slots[-1][0], most=len(self._kept))

    def _history(self, end: datetime, most: int) -> Iterator[Arrival]:
        for place in range(most):
            if self._kept:
                self.random.shuffle(self._kept)
                sent, self._kept = self._kept[:3], self._kept[3:]
                yield self._sent(end + timedelta(seconds=20 + place), b"".join(sent))

    def _sent(self, at: datetime, payload: bytes) -> Arrival:
        self._number += 1
        return _uplink("24E124538B223213", self._number, at + timedelta(seconds=2), payload)


def vs133_uplinks(slots: Sequence[Slot], register: Register, random: Random) -> Iterator[Arrival]:
    """Yield what reaches the network of a counter with totals of 32 bits, which keeps nothing of what does not."""
    for number, (end, count) in enumerate(slots):
        register.count(count)
        if number == 0 or random.random() > 0.2:
            payload = b"\x03\xd2" + struct.pack("<I", register.read()) + b"\x05\xcc" + struct.pack("<HH", count, 0)
            yield _uplink("24E124538B223299", number, end, payload)


def irisys_posts(slots: Sequence[Slot], register: Register, random: Random) -> Iterator[Arrival]:
    """Yield posts with all logs that no post before delivered: now and then none is, and some are posted twice.

    Power fails in mid-slot now and then, which returns the register to zero.
    """
    waiting = []
    for number, (end, count) in enumerate(slots):
        register.count(count // 3)
        if random.random() < 0.005:
            register.reset()
        register.count(count - count // 3)
        log = {"LogEntryId": 1000 + number, "Timestamp": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
        waiting.append({**log, "Counts": [{"Name": "In", "RegisterId": 0, "Value": register.read()}]})
        document = {"FriendlyDeviceSerial": "V4D-1", "CountLogs": waiting}
        taken = random.random()
        if taken < 0.9 or number == len(slots) - 1:
            yield Arrival(json.dumps(document).encode(), us(end) + 5_000_000)
        if taken < 0.85:  # else what was delivered is not known to be, and comes again
            waiting = []


def hikvision_events(slots: Sequence[Slot], register: Register, zone: ZoneInfo, late_s: int) -> Iterator[Arrival]:
    """Yield running totals a minute after each slot of a camera whose own midnight is late by so many seconds."""
    day = None
    for end, count in slots:
        at = end + timedelta(minutes=1)
        own_day = (at - timedelta(seconds=late_s)).astimezone(zone).date()
        if day is not None and own_day != day:
            register.reset()
        day = own_day
        register.count(count)
        stamp = at.astimezone(zone).isoformat()
        yield Arrival(
            f"""<EventNotificationAlert><channelID>1</channelID><dateTime>{stamp}</dateTime>
            <eventType>PeopleCounting</eventType><peopleCounting><statisticalMethods>realTime</statisticalMethods>
            <RealTime><time>{stamp}</time></RealTime><enter>{register.read()}</enter><exit>0</exit>
            </peopleCounting></EventNotificationAlert>""".encode(),
            us(at) + 1_000_000,
            content_type="application/xml",
        )


def is_repeated(moment: datetime, zone: ZoneInfo) -> bool:
    """Tell whether a clock on the wall shows this time twice."""
    local = moment.astimezone(zone)
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def tasmota_telemetry(
    slots: Sequence[Slot], total: Register, today: Register, zone: ZoneInfo, random: Random
) -> Iterator[Arrival]:
    """Yield what the broker gets of a power meter that states local times alone; one in ten messages is lost.

    Registers are in Wh. The total is set to zero by command now and then.
    """
    day = None
    for end, count in slots:
        if day is not None and end.astimezone(zone).date() != day:
            today.reset()
        day = end.astimezone(zone).date()
        if random.random() < 0.001:
            total.reset()
        for register in (total, today):
            register.count(count)
        if random.random() < 0.1:
            continue
        energy = {"Total": total.shown / 1000, "Today": today.shown / 1000, "Power": 1}
        if not is_repeated(end, zone):  # such a reading cannot be told from the one an hour before or after
            total.read()
            today.read()
        document = {"Time": f"{end.astimezone(zone):%Y-%m-%dT%H:%M:%S}", "ENERGY": energy}
        yield Arrival(json.dumps(document).encode(), us(end) + 1_000_000, "tele/meter/SENSOR")


def utc_slots(first: datetime, counts: Sequence[int], length: timedelta) -> list[Slot]:
    """Return slots that follow each other."""
    return [(first.astimezone(UTC) + length * (place + 1), count) for place, count in enumerate(counts)]
