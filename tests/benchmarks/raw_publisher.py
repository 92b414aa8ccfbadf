"""A load generator that costs next to nothing: MQTT 5 packets made before the clock starts, one thread for all agents.

Only what the load needs of MQTT: CONNECT with a password, SUBSCRIBE to acknowledgements at QoS 0, PUBLISH at QoS 1.
"""

from __future__ import annotations

import json
import selectors
import socket
import time
from collections import deque

from benchmarks.load import AgentLoad

from edge.wire.model import canonical
from edge.wire.topics import Subject, topic

_CONNACK, _PUBLISH, _PUBACK, _SUBACK = 2, 3, 4, 9
_TIMEOUT_S = 5.0
_UNCONFIRMED = 16
"""PUBLISH packets without PUBACK at any time, under the receive maximum of any broker."""


def _text(value: str) -> bytes:
    raw = value.encode()
    return len(raw).to_bytes(2, "big") + raw


def _packet(kind: int, body: bytes) -> bytes:
    length, encoded = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        encoded.append(digit | (0x80 if length else 0))
        if not length:
            return bytes([kind]) + bytes(encoded) + body


def publish_packet(name: str, packet_id: int, payload: bytes) -> bytes:
    """Return a PUBLISH packet at QoS 1."""
    return _packet(0x32, _text(name) + packet_id.to_bytes(2, "big") + b"\x00" + payload)


class RawAgent:
    """One agent's connection: sends while fewer than ``window`` batches are uncommitted."""

    def __init__(self, load: AgentLoad, window: int, address: tuple[str, int], password: str) -> None:
        name = topic(load.agent, Subject.BATCH)
        packets = [canonical(load.table), *load.payloads]
        self._packets = [publish_packet(name, number % 65_535 + 1, packet) for number, packet in enumerate(packets)]
        self._todo = deque(enumerate(self._packets))
        self._left = load.unacknowledged
        self._window = window
        self._uncommitted = 0
        self._unconfirmed = 0
        self._table_sent = False
        self._received = bytearray()
        self._out = bytearray()
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connect = _text("MQTT") + b"\x05\xc2" + (300).to_bytes(2, "big") + b"\x00"
        self.socket.sendall(_packet(0x10, connect + _text(load.agent) * 2 + _text(password)))
        subscribe = b"\x00\x01\x00" + _text(topic(load.agent, Subject.ACK)) + b"\x00"
        self.socket.sendall(_packet(0x82, subscribe))
        self.ready = False
        self.started = False

    @property
    def done(self) -> bool:
        """Whether every batch is committed."""
        return not self._left

    def fill(self) -> None:
        """Send the series table first, and after that as many batches as the window lets."""
        while self._todo and self._unconfirmed < _UNCONFIRMED and self._uncommitted < self._window:
            self._out += self._todo.popleft()[1]
            self._unconfirmed += 1
            self._uncommitted += self._table_sent
            self._table_sent = True
        self.flush()

    def send_again(self) -> int:
        """Queue what was sent and is not committed once more, as an agent does after its time-out; return how many."""
        waiting = {number for number, _ in self._todo}
        again = sorted(self._left - waiting)
        self._todo.extendleft((number, self._packets[number]) for number in reversed(again))
        self._uncommitted -= len(again)
        return len(again)

    def flush(self) -> None:
        """Hand to the kernel what it takes now."""
        if self._out:
            try:
                sent = self.socket.send(self._out)
            except BlockingIOError:
                return
            del self._out[:sent]

    def receive(self) -> None:
        """Read what has arrived and act on each whole packet."""
        chunk = self.socket.recv(262_144)
        if not chunk:
            msg = "the broker closed the connection"
            raise ConnectionError(msg)
        self._received += chunk
        while (end := self._whole()) is not None:
            start, stop = end
            self._handle(self._received[0] >> 4, bytes(self._received[start:stop]))
            del self._received[:stop]
        if self.started:
            self.fill()

    def _whole(self) -> tuple[int, int] | None:
        length, shift, place = 0, 0, 1
        while place < len(self._received):
            digit = self._received[place]
            length |= (digit & 0x7F) << shift
            place += 1
            if not digit & 0x80:
                return (place, place + length) if len(self._received) >= place + length else None
            shift += 7
        return None

    def _handle(self, kind: int, body: bytes) -> None:
        if kind == _PUBACK:
            self._unconfirmed -= 1
        elif kind == _PUBLISH:
            self._acknowledge(body[2 + int.from_bytes(body[:2], "big") + 1 :])
        elif kind == _SUBACK:
            self.ready = True
        elif kind == _CONNACK and body[1]:
            raise ConnectionError(f"the broker refused the connection with reason {body[1]}")

    def _acknowledge(self, payload: bytes) -> None:
        document = json.loads(payload)
        if document["refused"]:
            raise RuntimeError(f"the load was refused: {document['refused'][:1]}")
        for low, high in document["committed"]:
            for sequence in range(low, high + 1):
                if sequence in self._left:
                    self._left.discard(sequence)
                    self._uncommitted -= 1


def publish_all(agents: list[RawAgent], deadline_s: float) -> float:
    """Publish every batch of every agent; return the seconds from the first publish to the last acknowledgement."""
    with selectors.DefaultSelector() as selector:
        for agent in agents:
            selector.register(agent.socket, selectors.EVENT_READ, agent)
        while not all(agent.ready for agent in agents):
            _receive(selector, 10)
        for agent in agents:
            agent.socket.setblocking(False)
            agent.started = True
        began = heard = time.perf_counter()
        for agent in agents:
            agent.fill()
        while not all(agent.done for agent in agents):
            if _receive(selector, 0.05):
                heard = time.perf_counter()
            elif time.perf_counter() - heard > _TIMEOUT_S:
                _send_again(agents)
                heard = time.perf_counter()
            for agent in agents:
                agent.flush()
            if time.perf_counter() - began > deadline_s:
                msg = f"not committed within {deadline_s:g} s"
                raise TimeoutError(msg)
        return time.perf_counter() - began


def _receive(selector: selectors.BaseSelector, timeout_s: float) -> bool:
    ready = selector.select(timeout_s)
    for key, _ in ready:
        key.data.receive()
    return bool(ready)


def _send_again(agents: list[RawAgent]) -> None:
    print(f"  {sum(agent.send_again() for agent in agents)} batches sent again", flush=True)
    for agent in agents:
        agent.fill()
