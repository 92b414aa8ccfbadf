"""A private PostgreSQL server, run by this launcher."""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import psycopg

from standalone.account import give, server_account
from standalone.children import Child
from standalone.failure import CannotStart
from standalone.free_port import LOOPBACK, free_port
from standalone.installation import CHROOT, Edition, Installation
from standalone.sudden_end import kill_with_children

SUPERUSER = "postgres"
_READY_DEADLINE_S = 90.0
_INITIALISE_DEADLINE_S = 180.0
_PORT_TRIES = 5


class DatabaseServer(Protocol):
    """What the platform needs of a database server, private or named."""

    @property
    def label(self) -> str:
        """The line that names the server to a person."""

    @property
    def edition(self) -> Edition:
        """What of TimescaleDB the server has."""

    def dsn(self, database: str) -> str:
        """Return a connection URL; a private server's holds no password but names the file that does."""

    def start(self) -> None:
        """Start the server and wait until it answers; a named one is only tried."""

    def stop(self) -> None:
        """Stop the server if it is a private one."""


class PrivateServer:
    """A PostgreSQL server on a free loopback port, whose whole state is ``folder``.

    ``folder`` must be in ``installation.clusters``. One launcher at a time has a folder; a server that an earlier
    launcher left running in it is stopped first. The port stays the same over ``kill`` and ``restart``.
    """

    def __init__(self, installation: Installation, folder: Path) -> None:
        self.installation = installation
        self.folder = folder
        self.port = free_port()
        self._account = server_account()
        self._cluster = folder / "cluster"
        self._child: Child | None = None
        self._has_served = False
        self._lock: int | None = None

    @property
    def label(self) -> str:
        """The line that names the server to a person."""
        return self.installation.label

    @property
    def edition(self) -> Edition:
        """What of TimescaleDB the server has."""
        return self.installation.edition

    @property
    def password_file(self) -> Path:
        """The file, mode 0600, with the superuser's password alone."""
        return self.folder / "password"

    @property
    def pass_file(self) -> Path:
        """The same password as a libpq password file."""
        return self.folder / "pgpass"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.folder / "server.log"

    @property
    def running(self) -> bool:
        """Whether the server runs."""
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        if self._child is None:
            raise ValueError("the server doesn't run")
        return self._child.pid

    def url(self, database: str) -> str:
        """Return the connection URL with neither password nor password file."""
        return f"postgresql://{SUPERUSER}@{LOOPBACK}:{self.port}/{quote(database)}"

    def dsn(self, database: str) -> str:
        """Return the connection URL that names the password file."""
        return f"{self.url(database)}?passfile={quote(str(self.pass_file))}"

    def start(self) -> None:
        """Make the cluster if there is none, start the server and wait until it answers."""
        if self.running:
            return
        self._take_folder()
        if not (self._cluster / "PG_VERSION").is_file():
            self._initialise()
        self._end_leftover()
        for attempt in range(_PORT_TRIES):
            self._configure()
            self._child = self._launch()
            try:
                self._child.wait_ready(self._answers, _READY_DEADLINE_S)
            except CannotStart:
                taken = not self._child.running and "could not bind" in self._child.tail()
                self._child.stop()
                if not taken or self._has_served or attempt == _PORT_TRIES - 1:
                    raise
                self.port = free_port()
            else:
                self._has_served = True  # from now on others know its port
                return

    def stop(self) -> None:
        """Stop the server, ending its sessions, and give the folder free."""
        if self._child is not None:
            self._child.stop(deadline_s=60)
            self._child = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def kill(self) -> None:
        """Kill every process of the server at once, as a power cut does; ``start`` recovers it.

        Returns when they have ended: as long as one is there, no server starts on its data.
        """
        if self._child is None:
            raise ValueError("the server doesn't run")
        kill_with_children(self._child)

    def restart(self) -> None:
        """Stop the server in order, ending its sessions, and start it again on the same port."""
        if self._child is not None:
            self._child.stop(deadline_s=60)
        self.start()

    def _take_folder(self) -> None:
        if self._lock is not None:
            return
        if not self.folder.is_relative_to(self.installation.clusters):
            raise ValueError(f"{self.folder} isn't in {self.installation.clusters}")
        self.folder.mkdir(parents=True, exist_ok=True)
        for folder in (self.folder, *self.folder.relative_to(self.installation.clusters).parents):
            (self.installation.clusters / folder).chmod(0o755)
        handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise CannotStart(f"another launcher runs the database in {self.folder}: stop it first") from error
        self._lock = handle

    def _initialise(self) -> None:
        password = secrets.token_urlsafe(24)
        for path, text in (
            (self.password_file, password + "\n"),
            (self.pass_file, f"{LOOPBACK}:*:*:{SUPERUSER}:{password}\n"),
        ):
            path.unlink(missing_ok=True)
            path.touch(mode=0o600)
            path.write_text(text)
        subprocess.run(["rm", "-rf", self._cluster], check=True)  # what an interrupted start left
        self._cluster.mkdir()
        give(self._cluster, self._account, 0o700)
        first_password = self.folder / "first-password"
        first_password.touch(mode=0o600)
        first_password.write_text(password + "\n")
        give(first_password, self._account, 0o600)
        inside = self.installation.inside
        options: list[str | Path] = [
            *("--pgdata", inside(self._cluster), "--username", SUPERUSER, "--pwfile", inside(first_password)),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"),
        ]
        try:
            child = Child(
                "initdb",
                self._command("initdb", options),
                self.folder / "initdb.log",
                environment=_ENVIRONMENT,
                account=None if self.installation.root else self._account,
                folder=Path("/"),
            )
            if child.wait(_INITIALISE_DEADLINE_S) != 0:
                raise child.failed("failed")
        except subprocess.TimeoutExpired as error:
            child.kill()
            raise child.failed(f"took more than {_INITIALISE_DEADLINE_S:g} s") from error
        finally:
            first_password.unlink()

    def _command(self, program: str, options: list[str | Path]) -> list[str | Path]:
        argv = [self.installation.binaries / program, *options]
        if self.installation.root is None:
            return argv
        if self._account is None:
            raise CannotStart("a private root needs root: choose --database wheel")
        who = f"--userspec={self._account.user}:{self._account.group}"
        return [CHROOT, who, "--groups=", self.installation.root, *argv]

    def _configure(self) -> None:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": self.port,
            "unix_socket_directories": "",
            "password_encryption": "scram-sha-256",
            "max_connections": 100,
            "shared_buffers": "128MB",
            "max_wal_size": "1GB",
            "fsync": "on",
            "synchronous_commit": "on",
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if self.installation.root is not None:
            settings["dynamic_shared_memory_type"] = "mmap"  # the root has no /dev/shm
        if self.installation.edition is not Edition.NONE:
            settings |= {
                "shared_preload_libraries": "timescaledb",
                "timescaledb.telemetry_level": "off",
                "timescaledb.max_background_workers": 8,
                "max_worker_processes": 20,
                "max_locks_per_transaction": 128,
            }
        path = self._cluster / "postgresql.conf"
        path.write_text("".join(f"{name} = '{value}'\n" for name, value in settings.items()))
        give(path, self._account, 0o600)

    def _launch(self) -> Child:
        return Child(
            "database",
            self._command("postgres", ["-D", self.installation.inside(self._cluster)]),
            self.log,
            environment=_ENVIRONMENT,
            account=None if self.installation.root else self._account,
            folder=Path("/"),
            stop_signal=signal.SIGINT,  # PostgreSQL's fast shutdown
        )

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.dsn(SUPERUSER), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _end_leftover(self) -> None:
        """Stop a server that runs on this very cluster after its launcher was killed."""
        try:
            pid = int((self._cluster / "postmaster.pid").read_text().split("\n", 1)[0])
            if Path(f"/proc/{pid}/cwd").readlink() != self._cluster:
                return
        except (OSError, ValueError):
            return
        end = time.monotonic() + 60
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
            while Path(f"/proc/{pid}").exists():
                if time.monotonic() > end:
                    raise CannotStart(f"the server of an earlier run, process {pid}, doesn't end: kill -9 {pid}")
                time.sleep(0.05)


_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC"}
