"""Asking a device over HTTP: one connection a question, bounded in time and size, with basic or digest access.

On ``http.client`` rather than ``urllib.request``: no proxy from the environment comes between a device and the agent,
no redirect leads elsewhere, and the digest access knows SHA-256.
"""

from __future__ import annotations

import io
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from threading import Event
from typing import Any

from edge.sources.bounded_reading import BoundedReader, ReadingStoppedError
from edge.sources.device_url import DeviceUrl
from edge.sources.http_access import Credentials, DigestAnswers, challenges, digest_answers
from edge.sources.source import SourceTroubleError

_CONNECT_S = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A device's answer whose body is still to be read."""

    status: int
    content_type: str
    body: HTTPResponse
    reader: BoundedReader
    """Bounds how long reading the body may take."""


class HttpClient:
    """Asks one device for one thing, again and again. Not for several threads."""

    def __init__(self, device: DeviceUrl, timeout_s: float) -> None:
        self._device = device
        self._timeout_s = timeout_s
        self._digest: DigestAnswers | None = None
        self._basic = False
        self._where = "{}:{}".format(*device.address)

    @contextmanager
    def get(self, stop: Event) -> Iterator[Answer]:
        """Yield the answer to a GET; its body may be read within ``timeout_s``, or as its reader is allowed.

        Raises
        ------
        SourceTroubleError
            The device cannot be reached, refuses, answers too late or not in HTTP; also from reading the body.
        ReadingStoppedError
            ``stop`` is set.
        """
        with self._explained():
            credentials = self._credentials()
            with self._asked(stop, credentials) as answer:
                if answer.status != 401:
                    yield self._checked(answer)
                    return
                self._take_challenge(answer, credentials)
            with self._asked(stop, credentials) as answer:
                yield self._checked(answer)

    def get_whole(self, stop: Event, most_bytes: int) -> tuple[bytes, str]:
        """Return body and content type of the answer to a GET; errors as of ``get``, also for a longer body."""
        with self.get(stop) as answer:
            body = answer.body.read(most_bytes + 1)
            if len(body) > most_bytes:
                raise SourceTroubleError(
                    f"{self._where} answers with more than {most_bytes} bytes",
                    "check url: this is not the small document that a decoder reads",
                )
            if answer.body.length:
                problem = f"{self._where} broke off its answer"
                raise SourceTroubleError(problem, "where this repeats: check the network and the device")
            return body, answer.content_type

    @contextmanager
    def _asked(self, stop: Event, credentials: Credentials | None) -> Iterator[Answer]:
        with self._connected() as line:
            reader = BoundedReader(line, stop.is_set)
            reader.allow(self._timeout_s)
            connection = HTTPConnection(self._device.address[0], self._device.address[1])
            connection.sock = _Line(line, reader)
            headers = {"User-Agent": "smartstore-edge", "Accept": "*/*", "Connection": "close"}
            if authorization := self._authorization(credentials):
                headers["Authorization"] = authorization
            connection.request("GET", self._device.target, headers=headers)
            with connection.getresponse() as response:
                yield Answer(response.status, response.headers.get("Content-Type", ""), response, reader)

    @contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        with socket.create_connection(self._device.address, min(self._timeout_s, _CONNECT_S)) as line:
            if not self._device.is_tls:
                yield line
                return
            ca_file = self._device.ca_file
            context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
            context.check_hostname = self._device.verify_host
            with context.wrap_socket(line, server_hostname=self._device.address[0]) as wrapped:
                yield wrapped

    def _credentials(self) -> Credentials | None:
        if self._device.password_file is None or self._device.username is None:
            return None
        try:
            password = self._device.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            problem = f"the password cannot be read: {error}"
            raise SourceTroubleError(problem, "check the file that password_file names, and its rights") from error
        return Credentials(self._device.username, password)

    def _authorization(self, credentials: Credentials | None) -> str | None:
        if self._digest is not None:
            return self._digest.authorization("GET", self._device.target)
        return credentials.basic() if self._basic and credentials is not None else None

    def _take_challenge(self, answer: Answer, credentials: Credentials | None) -> None:
        """Prepare the answer to a 401: digest access where it is offered, else basic."""
        if credentials is None:
            problem = f"{self._where} wants a user and a password"
            raise SourceTroubleError(problem, "give username and password_file of a user of the device")
        offered = challenges(answer.body.headers.get_all("WWW-Authenticate", []))
        self._digest = digest_answers(credentials, offered)
        self._basic = self._digest is None and any(each.scheme == "basic" for each in offered)
        if self._digest is None and not self._basic:
            problem = f"{self._where} offers neither digest (MD5, SHA-256) nor basic access"
            raise SourceTroubleError(problem, "switch one of these on in the device")

    def _checked(self, answer: Answer) -> Answer:
        if 200 <= answer.status < 300:
            return answer
        if answer.status in {401, 403}:
            self._digest, self._basic = None, False
            problem = f"{self._where} refuses this user ({answer.status})"
            fix = "check username, password_file, and the user's rights on the device; too many tries may lock it"
            raise SourceTroubleError(problem, fix)
        problem = f"{self._where} answers with status {answer.status}"
        raise SourceTroubleError(problem, "check url, and what the device's own pages say")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except ReadingStoppedError:
            raise
        except ssl.SSLError as error:
            problem = f"no TLS with {self._where}: {error}"
            raise SourceTroubleError(problem, "check ca_file and the device's certificate") from error
        except TimeoutError as error:
            problem = f"{self._where} was silent for too long"
            raise SourceTroubleError(
                problem, "check that the device is on and reachable, or raise the limit"
            ) from error
        except ConnectionError as error:
            problem = f"{self._where} hung up or takes no connection: {error}"
            raise SourceTroubleError(problem, "check url, and that the device is on") from error
        except HTTPException as error:
            problem = f"{self._where} does not answer in HTTP: {type(error).__name__}"
            raise SourceTroubleError(problem, "check url: host, port, http or https") from error
        except OSError as error:
            problem = f"no connection to {self._where}: {error}"
            raise SourceTroubleError(problem, "check url, the network, and that the device is on") from error


class _Line:
    """What ``HTTPConnection`` needs of a socket; whoever made the socket closes it."""

    def __init__(self, line: socket.socket, reader: BoundedReader) -> None:
        self._reader = reader
        self.sendall: Callable[[bytes], Any] = line.sendall

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return the reading side."""
        return io.BufferedReader(self._reader)

    def close(self) -> None:
        """Do nothing: the response is still to be read."""
