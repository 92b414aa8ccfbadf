"""Modbus over TCP, RTU over TCP and a serial line: registers as they are, and every way in which an answer is wrong."""

from __future__ import annotations

import json
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from edge_tools.modbus_server import Registers, check_sum, modbus_device, serial_device
from edge_tools.plain_decoder import PlainOptions, known
from edge_tools.played import Played, playing
from hypothesis import given
from hypothesis import strategies as st

from edge.decoders.decoder import Arrival, Decoded, Decoder, MadeFrom
from edge.readings import Reading
from edge.sources import modbus_frames as frames
from edge.sources.device_lines import SerialChannel, alone
from edge.sources.modbus_poll import ModbusPoll, ModbusPollSettings
from edge.sources.source import SourceTroubleError
from edge.wire.series import Kind, Series, Unit

BLOCKS = [{"function": 3, "start": 3000, "count": 2}, {"function": 4, "start": 0, "count": 1}]


def meter() -> Registers:
    unit = {(3, 3000): 17, (3, 3001): 65535, (4, 0): 300}
    return Registers({7: unit, 8: {(3, 3000): 1, (3, 3001): 2, (4, 0): 3}})


def decode(arrival: Arrival, options: PlainOptions) -> Decoded:
    """Return a reading a register."""
    block = json.loads(arrival.payload)
    series = [
        Series(
            device=options.device, quantity="voltage", channel=f"{block['table']}.{n}", unit=Unit.VOLT, kind=Kind.GAUGE
        )
        for n in range(block["start"], block["start"] + len(block["registers"]))
    ]
    pairs = zip(series, block["registers"], strict=True)
    return Decoded([Reading(one, arrival.at_us, float(value)) for one, value in pairs])


@pytest.fixture(autouse=True)
def registers_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, Decoder("registers", "", MadeFrom.DOCUMENTATION, "", PlainOptions, decode, frozenset()))


def source(**keys: Any) -> ModbusPoll:
    defaults = {"name": "meter", "decoder": "registers", "options": {"device": "m"}, "interval_s": 0.1, "unit": 7}
    return ModbusPollSettings.model_validate(defaults | {"blocks": BLOCKS, "timeout_s": 0.5} | keys).build()


@contextmanager
def polled(registers: Registers, transport: str, **keys: Any) -> Iterator[Played]:
    """Yield what is polled over one of the three transports."""
    if transport == "rtu":
        with (
            serial_device(registers) as path,
            playing(source(transport="rtu", serial=path, parity="none", **keys)) as played,
        ):
            yield played
    else:
        with (
            modbus_device(registers, rtu=transport == "rtu_over_tcp") as device,
            playing(source(transport=transport, host="127.0.0.1", port=device.port, **keys)) as played,
        ):
            yield played


every_transport = pytest.mark.parametrize("transport", ["tcp", "rtu_over_tcp", "rtu"])
rtu_transport = pytest.mark.parametrize("transport", ["rtu_over_tcp", "rtu"])


@every_transport
def test_registers_arrive_as_they_are_all_of_a_poll_at_one_time(transport: str) -> None:
    registers = meter()
    with polled(registers, transport) as played:
        played.wait_for(lambda: len(played.groups) >= 2)
        first = played.groups[0]
        assert [(r.series.channel, r.value) for r in first.readings] == [
            ("holding.3000", 17.0),
            ("holding.3001", 65535.0),
            ("input.0", 300.0),
        ]
        assert len({reading.t_us for reading in first.readings}) == 1
        assert registers.asked[:2] == [(7, 3, 3000, 2), (7, 4, 0, 1)]
        assert played.states.states()[0].readings >= 6


@every_transport
@pytest.mark.parametrize(
    ("code", "problem"),
    [
        (1, "does not know this function"),
        (2, "has no such registers"),
        (11, "unit does not answer"),
        (77, "exception 77"),
    ],
)
def test_an_exception_of_the_device_is_explained(transport: str, code: int, problem: str) -> None:
    registers = meter()
    registers.exception = code
    with polled(registers, transport) as played:
        played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
        assert problem in played.error.problem
        assert "start 3000" in played.error.problem
        assert len(registers.asked) == 1, "asking again does not help"


@every_transport
def test_a_busy_device_is_asked_again(transport: str) -> None:
    registers = meter()
    registers.exception = 6
    with polled(registers, transport, attempts=3) as played:
        played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
        assert "busy" in played.error.problem
        assert len(registers.asked) == 3


def flipped(frame: bytes) -> bytes:
    return frame[:-3] + bytes([frame[-3] ^ 4]) + frame[-2:]


def cut(frame: bytes) -> bytes:
    return frame[:-1]


def silence(_frame: bytes) -> bytes:
    return b""


def of_another_unit(frame: bytes) -> bytes:
    body = bytes([9]) + frame[1:-2]
    return body + check_sum(body)


SPOILS = [flipped, cut, silence, of_another_unit]


@rtu_transport
@pytest.mark.parametrize("spoil", SPOILS)
def test_a_damaged_answer_is_asked_for_again_and_never_read(transport: str, spoil: Callable[[bytes], bytes]) -> None:
    registers = meter()
    registers.spoil = [spoil]
    with polled(registers, transport) as played:
        played.wait_for(lambda: len(played.groups) >= 2)
        assert {reading.value for reading in played.readings} == {17.0, 65535.0, 300.0}
        assert len(registers.asked) >= 3


@rtu_transport
@pytest.mark.parametrize("spoil", SPOILS)
def test_damage_that_stays_is_a_trouble(transport: str, spoil: Callable[[bytes], bytes]) -> None:
    registers = meter()
    registers.spoil = [spoil] * 9
    with polled(registers, transport) as played:
        played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
        assert "wiring" in played.error.fix
        assert len(registers.asked) == 2
        assert played.groups == []


def test_a_late_answer_over_tcp_is_not_taken_for_the_next_one() -> None:
    registers = meter()
    kept: list[bytes] = []

    def keep(frame: bytes) -> bytes:
        kept.append(frame)
        return b""

    registers.spoil = [keep, lambda frame: kept[0] + frame]
    with polled(registers, "tcp", blocks=[BLOCKS[0]]) as played:
        played.wait_for(lambda: len(played.groups) >= 1)
        assert played.values[:2] == [17.0, 65535.0]
    registers.spoil = [keep, lambda frame: flipped_transaction(frame) + frame]
    with polled(registers, "tcp", blocks=[BLOCKS[1]]) as played:
        played.wait_for(lambda: len(played.groups) >= 1)
        assert played.values[:1] == [300.0]


def flipped_transaction(frame: bytes) -> bytes:
    return bytes([frame[0] ^ 1]) + frame[1:-2] + b"\x00\x01"


@pytest.mark.parametrize(
    "spoil",
    [
        cut,
        silence,
        lambda frame: frame[:2] + b"\x00\x01" + frame[4:],
        lambda frame: frame[:4] + b"\x00\x00" + frame[6:],
        lambda frame: frame[:6] + b"\x09" + frame[7:],
        lambda frame: frame[:4] + b"\x00\x05" + frame[6:7] + b"\x03\x02\x00\x01",
        lambda frame: frame[:7] + b"\x04" + frame[8:],
    ],
    ids=["cut", "silence", "another protocol", "no length", "another unit", "too few registers", "another function"],
)
def test_a_wrong_answer_over_tcp_is_a_trouble(spoil: Callable[[bytes], bytes]) -> None:
    registers = meter()
    registers.spoil = [spoil] * 9
    with polled(registers, "tcp", blocks=[BLOCKS[0]]) as played:
        played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
        assert played.groups == []


def test_two_units_on_one_line_are_asked_one_after_the_other() -> None:
    registers = meter()
    with modbus_device(registers, rtu=True) as device:
        line = {"transport": "rtu_over_tcp", "host": "127.0.0.1", "port": device.port}
        with playing(source(**line)) as seven, playing(source(**line, unit=8, name="other")) as eight:
            seven.wait_for(lambda: len(seven.groups) >= 3)
            eight.wait_for(lambda: len(eight.groups) >= 3)
        assert set(seven.values) == {17.0, 65535.0, 300.0}
        assert set(eight.values) == {1.0, 2.0, 3.0}
    assert registers.asked[0][0] == registers.asked[1][0], "both blocks of one unit before the other's"


def test_nobody_there_and_no_such_serial_device(tmp_path: Path) -> None:
    with modbus_device(meter()) as device:
        port = device.port
    for line in ({"host": "127.0.0.1", "port": port}, {"transport": "rtu", "serial": str(tmp_path / "ttyUSB0")}):
        with playing(source(**line)) as played:
            played.wait_for(lambda: played.ended)
            assert isinstance(played.error, SourceTroubleError)
            assert "cannot be used" in played.error.problem


def test_a_stop_between_two_blocks_ends_the_poll() -> None:
    registers = meter()
    stop = Event()

    def stopping(frame: bytes) -> bytes:
        stop.set()
        return frame

    registers.spoil = [stopping]
    with modbus_device(registers) as device:
        groups = list(source(host="127.0.0.1", port=device.port).groups(None, stop))
    assert groups == []
    assert len(registers.asked) == 1


@pytest.mark.parametrize(
    ("parity", "flags"), [("none", 0), ("even", termios.PARENB), ("odd", termios.PARENB | termios.PARODD)]
)
def test_the_serial_line_is_set_up_as_configured(parity: str, flags: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for as configured; a pseudo-terminal itself has no parity."""
    wanted: list[Any] = []
    monkeypatch.setattr(termios, "tcsetattr", lambda _line, _when, attributes: wanted.extend(attributes))
    with serial_device(meter()) as path:
        SerialChannel(Path(path), 19200, parity, 2).close()
    iflag, oflag, cflag, lflag, input_speed, output_speed, characters = wanted
    assert cflag == termios.CS8 | termios.CREAD | termios.CLOCAL | termios.CSTOPB | flags
    assert (iflag, oflag, lflag) == (0, 0, 0), "bytes as they are"
    assert input_speed == output_speed == termios.B19200
    assert characters[termios.VMIN] == characters[termios.VTIME] == 0


def test_a_line_that_is_not_serial_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with playing(source(transport="rtu", serial=str(tmp_path / "file"))) as played:
        played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
        assert "cannot be used" in played.error.problem


def test_a_line_is_had_alone() -> None:
    order: list[str] = []
    with alone("a"), alone("b"):
        order.append("two lines at once")
    with alone("a"):
        order.append("and again")
    assert len(order) == 2


@given(st.binary(max_size=64))
def test_the_check_sum_is_that_of_an_independent_computation(frame: bytes) -> None:
    assert frames.crc16(frame) == check_sum(frame)


@given(st.binary(max_size=300), st.sampled_from([3, 4]), st.integers(1, 125))
def test_no_answer_breaks_the_reading(pdu: bytes, function: int, count: int) -> None:
    try:
        registers = frames.registers_of(pdu, function, count)
    except (frames.FrameError, frames.ExceptionAnswerError):
        return
    assert len(registers) == count


def test_the_example_of_the_specification() -> None:
    """Modbus Application Protocol 1.1b3, section 6.3: three registers from 108 on (address 0x6B)."""
    assert frames.question(3, 0x6B, 3) == bytes.fromhex("03006b0003")
    assert frames.registers_of(bytes.fromhex("0306022b00000064"), 3, 3) == [0x22B, 0, 100]


MAP = """
format = "modbus"
title = "A meter"
device = "m"
numbering = "zero_based"
[[reading]]
quantity = "active_power"
kind = "gauge"
unit = "W"
register = 3000
type = "uint32"
"""


def test_the_blocks_come_from_the_decoder_s_map(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(MAP)
    settings = ModbusPollSettings.model_validate(
        {"name": "m", "decoder": "modbus_map", "options": {"map": str(tmp_path / "map.toml")}, "host": "127.0.0.1"}
    )
    assert [block.model_dump() for block in settings.wanted()] == [{"function": 3, "start": 3000, "count": 2}]
    registers = meter()
    with modbus_device(registers) as device:
        again = settings.model_copy(update={"port": device.port, "unit": 7})
        with playing(again.build()) as played:
            played.wait_for(lambda: len(played.groups) == 1)
            assert played.values == [17 * 65536 + 65535.0]
