"""The proxy does to a line what it says: what is sent arrives whole, late, held, or its connection ends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from fault_tools.tcp_proxy import TcpProxy

MESSAGE = bytes(range(256)) * 400
Line = Callable[..., TcpProxy]


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """Yield the address of a server that says everything again."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                end, _ = listener.accept()
                threading.Thread(target=say_again, args=[end], daemon=True).start()

    def say_again(end: socket.socket) -> None:
        with end, suppress(OSError):
            while data := end.recv(65_536):
                end.sendall(data)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()
    with suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


@pytest.fixture
def line(echo: tuple[str, int]) -> Iterator[Line]:
    """Yield what makes a proxy to the echo."""
    made: list[TcpProxy] = []

    def make(**treatment: float) -> TcpProxy:
        made.append(TcpProxy(echo, seed=1, **treatment))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


def said_again(proxy: TcpProxy, message: bytes = MESSAGE) -> bytes:
    """Send a message and return what comes back before the connection ends or is silent for long."""
    heard = b""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as end, suppress(ConnectionError):
        sending = threading.Thread(target=end.sendall, args=[message])
        sending.start()
        while len(heard) < len(message) and (data := end.recv(65_536)):
            heard += data
        sending.join()
    return heard


def test_everything_arrives_in_order(line: Line) -> None:
    assert said_again(line()) == MESSAGE


def test_what_is_lost_is_late_and_arrives_in_order(line: Line) -> None:
    proxy = line(loss=0.1)
    assert said_again(proxy, MESSAGE[:20_000]) == MESSAGE[:20_000]
    assert proxy.lost > 0


def test_a_segment_that_is_lost_again_and_again_ends_its_connection(line: Line) -> None:
    assert said_again(line(loss=1.0), b"never") == b""


def test_a_delay_lies_on_both_ways(line: Line) -> None:
    proxy = line(delay_s=0.1)
    began = time.monotonic()
    assert said_again(proxy, b"late") == b"late"
    assert time.monotonic() - began >= 0.2


def test_what_is_held_is_delivered_in_the_end(line: Line) -> None:
    proxy = line()
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=0.2) as end:
        end.sendall(b"before")
        assert end.recv(10) == b"before"
        proxy.hold()
        end.sendall(b"held")
        with pytest.raises(TimeoutError):
            end.recv(10)
        end.settimeout(30)
        proxy.restore()
        assert end.recv(10) == b"held"


def test_answers_are_held_while_what_is_said_arrives() -> None:
    with socket.create_server(("127.0.0.1", 0)) as target:
        target.settimeout(30)
        proxy = TcpProxy(target.getsockname())
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=0.2) as near, target.accept()[0] as far:
            proxy.hold_answers()
            near.sendall(b"said")
            far.sendall(b"answered")
            assert far.recv(10) == b"said"
            with pytest.raises(TimeoutError):
                near.recv(10)
            near.settimeout(30)
            proxy.restore()
            assert near.recv(10) == b"answered"
        proxy.close()


def test_a_cut_line_drops_connections_and_refuses_new_ones(line: Line) -> None:
    proxy = line()
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as end:
        end.sendall(b"before")
        assert end.recv(10) == b"before"
        proxy.cut()
        with suppress(ConnectionError):
            assert end.recv(10) == b""
    assert said_again(proxy, b"cut") == b""
    proxy.restore()
    assert said_again(proxy, b"back") == b"back"
