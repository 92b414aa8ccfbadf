"""The HTTP server that devices post to: a thread a connection, and a bounded number of them."""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
import time
from contextlib import suppress
from functools import partial
from socketserver import TCPServer, ThreadingMixIn
from threading import BoundedSemaphore, Thread
from typing import Any, Self

from edge import event_log
from edge.sources.http_access import Credentials
from edge.sources.push_connection import PushConnection, PushDesk
from edge.sources.push_receiver import PushBounds, PushReceiver
from edge.sources.source import SourceTroubleError

_SIOCGIFADDR = 0x8915
_LOOK_S = 0.2
_LAST_ANSWERS_S = 2.0
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

log = event_log.get(__name__)


class PushServer(ThreadingMixIn, TCPServer):
    """Listens from ``with`` on, until ``stop_listening``; leaving the ``with`` waits for the last answers.

    Raises
    ------
    SourceTroubleError
        The interface has no address, or the port cannot be had.
    """

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 16

    def __init__(self, bounds: PushBounds, credentials: Credentials | None, receiver: PushReceiver) -> None:
        self._desk = PushDesk(bounds, credentials, receiver)
        self._room = BoundedSemaphore(bounds.most_connections)
        address = _address_of(bounds.interface)
        try:
            super().__init__((address, bounds.port), partial(PushConnection, self._desk))
        except OSError as error:
            problem = f"{address}:{bounds.port} cannot be listened on: {error.strerror}"
            raise SourceTroubleError(problem, "give this source another port, or end what uses it") from error
        self._thread = Thread(target=self.serve_forever, args=(_LOOK_S,), name=f"push:{receiver.name}")

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        log.info("push_listening", source=self._desk.receiver.name, address=self.server_address)
        return self

    def __exit__(self, *_: object) -> None:
        """Wait, not for ever, until what was accepted is answered."""
        self.stop_listening()
        deadline_s = time.monotonic() + self._desk.bounds.answer_within_s + _LAST_ANSWERS_S
        for _number in range(self._desk.bounds.most_connections):
            self._room.acquire(timeout=max(0.0, deadline_s - time.monotonic()))

    def stop_listening(self) -> None:
        """Take no new connection and no new request."""
        if not self._desk.stopping.is_set():
            self._desk.stopping.set()
            self.shutdown()
            self._thread.join()
            self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own, where there is room for one more."""
        if self._room.acquire(blocking=False):
            try:
                super().process_request(request, client_address)
            except BaseException:
                self._room.release()
                raise
        else:
            fix = "raise most_connections, or have the devices push less often"
            self._desk.say("push_connections_full", f"more than {self._desk.bounds.most_connections} connections", fix)
            with suppress(OSError):
                request.settimeout(_LOOK_S)
                request.sendall(_FULL)
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what ended a connection, unless the network or the agent's stop did."""
        if not isinstance(sys.exc_info()[1], OSError):
            fix = "report this as a defect; the connection was closed, the source goes on"
            log.error("push_connection_failed", exc_info=True, source=self._desk.receiver.name, fix=fix)


def _address_of(interface: str) -> str:
    """Return the IPv4 address of a network interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            answer = fcntl.ioctl(asking.fileno(), _SIOCGIFADDR, struct.pack("256s", interface.encode()))
        except OSError as error:
            known = ", ".join(name for _, name in socket.if_nameindex())
            problem = f"the network interface '{interface}' has no IPv4 address: {error.strerror}"
            raise SourceTroubleError(problem, f"name one of {known} in interface, or wait for its cable") from error
    return socket.inet_ntoa(answer[20:24])
