"""The Python environment in the data folder: made from the hashed requirements, made again when they change.

Runs before anything is installed, so it imports the standard library alone.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from standalone.data_folder import CLONE, data_folder, locked
from standalone.debian_packages import PrivateApt, archive_sources, release
from standalone.failure import CannotStart

_REQUIREMENTS = CLONE / "requirements.txt"
_PROJECT = CLONE / "pyproject.toml"
_INSTALL_VENV = "install it by hand: apt-get install python3-venv"


def run_in_environment() -> None:
    """Return at once inside the environment; outside, make what is missing of it and start this command again in it.

    A failure ends the process with a message that says what to do.
    """
    # What lies on the caller's own path is none of this environment's: pip would take it for installed here.
    os.environ.pop("PYTHONPATH", None)
    try:
        data = data_folder()
        place = data / "environment"
        if Path(sys.prefix).resolve() == place.resolve():
            return
        with locked(data, "environment"):
            _make(data, place)
    except CannotStart as error:
        sys.exit(f"environment: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    python = place / "bin/python"
    os.environ["PATH"] = f"{place / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    # Bytecode lies in the data folder, where it may be written: without it each process compiles every module anew.
    os.environ["PYTHONPYCACHEPREFIX"] = str(data / "bytecode")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.stdout.flush()
    os.execv(python, [str(python), *sys.argv])  # noqa: S606 - this very command


def _make(data: Path, place: Path) -> None:
    stamp = place / "made-from"
    wanted = _fingerprint()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    begun = time.monotonic()
    shutil.rmtree(place, ignore_errors=True)
    if not _make_with_uv(place):
        print("environment: installing with pip (takes half a minute or more)", flush=True)
        _install(_pip(data, place))
    stamp.write_text(wanted)
    print(f"environment: ready in {time.monotonic() - begun:.0f} s, {place}", flush=True)


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for part in (_REQUIREMENTS.read_bytes(), _PROJECT.read_bytes(), str(CLONE).encode(), sys.version.encode()):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def _make_with_uv(place: Path) -> bool:
    uv = shutil.which("uv")
    if uv is None:
        return False
    print("environment: installing with uv", flush=True)
    python = place / "bin/python"
    try:
        _run([uv, "venv", "--quiet", "--no-config", "--no-project", "--python", sys.executable, place])
        _install([uv, "pip", "install", "--quiet", "--python", python])
    except CannotStart as error:
        print(f"environment: {error}\nenvironment: trying pip, which reads its own mirror settings", flush=True)
        shutil.rmtree(place, ignore_errors=True)
        return False
    return True


def _pip(data: Path, place: Path) -> list[str | Path]:
    """Make the bare environment and return the command that installs into it."""
    if importlib.util.find_spec("venv") is None:
        raise CannotStart(f"this Python has no venv: {_INSTALL_VENV}")
    options: list[str | Path] = ["--quiet", "--no-input", "--disable-pip-version-check"]
    if importlib.util.find_spec("ensurepip") is not None:
        _run([sys.executable, "-m", "venv", place])
        return [place / "bin/python", "-m", "pip", "install", *options]
    _run([sys.executable, "-m", "venv", "--without-pip", place])
    return [place / "bin/python", _pip_of_debian(data) / "pip", "install", *options]


def _pip_of_debian(data: Path) -> Path:
    """Return the pip wheel of Debian's package, unpacked in the data folder: Debian's Python comes without its own."""
    root = data / "pip"
    if not root.is_dir():
        print("environment: python3-venv isn't installed; unpacking pip's package into the data folder", flush=True)
        fresh = root.with_name("pip.new")
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            apt = PrivateApt(data / "pip.apt", archive_sources(release().get("VERSION_CODENAME", "")), installed=None)
            apt.update()
            fresh.mkdir()
            apt.unpack([name for name in apt.needed("python3-pip-whl") if name.startswith("python3-pip-whl=")], fresh)
        except CannotStart as error:
            raise CannotStart(f"python3-venv is missing, pip can't be had: {error}; {_INSTALL_VENV}") from error
        fresh.rename(root)
    found = next(root.glob("usr/share/python-wheels/pip-*.whl"), None)
    if found is None:
        raise CannotStart(f"python3-venv is missing, and Debian's package of pip holds no wheel: {_INSTALL_VENV}")
    return found


def _install(install: Sequence[str | Path]) -> None:
    """Install the pinned requirements, each checked against its hash, then this project as it stands in the clone."""
    _run([*install, "--require-hashes", "--requirement", _REQUIREMENTS])
    _run([*install, "--no-deps", "--no-build-isolation", "--editable", CLONE])


def _run(argv: Sequence[str | Path]) -> None:
    done = subprocess.run(argv, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=CLONE)
    if done.returncode != 0:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-12:])
        raise CannotStart(f"{' '.join(str(word) for word in argv[:4])} failed:\n{said}")
