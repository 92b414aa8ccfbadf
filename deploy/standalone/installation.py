"""A PostgreSQL installation on this machine, and the one from the system's packages."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

CHROOT = "/usr/sbin/chroot"


class Kind(StrEnum):
    """Where a database server comes from."""

    NAMED = "named"
    """A server that the user named; never started, stopped or configured from here."""
    SYSTEM = "system"
    DEBIAN13 = "debian13"
    WHEEL = "wheel"


class Edition(StrEnum):
    """What of TimescaleDB there is."""

    COMMUNITY = "community"
    APACHE = "apache"
    NONE = "none"


@dataclass(frozen=True)
class Installation:
    """PostgreSQL programs that a private server is started from.

    ``binaries`` is a path inside ``root`` where there is one (the programs then run chrooted into it).
    """

    kind: Kind
    label: str
    edition: Edition
    binaries: Path
    clusters: Path
    """The folder, as seen from this machine, in which this installation's servers keep their data."""
    root: Path | None = None

    def inside(self, path: Path) -> Path:
        """Return a host path as the installation's programs see it."""
        return path if self.root is None else Path("/") / path.relative_to(self.root)


def program_version(argv: Sequence[str | Path]) -> str:
    """Return the version that ``postgres --version`` prints, such as ``17.12``."""
    output = subprocess.run([*argv, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"\d+(\.\d+)*\w*", output)
    if match is None:
        raise ValueError(f"no version in {output!r}")
    return match[0]


def control_version(control: Path) -> str:
    """Return an extension's default version from its control file."""
    match = re.search(r"^default_version\s*=\s*'([^']+)'", control.read_text(), re.MULTILINE)
    if match is None:
        raise ValueError(f"no default_version in {control}")
    return match[1]


def edition_in(share: Path, libraries: Path) -> Edition:
    """Return the edition of TimescaleDB in an installation's share and library folders."""
    if not (share / "extension" / "timescaledb.control").is_file():
        return Edition.NONE
    return Edition.COMMUNITY if any(libraries.glob("timescaledb-tsl-*.so")) else Edition.APACHE


def label(postgres: str, edition: Edition, timescaledb: str | None, place: str) -> str:
    """Return the line that names an installation to a person."""
    if edition is Edition.NONE:
        return f"PostgreSQL {postgres} without TimescaleDB, {place}"
    name = "Apache" if edition is Edition.APACHE else "community"
    return f"PostgreSQL {postgres} + TimescaleDB {timescaledb} ({name} edition), {place}"


def system_installation(data: Path, system: Path = Path("/usr")) -> Installation | None:
    """Return the newest PostgreSQL of the system's packages that has TimescaleDB; None without one.

    Looks where Debian's packages, and those made for Debian, install: ``/usr/lib/postgresql/<major>``.
    """
    for home in sorted((system / "lib/postgresql").glob("[0-9]*"), key=lambda path: -int(path.name)):
        share = system / "share/postgresql" / home.name
        edition = edition_in(share, home / "lib")
        if edition is Edition.NONE or not (home / "bin/postgres").is_file():
            continue
        versions = program_version([home / "bin/postgres"]), control_version(share / "extension/timescaledb.control")
        name = label(versions[0], edition, versions[1], "the system's packages")
        return Installation(Kind.SYSTEM, name, edition, home / "bin", data / "clusters")
    return None
