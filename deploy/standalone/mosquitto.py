"""The Mosquitto program: the system's, else its Debian package unpacked into the data folder."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from standalone.data_folder import locked
from standalone.debian_packages import PrivateApt, archive_sources, release
from standalone.failure import CannotStart

_INSTALL = "install it by hand: apt-get install mosquitto"
_SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin"


@dataclass(frozen=True)
class Mosquitto:
    """The program, the environment that it needs, and the line that names it to a person."""

    program: Path
    label: str
    environment: Mapping[str, str] = field(default_factory=dict)


def find_mosquitto(data: Path) -> Mosquitto:
    """Return the system's Mosquitto, else the one unpacked in the data folder, unpacked now if need be.

    Raises
    ------
    CannotStart
        Neither can be had; the message names the command that installs it.
    """
    system = shutil.which("mosquitto", path=_SYSTEM_PATH)
    if system is not None:
        return _described(Path(system), {}, "the system's")
    place = data / "mosquitto"
    with locked(data, "mosquitto"):
        if not (place / "usr/sbin/mosquitto").is_file():
            _unpack(place)
    libraries = [str(path) for path in (place / "usr/lib").glob("*-linux-*") if path.is_dir()]
    environment = {"LD_LIBRARY_PATH": ":".join([*libraries, str(place / "usr/lib")])}
    return _described(place / "usr/sbin/mosquitto", environment, "its Debian package unpacked in the data folder")


def _described(program: Path, environment: Mapping[str, str], place: str) -> Mosquitto:
    done = subprocess.run([program, "-h"], env=dict(environment), capture_output=True, text=True, check=False)
    match = re.search(r"mosquitto version (\S+)", done.stdout)
    if match is None:
        raise CannotStart(f"{program} doesn't run ({done.stderr.strip()}): {_INSTALL}")
    return Mosquitto(program, f"Mosquitto {match[1]}, {place}", environment)


def _unpack(place: Path) -> None:
    print("broker: Mosquitto isn't installed; unpacking its package into the data folder", flush=True)
    fresh = place.with_name("mosquitto.new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        sources = archive_sources(release().get("VERSION_CODENAME", ""))
        apt = PrivateApt(place.with_name("mosquitto.apt"), sources, Path("/var/lib/dpkg/status"))
        apt.update()
        fresh.mkdir()
        apt.unpack(apt.needed("mosquitto"), fresh)
    except CannotStart as error:
        raise CannotStart(f"Mosquitto can't be had: {error}; {_INSTALL}") from error
    fresh.chmod(0o755)
    fresh.rename(place)
