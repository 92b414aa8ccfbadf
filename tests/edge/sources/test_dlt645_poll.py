"""DL/T 645 over TCP and a serial line: items as the meter has them, and every way in which an answer is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from edge_tools.dlt645_meter import Meters, frame, meters_on_a_serial_line, meters_on_tcp
from edge_tools.played import Played, playing
from hypothesis import given
from hypothesis import strategies as st

from edge.decoders.decoder import PayloadRefusedError
from edge.decoders.dlt645 import Frame
from edge.sources.dlt645_poll import Dlt645Poll, Dlt645PollSettings, _asked
from edge.sources.source import SourceTroubleError

ADDRESS, OTHER = "000012345678", "000087654321"
ENERGY, VOLTAGE_A = 0x00010000, 0x02010100
ITEMS = ("00010000", "02010100")


def meters() -> Meters:
    return Meters(
        {ADDRESS: {ENERGY: (12_345_678, 4), VOLTAGE_A: (2_305, 2)}, OTHER: {ENERGY: (1, 4), VOLTAGE_A: (2_199, 2)}}
    )


def source(**keys: Any) -> Dlt645Poll:
    defaults = {"name": "meter", "address": ADDRESS, "items": ITEMS, "interval_s": 0.1, "timeout_s": 0.5}
    return Dlt645PollSettings.model_validate(defaults | keys).build()


@contextmanager
def polled(on_line: Meters, line: str = "tcp", **keys: Any) -> Iterator[Played]:
    if line == "serial":
        with (
            meters_on_a_serial_line(on_line) as path,
            playing(source(serial=path, parity="none", **keys)) as played,
        ):
            yield played
    else:
        with meters_on_tcp(on_line) as served, playing(source(host="127.0.0.1", port=served.port, **keys)) as played:
            yield played


def told(played: Played) -> list[tuple[str, str, str, float]]:
    return [(r.series.device, r.series.quantity, r.series.channel, r.value) for r in played.groups[0].readings]


@pytest.mark.parametrize("line", ["tcp", "serial"])
def test_items_arrive_as_the_meter_has_them_all_of_a_poll_at_one_time(line: str) -> None:
    on_line = meters()
    with polled(on_line, line) as played:
        played.wait_for(lambda: len(played.groups) >= 2)
        assert told(played) == [(ADDRESS, "active_energy", "", 123_456.78), (ADDRESS, "voltage", "a", 230.5)]
        assert len({reading.t_us for reading in played.groups[0].readings}) == 1
        assert on_line.asked[:2] == [(ADDRESS, ENERGY), (ADDRESS, VOLTAGE_A)]
        assert played.states.states()[0].readings >= 4


def test_the_only_meter_on_a_line_is_asked_by_no_address() -> None:
    with polled(Meters({ADDRESS: {ENERGY: (26, 4)}}), address="A" * 12, items=ITEMS[:1]) as played:
        played.wait_for(lambda: len(played.groups) >= 1)
        assert told(played) == [(ADDRESS, "active_energy", "", 0.26)]


def test_an_item_that_the_meter_lacks_is_refused_and_the_others_are_read() -> None:
    with polled(meters(), items=("00020000", "00010000")) as played:
        played.wait_for(lambda: len(played.groups) >= 1)
        assert told(played) == [(ADDRESS, "active_energy", "", 123_456.78)]
        assert [refusal.reason for refusal in played.groups[0].refusals] == ["meter_error"]


SPOILED: dict[str, Callable[[bytes], bytes]] = {
    "silence": lambda _answer: b"",
    "a wrong check sum": lambda answer: answer[:-2] + bytes([answer[-2] ^ 1, 0x16]),
    "another meter": lambda _answer: frame(OTHER, 0x91, ENERGY.to_bytes(4, "little") + b"\x01\x00\x00\x00"),
    "another item": lambda _answer: frame(ADDRESS, 0x91, VOLTAGE_A.to_bytes(4, "little") + b"\x05\x23"),
    "noise": lambda _answer: bytes(200),
    "half an answer": lambda answer: answer[:9],
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_a_damaged_answer_is_asked_for_again(spoil: Callable[[bytes], bytes]) -> None:
    on_line = meters()
    on_line.spoil = [spoil]
    with polled(on_line, items=ITEMS[:1]) as played:
        played.wait_for(lambda: len(played.groups) >= 1)
        assert told(played) == [(ADDRESS, "active_energy", "", 123_456.78)]
        assert played.refusals == []
        assert on_line.asked[:2] == [(ADDRESS, ENERGY)] * 2


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (SPOILED["silence"], "does not answer"),
        (SPOILED["a wrong check sum"], "the checksum is wrong"),
        (SPOILED["another meter"], f"meter {OTHER} answers instead"),
        (SPOILED["another item"], "another question"),
        (SPOILED["noise"], "is not DL/T 645"),
    ],
)
def test_answers_that_stay_damaged_are_a_trouble_that_says_what_to_do(
    spoil: Callable[[bytes], bytes], problem: str
) -> None:
    on_line = meters()
    on_line.spoil = [spoil] * 3
    with polled(on_line, attempts=3) as played:
        played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
        assert problem in played.error.problem
        assert "check" in played.error.fix
        assert len(on_line.asked) == 3


def test_a_line_that_is_not_there_is_said() -> None:
    with playing(source(serial="/dev/not-there")) as played:
        played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
        assert "/dev/not-there cannot be used" in played.error.problem
        assert "dialout" in played.error.fix


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, "host"),
        ({"host": "h", "serial": "/dev/ttyUSB0"}, "host"),
        ({"host": "h", "address": "161"}, "address"),
        ({"host": "h", "items": ["1.8.0"]}, "items"),
        ({"host": "h", "items": []}, "items"),
    ],
)
def test_a_wrong_configuration_names_the_key(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        source(**keys)


class Said:
    """A line on which these bytes come, whatever is asked."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def send(self, frame: bytes, until_s: float) -> None: ...

    def discard(self) -> None: ...

    def close(self) -> None: ...

    def receive(self, count: int, until_s: float) -> bytes:
        if len(self._content) < count:
            raise TimeoutError("no answer")
        taken, self._content = self._content[:count], self._content[count:]
        return taken


@given(st.data())
def test_whatever_comes_over_the_line_is_an_answer_or_refused(data: st.DataObject) -> None:
    right = bytearray(frame(ADDRESS, 0x91, ENERGY.to_bytes(4, "little") + b"\x01\x00\x00\x00"))
    for _ in range(data.draw(st.integers(0, 2))):
        right[data.draw(st.integers(0, len(right) - 1))] = data.draw(st.integers(0, 255))
    content = data.draw(st.binary(max_size=20)) + bytes(right) if data.draw(st.booleans()) else data.draw(st.binary())
    try:
        answer = _asked(Said(content), ADDRESS, ENERGY, 0.0)
    except (PayloadRefusedError, TimeoutError):
        return
    assert Frame.parse(answer).address == ADDRESS
