"""Making the environment of a release out of its own wheels, and having it look whether it could run here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from edge.onboarding.wording import Words, plain
from edge.update.manifest import Manifest
from edge.update.problems import ReleaseDelayed

MakeEnvironment = Callable[[Path], None]
"""Makes a virtual environment with pip at a path; raises ``ReleaseDelayed`` where it cannot."""

_RESERVE_BYTES = 64 * 1024 * 1024
_UNPACKED = 6
"""An environment takes at most so many times the bytes of its wheels, compiled modules included."""
_MAKE_S, _INSTALL_S, _REHEARSE_S = 600.0, 1800.0, 120.0
_SAID_CHARACTERS = 300
_READABLE = 0o022
"""The agent runs as another user than the one who installs."""


def make_environment(folder: Path) -> None:
    """Make a virtual environment that sees nothing of any other."""
    fix = Words("install the interpreter's venv (apt install python3-venv)", "请安装 venv（apt install python3-venv）")
    _run([sys.executable, "-I", "-m", "venv", str(folder)], _MAKE_S, folder.parent, fix)


def install(manifest: Manifest, wheels: Path, environment: Path, make: MakeEnvironment) -> None:
    """Install a release anew into its own environment; returns when the disk has it.

    Parameters
    ----------
    wheels
        The folder of its wheels; scratch files go there as well.

    Raises
    ------
    ReleaseDelayed
        It cannot be installed: no room, or no wheel that fits this device.
    """
    _check_room(manifest, wheels)
    shutil.rmtree(environment, ignore_errors=True)
    environment.parent.mkdir(mode=0o755, exist_ok=True)
    make(environment)
    requirements = wheels / "requirements.txt"
    requirements.write_text(manifest.requirements(), encoding="ascii")
    pip = [str(environment / "bin" / "python"), "-I", "-m", "pip", "--isolated", "--disable-pip-version-check"]
    how = ["install", "--no-input", "--no-cache-dir", "--no-index", "--only-binary", ":all:", "--require-hashes"]
    fix = Words(
        "make the release with wheels of every dependency for this kind of device and its Python",
        "制作版本时请包含适合本设备及其 Python 的全部依赖包",
    )
    _run([*pip, *how, "--find-links", str(wheels), "--requirement", str(requirements)], _INSTALL_S, wheels, fix)
    os.sync()  # all of it, before a link leads to it


class Rehearsal(NamedTuple):
    """What a release says of itself when it is asked whether it could run here."""

    version: str
    spool_schema: int
    """Schema that it writes spools in."""


def rehearse(program: Path, config: Path, spool: Path) -> Rehearsal:
    """Have a release read the configuration and the spool as the agent's user, without running it as the agent.

    Raises
    ------
    ReleaseDelayed
        It cannot use them, with what it says.
    """
    fix = Words(
        "bring the configuration to what this release reads, or announce another one",
        "请使配置符合该版本的要求，或发布其他版本",
    )
    said = _run(
        [str(program), "update", str(config.absolute()), "--rehearse"],
        _REHEARSE_S,
        Path("/"),
        fix,
        owner_of(spool.parent),
    )
    try:
        document = json.loads(said.splitlines()[-1])
        return Rehearsal(str(document["version"]), int(document["spool_schema"]))
    except (ValueError, LookupError, TypeError):
        problem = Words("the release does not say whether it can run here", "该版本没有说明能否在此运行")
        raise ReleaseDelayed(problem, fix) from None


def owner_of(folder: Path) -> tuple[int, int] | None:
    """Return user and group of a folder's owner where root acts for it, None where this process is that user."""
    state = folder.stat()
    return (state.st_uid, state.st_gid) if os.geteuid() == 0 and state.st_uid != 0 else None


def _check_room(manifest: Manifest, folder: Path) -> None:
    wanted = _UNPACKED * sum(file.bytes for file in manifest.files) + _RESERVE_BYTES
    if shutil.disk_usage(folder).free < wanted:
        problem = Words("{wanted} MiB must be free in {folder}", "{folder} 需要 {wanted} MiB 可用空间")
        fix = Words("free space on that disk", "请清理该磁盘")
        raise ReleaseDelayed(problem.format(wanted=-(-wanted // 2**20), folder=folder), fix)


def _run(
    command: Sequence[str], timeout_s: float, scratch: Path, fix: Words, owner: tuple[int, int] | None = None
) -> str:
    """Run a program to its end; return what it prints, raise ``ReleaseDelayed`` with the last of its complaints."""
    user, group = owner or (None, None)
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter's own tools, and a program whose signature was checked
            command,
            env={"PATH": os.defpath, "LANG": "C.UTF-8", "TMPDIR": str(scratch)},
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            umask=_READABLE,
            user=user,
            group=group,
            extra_groups=None if group is None else [group],
            check=False,
        )
        if done.returncode == 0:
            return done.stdout
        said = " ".join((done.stderr or done.stdout).split())[-_SAID_CHARACTERS:]
    except (OSError, subprocess.TimeoutExpired) as error:
        said = str(error)[:_SAID_CHARACTERS]
    problem = Words("{program} failed: {said}", "{program} 失败：{said}")
    raise ReleaseDelayed(problem.format(program=Path(command[0]).name, said=plain(said)), fix)
