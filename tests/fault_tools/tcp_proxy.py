"""A TCP proxy in a line: cut and put back, held, slow, or losing segments, as a line behaves on a bad day.

What it can show of a network is what TCP shows of it to a program: time, and the end of a connection. A lost segment is
late by the sender's retransmission time-out, together with all that was sent after it; a path that stays bad ends the
connection. It cannot drop, duplicate or reorder single segments below TCP, nor slow a sender down as congestion control
does; and since its own kernel confirms what it takes in, neither end ever sees a silent peer (what keep-alive and
TCP_USER_TIMEOUT are for), only one that answers late or not at all.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from random import Random

_SEGMENT_BYTES = 536
"""The segment that every host takes."""
_FIRST_RETRANSMISSION_S = 0.2
_MOST_RETRANSMISSIONS = 4
"""Lost so often in a row, a segment ends its connection; a sender would try for longer, and more slowly."""
_IN_FLIGHT = 1000
"""Segments under way in one direction of a connection; beyond, the sender has to wait."""


class TcpProxy:
    """Forwards a loopback port to a target.

    Parameters
    ----------
    loss
        Share of the segments that are lost.
    delay_s
        Time that each byte takes in either direction; half of what a round trip is longer by.
    seed
        Of what is lost.
    """

    def __init__(self, target: tuple[str, int], *, loss: float = 0.0, delay_s: float = 0.0, seed: int = 0) -> None:
        self.loss = loss
        self.delay_s = delay_s
        self._seed = seed
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_cut = False
        self._flowing = (threading.Event(), threading.Event())
        """Whether there, and back, what is under way is delivered."""
        self._let_flow()
        self.connections = 0
        self.lost = 0
        threading.Thread(target=self._accept, name="tcp-proxy", daemon=True).start()

    def cut(self) -> None:
        """Drop every connection, and every new one at once."""
        with self._lock:
            self._is_cut = True
            victims = list(self._open)
        for victim in victims:
            _close(victim)

    def hold(self) -> None:
        """Deliver nothing from now on, and drop no connection."""
        for flowing in self._flowing:
            flowing.clear()

    def hold_answers(self) -> None:
        """Deliver nothing that the target says from now on, but all that it is told."""
        _, back = self._flowing
        back.clear()

    def restore(self) -> None:
        """Let connections through again, and deliver what was held."""
        with self._lock:
            self._is_cut = False
        self._let_flow()

    def close(self) -> None:
        """Cut the line and stop listening."""
        self.cut()
        self._let_flow()
        _close(self._listener)

    def _let_flow(self) -> None:
        for flowing in self._flowing:
            flowing.set()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._join, args=(near,), name="tcp-proxy-join", daemon=True).start()

    def _join(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(self._target, timeout=5)
        except OSError:
            _close(near)
            return
        far.settimeout(None)
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            if self._is_cut:
                _close(near)
                _close(far)
                return
            self._open |= {near, far}
            self.connections += 1
            number = self.connections
        for way, (source, sink) in enumerate(((near, far), (far, near))):
            random = Random(f"{self._seed} {number} {way}")
            direction = _Direction(self, source, sink, self._flowing[way], random)
            threading.Thread(target=direction.read, name="tcp-proxy-read", daemon=True).start()
            threading.Thread(target=direction.deliver, name="tcp-proxy-deliver", daemon=True).start()

    def lose(self, random: Random) -> float:
        """Return by how many seconds a segment is late; infinite where its connection ends."""
        late_s, wait_s = 0.0, _FIRST_RETRANSMISSION_S
        for _ in range(_MOST_RETRANSMISSIONS):
            if random.random() >= self.loss:
                return late_s
            self.lost += 1
            late_s += wait_s
            wait_s *= 2
        return float("inf")

    def ended(self, *ends: socket.socket) -> None:
        """Close both ends of a connection."""
        with self._lock:
            self._open -= set(ends)
        for end in ends:
            _close(end)


class _Direction:
    """One direction of a connection: segments on their way, each with the time at which it is due."""

    def __init__(
        self, proxy: TcpProxy, source: socket.socket, sink: socket.socket, flowing: threading.Event, random: Random
    ) -> None:
        self._proxy = proxy
        self._flowing = flowing
        self._source = source
        self._sink = sink
        self._random = random
        self._under_way: queue.Queue[tuple[float, bytes]] = queue.Queue(_IN_FLIGHT)

    def read(self) -> None:
        """Take in what comes until the end, and give each segment the time at which it is delivered."""
        due_s = 0.0
        with contextlib.suppress(OSError):
            size = _SEGMENT_BYTES if self._proxy.loss else 65_536
            while data := self._source.recv(size):
                late_s = self._proxy.lose(self._random) if self._proxy.loss else 0.0
                if late_s == float("inf"):
                    break
                due_s = max(due_s, time.monotonic() + self._proxy.delay_s + late_s)
                self._under_way.put((due_s, data))
        self._under_way.put((due_s, b""))

    def deliver(self) -> None:
        """Hand on each segment when it is due; the end of one direction ends the connection."""
        with contextlib.suppress(OSError):
            while True:
                due_s, data = self._under_way.get()
                if (wait_s := due_s - time.monotonic()) > 0:
                    time.sleep(wait_s)
                self._flowing.wait()
                if not data:
                    break
                self._sink.sendall(data)
        self._proxy.ended(self._source, self._sink)
        while not self._under_way.empty():  # a reader that waits for room must come to its end
            self._under_way.get_nowait()


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
