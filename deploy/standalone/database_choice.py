"""Which database: the one named, else the best that this machine has or can have without being changed."""

from __future__ import annotations

import os
from pathlib import Path

from standalone.debian_root import debian13_installation
from standalone.failure import CannotStart
from standalone.installation import Installation, Kind, system_installation
from standalone.named_server import NamedServer
from standalone.postgres import PrivateServer
from standalone.postgres_wheel import wheel_installation

URL_VARIABLE = "SMARTSTORE_DATABASE_URL"
KIND_VARIABLE = "SMARTSTORE_DATABASE"
CHOICES = ("auto", Kind.SYSTEM.value, Kind.DEBIAN13.value, Kind.WHEEL.value)

_INSTALL_TIMESCALEDB = (
    "no TimescaleDB among the system's packages; on Debian 13: apt-get install postgresql-17-timescaledb"
)


def choose_installation(data: Path, kind: str | None = None) -> Installation:
    """Return the installation to start a private server from, prepared if need be, each step printed.

    Parameters
    ----------
    data
        The data folder.
    kind
        One of ``CHOICES``; None takes ``SMARTSTORE_DATABASE``, else ``auto``: the system's TimescaleDB, then a private
        Debian 13 root, then the wheel.

    Raises
    ------
    CannotStart
        When the kind asked for can't be had.
    """
    wanted = kind or os.environ.get(KIND_VARIABLE) or "auto"
    if wanted not in CHOICES:
        raise CannotStart(f"{KIND_VARIABLE} or --database is {wanted!r}: one of {', '.join(CHOICES)}")
    if wanted in {"auto", Kind.SYSTEM}:
        found = system_installation(data)
        if found is not None:
            return found
        if wanted == Kind.SYSTEM:
            raise CannotStart(_INSTALL_TIMESCALEDB)
    if wanted in {"auto", Kind.DEBIAN13}:
        try:
            return debian13_installation(data)
        except CannotStart as error:
            if wanted == Kind.DEBIAN13:
                raise
            print(f"database: no private Debian 13 root: {error}", flush=True)
    return wheel_installation(data)


def choose_server(
    data: Path, name: str, *, url: str | None = None, kind: str | None = None
) -> PrivateServer | NamedServer:
    """Return the database server to use, not started; ``name`` tells a private one's data from another's.

    A ``url``, or ``SMARTSTORE_DATABASE_URL``, names a server to use; otherwise it is a private one.
    """
    named = url or os.environ.get(URL_VARIABLE)
    if named and kind is None:
        return NamedServer(named)
    installation = choose_installation(data, kind)
    return PrivateServer(installation, installation.clusters / name)
