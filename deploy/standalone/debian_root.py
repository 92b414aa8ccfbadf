"""PostgreSQL 17 with TimescaleDB's Apache edition in a private Debian 13 root: for the demo and the tests.

Debian 12's own archive has no TimescaleDB, Debian 13's has. Its packages are unpacked into the data folder and run
chrooted, since they need a newer C library than the host's. Nothing of the host is changed.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

from standalone.account import Account, server_account
from standalone.data_folder import locked
from standalone.debian_packages import PrivateApt, archive_sources, of_release, release
from standalone.failure import CannotStart
from standalone.installation import CHROOT, Installation, Kind, control_version, edition_in, label, program_version

_HOST_VERSION = "12"
_CODENAME = "trixie"
_BINARIES = Path("/usr/lib/postgresql/17/bin")
_SHARE = "usr/share/postgresql/17"
# A shell for initdb, time zones, the folder layout: what a package may take for granted on a whole system.
_PACKAGES = ("base-files", "dash", "postgresql-17-timescaledb", "tzdata")
# Needed by name, not by the two programs run here: the just-in-time compiler (switched off), Perl and the cluster tools
# written in it, and what makes or manages a whole system.
_LEFT_OUT = re.compile(
    r"(libllvm|libz3|perl|libperl|postgresql-client|postgresql-common|adduser|passwd|login|ssl-cert|sysvinit)"
)

_MERGED = ("bin", "sbin", "lib", "lib64")


def debian13_installation(data: Path) -> Installation:
    """Return the installation in the private root, unpacked now if it isn't there.

    Raises
    ------
    CannotStart
        Not root, not on Debian 12, the packages can't be had, or the machine lets no device file be used there.
    """
    account = server_account()
    if account is None:
        raise CannotStart("it takes root")
    place = data / "debian13"
    with locked(data, "debian13"):
        if not (place / "root").is_dir():
            _unpack(place)
        root = place / "root"
        _make_account(root, account)
        _make_devices(root)
    return _described(root)


def _described(root: Path) -> Installation:
    edition = edition_in(root / _SHARE, root / _BINARIES.relative_to("/").parent / "lib")
    versions = (
        program_version([CHROOT, root, _BINARIES / "postgres"]),
        control_version(root / _SHARE / "extension/timescaledb.control"),
    )
    name = label(versions[0], edition, versions[1], "a private Debian 13 root (for demo and tests only)")
    return Installation(Kind.DEBIAN13, name, edition, _BINARIES, root / "clusters", root)


def _unpack(place: Path) -> None:
    host = release()
    if (host.get("ID"), host.get("VERSION_ID")) != ("debian", _HOST_VERSION):
        raise CannotStart("it takes Debian 12")
    print("database: unpacking PostgreSQL 17 with TimescaleDB into a private Debian 13 root (about 70 MB)", flush=True)
    shutil.rmtree(place, ignore_errors=True)
    fresh = place / "root.new"
    fresh.mkdir(parents=True)
    sources = of_release(archive_sources(host["VERSION_CODENAME"]), host["VERSION_CODENAME"], _CODENAME)
    apt = PrivateApt(place / "apt", sources, installed=None)
    apt.update()
    for name in _MERGED:
        (fresh / "usr" / name).mkdir(parents=True)
        (fresh / name).symlink_to(f"usr/{name}")
    apt.unpack([package for package in apt.needed(*_PACKAGES) if not _LEFT_OUT.match(package)], fresh)
    (fresh / "tmp").mkdir(exist_ok=True)
    (fresh / "tmp").chmod(0o1777)
    for folder in (place, fresh, *(fresh / "usr" / name for name in _MERGED), fresh / "usr"):
        folder.chmod(0o755)
    subprocess.run([CHROOT, fresh, _BINARIES / "initdb", "--version"], check=True, stdout=subprocess.DEVNULL)
    fresh.rename(place / "root")


def _make_account(root: Path, account: Account) -> None:
    """Name the account inside the root: PostgreSQL looks itself up."""
    line = f"{account.name}:x:{account.user}:{account.group}::/:/bin/sh\n"
    for name, text in (
        ("passwd", "root:x:0:0::/:/bin/sh\n" + line),
        ("group", f"root:x:0:\n{account.name}:x:{account.group}:\n"),
    ):
        path = root / "etc" / name
        path.write_text(text)
        path.chmod(0o644)


def _make_devices(root: Path) -> None:
    (root / "dev").mkdir(exist_ok=True)
    (root / "dev").chmod(0o755)
    for name, minor in (("null", 3), ("zero", 5), ("urandom", 9)):
        path = root / "dev" / name
        try:
            if not path.exists():
                os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, minor))
                path.chmod(0o666)
            path.open("rb").close()
        except OSError as error:
            raise CannotStart(f"no device file can be used in {root} ({error.strerror})") from error
