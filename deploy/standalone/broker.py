"""A private Mosquitto: loopback, a user each with its own topics, bounded queues, nothing kept over a restart."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import signal
import socket
from collections.abc import Mapping
from pathlib import Path

from standalone.account import give, server_account
from standalone.children import Child
from standalone.data_folder import data_folder
from standalone.failure import CannotStart
from standalone.free_port import LOOPBACK, free_port
from standalone.mosquitto import Mosquitto, find_mosquitto

_ITERATIONS = 10_000
_READY_DEADLINE_S = 20.0
_PORT_TRIES = 5
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_PREFIX = "smartstore/v1"
_PROBE = "launcher"  # a user of the launcher's own: a probe as another user would displace that user's session

_CONFIGURATION = """\
listener {port} {host}
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/access
# Otherwise a user could take another's session by its client id.
use_username_as_clientid true
# The default of 1000 drops messages of a slower subscriber without a word; without any bound the memory would be it.
max_queued_messages {queued_messages}
max_inflight_messages 200
# The spool of each agent is the truth; what the broker kept would only be sent twice.
persistence false
# Switched on, it costs a third of the throughput.
set_tcp_nodelay false
sys_interval 1
log_dest stderr
log_timestamp_format %Y-%m-%dT%H:%M:%S
log_type error
log_type warning
log_type notice
"""

_EVERY_AGENT = f"""\
pattern write {_PREFIX}/%u/batch
pattern write {_PREFIX}/%u/birth
pattern write {_PREFIX}/%u/will
pattern read {_PREFIX}/%u/ack
pattern read {_PREFIX}/%u/config
# Of every user, since one that enrols has no block of its own; Mosquitto warns of a pattern without %u, and obeys it.
pattern read {_PREFIX}/ingest/+/state
"""

_AGENT = """\
user {name}

"""

_INGEST = f"""\
user {{name}}
topic read {_PREFIX}/+/batch
topic read {_PREFIX}/+/birth
topic read {_PREFIX}/+/will
topic write {_PREFIX}/+/ack
topic write {_PREFIX}/+/config
topic readwrite {_PREFIX}/ingest/+/state
topic read $SYS/broker/publish/messages/dropped

"""


def is_ingest(user: str) -> bool:
    """Return whether a user is an ingest worker (``ingest``, ``ingest-2``); every other one is an agent."""
    return user == "ingest" or user.startswith("ingest-")


def password_line(user: str, password: str) -> str:
    """Return a user's line of Mosquitto's password file: PBKDF2 with SHA-512."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS, 64)
    return f"{user}:$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


class PrivateBroker:
    """A Mosquitto on a free loopback port.

    Every user's client id is its user name, so each ingest worker has a user of its own. The port stays the same over
    ``kill`` and ``restart``; sessions and retained messages don't outlive either.

    Parameters
    ----------
    folder
        Where configuration, password files and log are; the account that servers run under must reach it.
    users
        Passwords by user name: agents, and ingest workers (see ``is_ingest``).
    mosquitto
        The program; None finds it, or unpacks it into the data folder.
    queued_messages
        Messages that wait for one client at most; beyond, the broker drops.
    """

    def __init__(
        self,
        folder: Path,
        users: Mapping[str, str],
        mosquitto: Mosquitto | None = None,
        *,
        queued_messages: int = 20_000,
    ) -> None:
        self.host = LOOPBACK
        self.port = free_port()
        self.folder = folder
        self._mosquitto = mosquitto or find_mosquitto(data_folder())
        self._account = server_account()
        self._queued_messages = queued_messages
        self._users: dict[str, str] = {}
        self._hashes: dict[str, str] = {}  # by password: a thousand users take seconds at every start otherwise
        self._rights: dict[str, tuple[str, ...]] = {}
        self._child: Child | None = None
        self._has_served = False
        for user, password in {_PROBE: secrets.token_urlsafe(24), **users}.items():
            self._add(user, password)

    @property
    def label(self) -> str:
        """The line that names the broker to a person."""
        return self._mosquitto.label

    @property
    def log(self) -> Path:
        """The broker's log."""
        return self.folder / "broker.log"

    @property
    def running(self) -> bool:
        """Whether the broker runs."""
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int:
        """Process id of the running broker."""
        if self._child is None:
            raise ValueError("the broker doesn't run")
        return self._child.pid

    def password_file(self, user: str) -> Path:
        """Return the file, mode 0600 and this process's own, that holds a user's password; made when asked for."""
        path = self.folder / "users" / user
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(self._users[user] + "\n")
        return path

    def add_user(self, user: str, password: str | None = None) -> str:
        """Add a user, with a random password by default, to a broker that may be running; return the password."""
        password = password or secrets.token_urlsafe(24)
        self._add(user, password)
        if self._child is not None and self.running:
            self._write_users()
            self._child.signal(signal.SIGHUP)
            self._child.wait_ready(lambda: self._accepts(user), _READY_DEADLINE_S)
        return password

    def grant(self, user: str, *rights: str) -> None:
        """Let a user do more than its kind may, from the next start on: ``readwrite smartstore/v1/+/batch``, say."""
        self._rights[user] = rights

    def start(self) -> None:
        """Start the broker and wait until it accepts a connection."""
        if self.running:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        self._write_users()
        for attempt in range(_PORT_TRIES):
            self._write("mosquitto.conf", self._configuration())
            self._child = self._launch()
            try:
                self._child.wait_ready(lambda: self._accepts(_PROBE), _READY_DEADLINE_S)
            except CannotStart:
                taken = not self._child.running and "Address already in use" in self._child.tail()
                self._child.stop()
                if not taken or self._has_served or attempt == _PORT_TRIES - 1:
                    raise
                self.port = free_port()
            else:
                self._has_served = True  # from now on others know its port
                return

    def stop(self) -> None:
        """Stop the broker in order: clients are told, wills are not sent twice."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def kill(self) -> None:
        """Kill the broker at once, as ``kill -9`` does; ``start`` starts it again, empty."""
        if self._child is None:
            raise ValueError("the broker doesn't run")
        self._child.kill()

    def restart(self) -> None:
        """Stop the broker in order and start it again, empty, on the same port."""
        self.stop()
        self.start()

    def _configuration(self) -> str:
        return _CONFIGURATION.format(
            host=self.host, port=self.port, folder=self.folder, queued_messages=self._queued_messages
        )

    def _add(self, user: str, password: str) -> None:
        if not _NAME.fullmatch(user):
            raise ValueError(f"not a user name that topics can hold: {user!r}")
        self._users[user] = password

    def _write_users(self) -> None:
        lines = [f"{user}{self._hash(password)}" for user, password in self._users.items()]
        self._write("passwords", "\n".join(lines) + "\n")
        self._write("access", "".join(map(self._access, self._users)) + _EVERY_AGENT)

    def _hash(self, password: str) -> str:
        if password not in self._hashes:
            self._hashes[password] = password_line("", password)
        return self._hashes[password]

    def _access(self, user: str) -> str:
        block = (_INGEST if is_ingest(user) else _AGENT).format(name=user).rstrip("\n")
        return "\n".join([block, *(f"topic {right}" for right in self._rights.get(user, ()))]) + "\n\n"

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        fresh = path.with_name(f"{name}.new")
        fresh.touch(mode=0o600)
        fresh.write_text(text)
        give(fresh, self._account, 0o600)
        fresh.replace(path)

    def _launch(self) -> Child:
        return Child(
            "broker",
            [self._mosquitto.program, "-c", self.folder / "mosquitto.conf"],
            self.log,
            environment={"PATH": "/usr/sbin:/usr/bin", "LC_ALL": "C.UTF-8", **self._mosquitto.environment},
            account=self._account,
            folder=Path("/"),
        )

    def _line(self) -> socket.socket:
        """Return a connection to the broker, on which MQTT can be spoken at once."""
        return socket.create_connection((self.host, self.port), timeout=5)

    def _accepts(self, user: str) -> bool:
        """Return whether the broker knows this user's password: an MQTT 3.1.1 CONNECT of an empty session."""
        name, password = user.encode(), self._users[user].encode()
        body = b"\x00\x04MQTT\x04\xc2\x00\x0a" + b"".join(
            len(text).to_bytes(2, "big") + text for text in (name, name, password)
        )
        try:
            with self._line() as line:
                line.sendall(b"\x10" + _remaining_length(len(body)) + body)
                answer = line.recv(4)
                line.sendall(b"\xe0\x00")
        except OSError:
            return False
        return answer[:1] == b"\x20" and answer[3:4] == b"\x00"


def _remaining_length(size: int) -> bytes:
    encoded = bytearray()
    while True:
        size, digit = divmod(size, 128)
        encoded.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(encoded)
