"""The clock's offset by SNTP, against a server whose clock is off by a known amount, and what an offset means."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from edge.onboarding import clock_check
from edge.onboarding.clock_check import NoTimeError, by_platform, by_time_server, time_server_offset_s
from edge.onboarding.finding import Grade

FROM_1900_S = 2_208_988_800


@contextmanager
def time_server(answer: Callable[[bytes], bytes]) -> Iterator[int]:
    """Yield the port of a server that answers one question."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        line.settimeout(10)

        def serve() -> None:
            question, sender = line.recvfrom(512)
            line.sendto(answer(question), sender)

        thread = Thread(target=serve)
        thread.start()
        yield line.getsockname()[1]
        thread.join(10)


def answer_of(question: bytes, ahead_s: float, *, first: int = 0x24, stratum: int = 2, era_s: int = 0) -> bytes:
    """Return what a server says whose clock is ahead of this machine's."""
    now_s = time.time() + ahead_s + FROM_1900_S - era_s
    seconds, fraction = int(now_s), int((now_s % 1) * 2**32)
    stamp = struct.pack(">II", seconds, fraction)
    head = struct.pack(">BBbb", first, stratum, 0, -20)
    return head + bytes(20) + question[40:48] + stamp + stamp


@pytest.mark.parametrize("ahead_s", [0.0, 90.0, -3600.0])
def test_the_offset_is_the_servers_lead(ahead_s: float) -> None:
    with time_server(lambda question: answer_of(question, ahead_s)) as port:
        assert time_server_offset_s("127.0.0.1", port, 5) == pytest.approx(ahead_s, abs=1)


def test_a_stamp_of_the_next_era_is_read_as_the_nearest_time() -> None:
    in_2040_s = 2_208_988_800.0  # 1 January 2040: NTP's 32 bits have begun anew in 2036
    stamp = int(in_2040_s) + FROM_1900_S - 2**32
    assert clock_check._unix_s(stamp, 0, in_2040_s + 5) == in_2040_s


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda _: b"short", "too short"),
        (lambda question: answer_of(bytes(48), 0) if question else b"", "not to this question"),
        (lambda question: answer_of(question, 0, first=0xE4), "does not know the time"),
        (lambda question: answer_of(question, 0, stratum=0), "does not know the time"),
        (lambda question: answer_of(question, 0, first=0x23), "not to this question"),
    ],
)
def test_an_answer_that_tells_no_time_is_none(answer: Callable[[bytes], bytes], reason: str) -> None:
    with time_server(answer) as port, pytest.raises(NoTimeError, match=reason):
        time_server_offset_s("127.0.0.1", port, 5)


def test_a_server_that_is_not_there_skips_the_check() -> None:
    finding = by_time_server("127.0.0.1", 9, 0.2)
    assert finding.grade is Grade.SKIPPED
    assert "--time-server" in finding.text.en
    assert "--time-server" in finding.text.zh


@pytest.mark.parametrize(
    ("offset_s", "grade", "said"),
    [(0.5, Grade.OK, "agrees"), (-10.0, Grade.WARNING, "10.0 s ahead of"), (86_400.0, Grade.WRONG, "86400.0 s behind")],
)
def test_what_an_offset_means(offset_s: float, grade: Grade, said: str) -> None:
    finding = by_platform(1_000_000_000_000 + int(offset_s * 1e6), 1_000_000_000_000)
    assert finding.grade is grade
    assert said in finding.text.en
    assert (finding.fix is None) == (grade is Grade.OK)
