"""A device with an installed agent, its service manager's stand-in, and the command that updates it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from standalone.data_folder import CLONE
from update_tools.present_run import present_run, starts_of
from update_tools.signing import Keys, sha256_of
from update_tools.wheels import make_linked_environment

from edge.remote.held import Held, HeldFile
from edge.run_state import RunState
from edge.spool.status import SpoolStatus, read_status
from edge.update.announcement import Announcement
from edge.update.archive import canonical, pack
from edge.update.journal import Journal, JournalFile
from edge.update.layout import Layout
from edge.update.manifest import Manifest, file_of
from edge.wire.configuration import Configuration

TOOLS = Path(__file__).parent
PATHS = os.pathsep.join(str(folder) for folder in (TOOLS.parent, CLONE / "deploy"))
DEADLINE_S = 90.0


def make_release(keys: Keys, wheel: Path, archive: Path) -> Announcement:
    """Write a signed archive of a wheel; return what announces it."""
    version = wheel.name.split("-")[1]
    contents = {wheel.name: wheel.read_bytes()}
    manifest = Manifest(version=version, files=tuple(file_of(*item) for item in contents.items()))
    pack(manifest, keys.sign(canonical(manifest)), contents, archive)
    return Announcement(version=version, url=str(archive), sha256=sha256_of(archive))


def release_table(announced: Announcement) -> str:
    """Return the table that the platform sends."""
    return f'[release]\nversion = "{announced.version}"\nurl = "{announced.url}"\nsha256 = "{announced.sha256}"\n'


class Device:
    """Everything lies in one folder; ``tables`` is TOML of broker, sources and the like."""

    def __init__(self, folder: Path, dependencies: Path, keys: Keys, tables: str) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.dependencies = dependencies
        self.root = folder / "opt"
        self.spool = folder / "state" / "spool.db"
        self.config = folder / "agent.toml"
        self.layout = Layout(self.root)
        self._service: subprocess.Popen[bytes] | None = None
        self.spool.parent.mkdir(exist_ok=True)
        (self.root / "versions").mkdir(parents=True, exist_ok=True)
        (folder / "starts").touch()
        self.config.write_text(
            f'{tables}\n[update]\nroot = "{self.root}"\nrelease_key = "{keys.public}"\nhealthy_after_s = 10\n'
            f'restart_command = ["touch", "{folder / "restart"}"]\n'
        )

    def install_first(self, wheel: Path) -> None:
        """Install a version as a person does who follows the handbook, where this has not been done here before."""
        version = wheel.name.split("-")[1]
        environment = self.layout.environment(version)
        if not environment.exists():
            make_linked_environment(environment, self.dependencies)
            pip = [str(environment / "bin" / "python"), "-I", "-m", "pip", "--isolated", "install", "--quiet"]
            subprocess.run([*pip, "--disable-pip-version-check", "--no-index", str(wheel)], check=True)
        self.layout.make_proven(version)
        self.layout.make_current(version)

    def forget(self, version: str) -> None:
        """Remove everything but what is installed of a version: another device can be set up in the same place."""
        kept = self.layout.environment(version)
        for folder in (self.folder, self.root, kept.parent):
            for path in folder.iterdir():
                if path.is_dir() and not path.is_symlink():
                    if not kept.is_relative_to(path):
                        shutil.rmtree(path)
                else:
                    path.unlink()

    def start(self) -> None:
        """Have the service manager start the agent, and wait until it runs."""
        command = [str(self.root / "current" / "bin" / "smartstore-edge"), "run", str(self.config)]
        stand_in = [sys.executable, str(TOOLS / "service_stand_in.py"), str(self.folder), *command]
        self._service = subprocess.Popen(stand_in)
        self.until(lambda: self.state() is not None)

    def stop(self) -> None:
        """End the service; the agent has said goodbye when this returns."""
        if self._service is not None:
            self._service.send_signal(signal.SIGTERM)
            assert self._service.wait(60) == 0
            self._service = None

    def update(self, *flags: str, point: str = "-") -> subprocess.CompletedProcess[str]:
        """Run the command of the version that is proven; ``point``: where it kills itself."""
        python = self.root / "proven" / "bin" / "python"
        child = [str(python), str(TOOLS / "updating_child.py"), point, str(self.dependencies), str(self.folder)]
        environment = os.environ | {"PYTHONPATH": PATHS}
        return subprocess.run(
            [*child, str(self.config), *flags], env=environment, capture_output=True, text=True, check=False, cwd="/"
        )

    def announce(self, announced: Announcement) -> None:
        """Have the agent, at its next start, hold a configuration of the platform that announces a release."""
        good = Configuration(number=1, issued_us=5, toml=release_table(announced))
        HeldFile(self.spool).write(Held(good=good))

    def state(self) -> RunState | None:
        """Return what the service's present process says of itself, None where it has not yet."""
        return present_run(self.folder, self.spool)

    @property
    def starts(self) -> int:
        """How often the service was started."""
        return len(starts_of(self.folder))

    def status(self) -> SpoolStatus:
        return read_status(self.spool)

    def runs(self, version: str) -> bool:
        """Tell whether the service's present process is of a version, and no restart of it is under way."""
        state = self.state()
        return state is not None and state.version == version

    @property
    def journal(self) -> Journal:
        return JournalFile(self.root).read()

    @property
    def links(self) -> tuple[str, str]:
        return self.layout.current, self.layout.proven

    def log(self) -> str:
        return (self.folder / "agent.log").read_text()

    def until(self, holds: object) -> None:
        assert callable(holds)
        end_s = time.monotonic() + DEADLINE_S
        while not holds():
            assert time.monotonic() < end_s, f"it never came to be\n{self.log()[-3000:]}"
            time.sleep(0.05)
