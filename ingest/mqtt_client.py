"""The MQTT client of a worker: paho's, with a shorter way for what comes by the thousands a second.

Of a message's way through paho (about 60 µs) most is spent on reading its packet byte by byte from the socket, on an
object of MQTT 5 properties that it does not have, and on sending each receipt by itself. Here the socket is read in
large pieces, a plain PUBLISH of QoS 1 without properties is taken apart in place, and receipts are sent together. All
else is paho's own. It reaches behind paho's public face in three places (``_create_socket``, ``_handle_publish``,
``_packet_queue``), which its pinned version and ``tests/ingest/test_mqtt_client.py`` hold.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from struct import pack
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

_PIECE_BYTES = 256 * 1024
_PUBACK = 0x40
_QOS_1 = 0x02
_QOS_BITS = 0x06


class ReadAhead:
    """A socket that is read ahead; for the rest it is the socket itself."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._ahead = b""
        self._at = 0
        self._confirm = _confirms(inner)

    def recv(self, size: int) -> bytes:
        """Return up to ``size`` of the next bytes, empty at the end of the stream.

        Raises
        ------
        BlockingIOError, ssl.SSLWantReadError
            There are none yet.
        """
        if self._at >= len(self._ahead):
            self._ahead, self._at = self._inner.recv(_PIECE_BYTES), 0
            self._confirm()
        start = self._at
        self._at = start + size
        return self._ahead[start : self._at]

    @property
    def read_ahead(self) -> bool:
        """Whether bytes are at hand that a wait for the socket would not tell of."""
        return self._at < len(self._ahead)

    def pending(self) -> int:
        """Return how many bytes can be had without waiting for the socket."""
        held_back: int = self._inner.pending() if hasattr(self._inner, "pending") else 0
        return max(len(self._ahead) - self._at, 0) + held_back

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _confirms(inner: Any) -> Callable[[], None]:
    """Return what lets the kernel confirm at once what was received.

    The broker collects small packets while one is unconfirmed (Nagle), and the kernel holds its confirmation back for
    up to 40 ms in case there is an answer to go with it; but the answer here waits for the database. The option lasts
    for one packet.
    """
    quick = getattr(socket, "TCP_QUICKACK", None)
    if quick is None:
        return lambda: None
    return lambda: inner.setsockopt(socket.IPPROTO_TCP, quick, 1)


class Client(mqtt.Client):
    """A client that acknowledges by hand; ``on_plain`` is given topic, packet number and payload of plain messages.

    Whatever has properties or another quality of service comes to ``on_message``.
    """

    def __init__(self, name: str) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=name,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self.on_plain: Callable[[str, int, bytes], None] | None = None

    def acknowledge(self, numbers: Sequence[int]) -> None:
        """Send the receipts (PUBACK) of messages, given by packet number, on the present connection."""
        if numbers:
            packets = b"".join([pack("!BBH", _PUBACK, 2, number) for number in numbers])
            self._packet_queue(_PUBACK, packets, 0, 1)

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Handle the packets that have come, all that are at hand."""
        result = super().loop_read(max_packets)
        while result is MQTTErrorCode.MQTT_ERR_SUCCESS and isinstance(self._sock, ReadAhead) and self._sock.read_ahead:
            result = super().loop_read(max_packets)
        return result

    def _create_socket(self) -> Any:
        line: Any = super()._create_socket()
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return ReadAhead(line)

    def _handle_publish(self) -> MQTTErrorCode:
        packet = self._in_packet["packet"]
        number_at = 2 + int.from_bytes(packet[:2], "big")
        is_plain = (
            self._in_packet["command"] & _QOS_BITS == _QOS_1
            and len(packet) > number_at + 2
            and packet[number_at + 2] == 0
        )
        if self.on_plain is None or not is_plain:
            return super()._handle_publish()
        number = int.from_bytes(packet[number_at : number_at + 2], "big")
        self.on_plain(packet[2:number_at].decode("utf-8", "replace"), number, bytes(packet[number_at + 3 :]))
        return MQTTErrorCode.MQTT_ERR_SUCCESS
