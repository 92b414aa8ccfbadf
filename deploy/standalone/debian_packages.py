"""Debian packages unpacked into a private folder: apt-get with its own state, and dpkg-deb; the host isn't changed.

The addresses are those of the machine's own apt sources, read at run time, and the machine's own settings for proxies,
certificates and log-ins hold. Works for an ordinary user too.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from standalone.failure import CannotStart

_APT = Path("/etc/apt")
_ARCHIVE_COMPONENTS = {"main", "universe"}
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_TIMEOUT_S = 900


@dataclass(frozen=True)
class Source:
    """One address of an apt source; ``options`` are apt's, in the one-line form (``signed-by=...``)."""

    address: str
    suite: str
    components: tuple[str, ...]
    options: tuple[str, ...] = ()

    def line(self) -> str:
        """Return the one-line form."""
        options = f"[{' '.join(self.options)}] " if self.options else ""
        return f"deb {options}{self.address} {self.suite} {' '.join(self.components)}"


def release() -> dict[str, str]:
    """Return the fields of ``/etc/os-release``; empty where there is none."""
    try:
        text = Path("/etc/os-release").read_text()
    except OSError:
        return {}
    return {name: value.strip('"') for name, _, value in (line.partition("=") for line in text.splitlines()) if value}


def archive_sources(codename: str, apt: Path = _APT) -> list[Source]:
    """Return the machine's sources of its own distribution: suites of ``codename``, in main or universe."""
    found = list(_one_line_sources(apt)) + list(_deb822_sources(apt))
    suites = re.compile(rf"{re.escape(codename)}(-updates|-security|/updates)?/?$")
    return [s for s in found if suites.match(s.suite) and _ARCHIVE_COMPONENTS.intersection(s.components)]


def _files(apt: Path, ending: str) -> list[Path]:
    return sorted((apt / "sources.list.d").glob(f"*{ending}"))


def _one_line_sources(apt: Path) -> Iterator[Source]:
    pattern = re.compile(
        r"^deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<address>\S+)\s+(?P<suite>\S+)\s+(?P<components>[^#]+)"
    )
    for path in [apt / "sources.list", *_files(apt, ".list")]:
        if not path.is_file():
            continue
        for line in path.read_text().splitlines():
            match = pattern.match(line.strip())
            if match:
                options = tuple((match["options"] or "").split())
                yield Source(match["address"], match["suite"], tuple(match["components"].split()), options)


def _deb822_sources(apt: Path) -> Iterator[Source]:
    for path in _files(apt, ".sources"):
        text = "\n".join(line for line in path.read_text().splitlines() if not line.startswith("#"))
        for paragraph in re.split(r"\n\s*\n", text):
            fields = _fields(paragraph)
            if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() == "no":
                continue
            options = _signed_by(fields)
            for address in fields.get("uris", "").split():
                for suite in fields.get("suites", "").split():
                    yield Source(address, suite, tuple(fields.get("components", "").split()), options)


def _fields(paragraph: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in paragraph.splitlines():
        if line[:1].isspace():
            fields[name] = fields.get(name, "") + "\n" + line.strip()
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


def _signed_by(fields: dict[str, str]) -> tuple[str, ...]:
    keys = fields.get("signed-by", "")
    return (f"signed-by={keys}",) if keys.startswith("/") else ()  # a key written out has no one-line form


def of_release(sources: Sequence[Source], codename: str, to: str) -> list[Source]:
    """Return the main archive of another Debian release at the same addresses, trusted by Debian's own keyring."""
    trust = (f"signed-by={_KEYRING}",)
    return list(
        dict.fromkeys(replace(s, suite=to, components=("main",), options=trust) for s in sources if s.suite == codename)
    )


class PrivateApt:
    """apt-get whose lists, cache and configuration are in ``folder``.

    Parameters
    ----------
    folder
        The private folder.
    sources
        The only sources.
    installed
        The dpkg status file that says what is there already; None for nothing (a root of its own).
    """

    def __init__(self, folder: Path, sources: Sequence[Source], installed: Path | None) -> None:
        if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
            raise CannotStart("this machine has no apt-get and dpkg-deb")
        if not sources:
            raise CannotStart("this machine's apt sources name no archive of its own distribution")
        self._folder = folder
        for part in ("state/lists/partial", "cache/archives/partial", "parts", "packages"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / "sources.list").write_text("".join(source.line() + "\n" for source in sources))
        (folder / "no-status").touch()
        (folder / "apt.conf").write_text(_machine_settings() + self._settings(installed or folder / "no-status"))

    def _settings(self, status: Path) -> str:
        folder = self._folder
        settings = {
            "Dir::State": f"{folder}/state/",
            "Dir::State::lists": f"{folder}/state/lists/",
            "Dir::State::status": status,
            "Dir::Cache": f"{folder}/cache/",
            "Dir::Etc::sourcelist": f"{folder}/sources.list",
            "Dir::Etc::sourceparts": f"{folder}/parts/",
            "Dir::Etc::parts": f"{folder}/parts/",  # no hooks of the machine
            "Dir::Etc::main": "/dev/null",
            "APT::Sandbox::User": "root",  # the private folder need not be open to apt's own account
            "APT::Get::Assume-Yes": "true",
            "APT::Install-Recommends": "false",
            "Acquire::Languages": "none",
            "Acquire::Retries": "2",
            "Debug::NoLocking": "true",  # the caller holds a lock
        }
        return "".join(f'{name} "{value}";\n' for name, value in settings.items())

    def update(self) -> None:
        """Read the package lists."""
        self._run("update")

    def needed(self, *names: str) -> list[str]:
        """Return ``name=version`` of these packages and all they need that isn't there."""
        output = self._run("-s", "install", *names)
        return [f"{name}={version}" for name, version in re.findall(r"^Inst (\S+) (?:\[\S+\] )?\((\S+)", output, re.M)]

    def unpack(self, packages: Sequence[str], root: Path) -> None:
        """Download packages and unpack them into ``root``; their install scripts aren't run."""
        place = self._folder / "packages"
        self._run("download", *packages, folder=place)
        for path in sorted(place.glob("*.deb")):
            _checked_run(["dpkg-deb", "-x", path, root], os.environ)
        shutil.rmtree(self._folder)

    def _run(self, *words: str, folder: Path = Path("/")) -> str:
        environment = {**os.environ, "APT_CONFIG": str(self._folder / "apt.conf"), "LC_ALL": "C"}
        return _checked_run(["apt-get", *words], environment, folder)


def _machine_settings() -> str:
    """Return the machine's own settings of downloads: proxies, certificates, log-ins and the like."""
    return _checked_run(["apt-config", "dump", "Acquire"], os.environ)


def _checked_run(
    argv: Sequence[str | Path], environment: os._Environ[str] | dict[str, str], folder: Path = Path("/")
) -> str:
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, check=False, env=environment, cwd=folder, timeout=_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise CannotStart(f"{argv[0]} {argv[1]} took more than {_TIMEOUT_S} s: try again") from error
    if done.returncode != 0:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise CannotStart(f"{argv[0]} {argv[1]} failed: {said}")
    return done.stdout
