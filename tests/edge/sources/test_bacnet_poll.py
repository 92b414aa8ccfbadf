"""BACnet/IP: objects as a device has them, in the vocabulary's units, and every way in which it does not answer."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from edge_tools.played import Played, playing, wait_until
from standalone.data_folder import CLONE

from edge.decoders.bacnet_units import ENGINEERING_UNITS
from edge.sources import bacnet_poll
from edge.sources.bacnet_poll import BacnetPoll, BacnetPollSettings
from edge.sources.source import SourceTroubleError
from edge.wire.batch import Flag

pytest.importorskip("bacpypes3", reason="the extra bacnet is not installed")

from bacpypes3.basetypes import EngineeringUnits
from edge_tools.bacnet_device import BacnetDevice, air_handler

MAP = CLONE / "deploy" / "maps" / "bacnet_air_handler.toml"
FIRST = [
    ("temperature", "supply", pytest.approx(21.944444444444443, rel=1e-15)),
    ("relative_humidity", "return", 44.5),
    ("equipment_running", "", 1.0),
    ("equipment_fault", "", 0.0),
    ("active_energy", "", 1234.5),
]


def source(port: int, **keys: Any) -> BacnetPoll:
    defaults = {"name": "ahu", "host": "127.0.0.1", "port": port, "interval_s": 0.1, "timeout_s": 0.3}
    options = {"map": str(MAP), "device": "ahu-2"}
    return BacnetPollSettings.model_validate(defaults | {"options": options} | keys).build()


def told(played: Played, place: int = 0) -> list[tuple[str, str, float]]:
    return [(r.series.quantity, r.series.channel, r.value) for r in played.groups[place].readings]


def test_objects_arrive_in_the_vocabularys_units_all_of_a_poll_at_one_time() -> None:
    device = BacnetDevice(air_handler())
    with device.there(), playing(source(device.port)) as played:
        played.wait_for(lambda: len(played.groups) >= 2)
        assert told(played) == FIRST
        assert len({reading.t_us for reading in played.groups[0].readings}) == 1
        assert {reading.flags for reading in played.groups[0].readings} == {Flag.NONE}
        counter = played.groups[0].readings[-1].series.counter
        assert counter is not None
        assert counter.turn == 2**32 / 1000, "a wrap of watt-hours, in kWh"
        assert played.refusals == []

        def later(objects: dict[str, Any]) -> None:
            objects["analog-input,1"].presentValue = 50.0
            objects["binary-input,1"].presentValue = "inactive"
            objects["multi-state-value,3"].presentValue = 3
            objects["accumulator,1"].presentValue = 1_234_600
            objects["accumulator,1"].statusFlags = [0, 1, 0, 0]

        device.change(later)
        seen = len(played.groups)
        played.wait_for(lambda: len(played.groups) >= seen + 2)
        values = [10.0, 44.5, 0.0, 1.0, 1234.6]
        assert [value for _, _, value in told(played, -1)] == values
        assert [reading.flags for reading in played.groups[-1].readings] == [0, 0, 0, 0, Flag.SUSPECT]


def test_an_object_that_is_not_there_is_refused_and_the_others_are_read() -> None:
    device = BacnetDevice(air_handler()[1:])
    with device.there(), playing(source(device.port)) as played:
        played.wait_for(lambda: len(played.groups) >= 1)
        assert told(played) == FIRST[1:]
        (refusal,) = played.groups[0].refusals
        assert (refusal.reason, refusal.detail) == (
            "bacnet_error",
            "the device answers for analog-input,1: unknown-object",
        )


def test_a_value_that_is_no_number_is_no_reading() -> None:
    objects = air_handler()
    objects[0].presentValue = float("nan")
    device = BacnetDevice(objects)
    with device.there(), playing(source(device.port)) as played:
        played.wait_for(lambda: len(played.groups) >= 1)
        assert told(played) == FIRST[1:]
        assert played.refusals == []


def test_a_device_that_is_not_there_is_asked_again_and_then_a_trouble() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        with playing(source(port, attempts=3)) as played:
            played.wait_for(lambda: played.ended)
        asked = [silent.recv(2000) for _ in range(3)]
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.recv(2000)
    assert len(set(asked)) == 1, "one question, three times"
    assert isinstance(played.error, SourceTroubleError)
    assert played.error.problem == f"127.0.0.1:{port} does not answer over BACnet/IP"
    assert "firewall" in played.error.fix


def test_a_device_that_goes_away_and_comes_back_is_read_by_the_next_start() -> None:
    device = BacnetDevice(air_handler())
    with device.there(), playing(source(device.port)) as played:
        played.wait_for(lambda: len(played.groups) >= 1)
    with playing(source(device.port)) as played:
        played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
    back = BacnetDevice(air_handler())
    back.port = device.port
    with back.there(), playing(source(device.port)) as played:
        played.wait_for(lambda: len(played.groups) >= 1)
        assert told(played) == FIRST


def test_datagrams_of_strangers_change_nothing() -> None:
    device = BacnetDevice(air_handler())
    with device.there(), playing(source(device.port)) as played:
        played.wait_for(lambda: len(played.groups) >= 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for port in _udp_ports():
                for datagram in (b"", b"\x81", b"\x81\x0a\x00\x04", b"\x81\x0a\xff\xff\x01\x00\x30", bytes(1000)):
                    stranger.sendto(datagram, ("127.0.0.1", port))
        seen = len(played.groups)
        wait_until(lambda: len(played.groups) >= seen + 2)
        assert told(played, -1) == FIRST
        assert played.refusals == []


def _udp_ports() -> set[int]:
    """Return the UDP ports of this process: of the device and of its client."""
    inodes = {
        link.readlink().name[len("socket:[") : -1]
        for link in Path("/proc/self/fd").iterdir()
        if link.is_symlink() and link.readlink().name.startswith("socket:[")
    }
    rows = [row.split() for row in Path("/proc/net/udp").read_text().splitlines()[1:]]
    return {int(row[1].split(":")[1], 16) for row in rows if row[9] in inodes}


def test_a_host_without_an_address_is_said() -> None:
    with playing(source(47808, host="no-such-host.invalid")) as played:
        played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
        assert "cannot be asked" in played.error.problem


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"decoder": "hanshow", "options": {"device": "d"}}, "no map that says which objects"),
        ({"options": {}}, "map"),
        ({"host": ""}, "host"),
    ],
)
def test_a_wrong_configuration_names_the_key(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        source(47808, **keys)


def test_without_the_library_the_configuration_is_wrong_and_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bacnet_poll, "find_spec", lambda _name: None)
    with pytest.raises(ValueError, match=r"pip install 'smartstore\[edge,bacnet\]'"):
        source(47808)


def test_every_unit_is_spelt_as_the_standard_does() -> None:
    for name in ENGINEERING_UNITS:
        assert str(EngineeringUnits(name)) == name
