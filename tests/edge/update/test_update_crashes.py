"""Updates killed on either side of every step: an agent can be started at any moment, and the next run ends it all."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from update_tools.device import Device, make_release
from update_tools.signing import Keys
from update_tools.wheels import SOURCES_FAIL, build_wheel, link_dependencies

from edge.update.announcement import Announcement
from edge.update.health import baseline_of
from edge.update.journal import Attempt, Journal, JournalFile, Step
from edge.wire.release import ReleaseState

OLD, NEW = "0.2.0", "0.3.0"
TABLES = f"""
[agent]
id = "shop-1"
[broker]
host = "127.0.0.1"
port = 1
[spool]
path = "state/spool.db"
[[source]]
kind = "simulated_store"
name = "doors"
store = "sim-store-a"
days = [{", ".join(f"2026-05-{day:02}" for day in range(1, 29))}]
speed = 3000
"""

WRITE, POINT, LINK = (
    "edge.update.journal:JournalFile.write",
    "edge.update.layout:Layout._point",
    "pathlib:Path.symlink_to",
)
RESTART, REMOVE = "edge.update.updating:Updater._restart", "edge.update.layout:Layout.remove_others"
WATCH = "edge.update.updating:Health"

pytestmark = pytest.mark.fault


class Bench:
    """A device on which a release is installed and about to be tried, again and again."""

    def __init__(self, device: Device, announced: Announcement) -> None:
        self.device = device
        self.announced = announced
        self.spool = ""
        self._backup = device.folder / "backup"

    def install(self) -> None:
        """Install the release once, up to the moment before it would be tried."""
        done = self.device.update(point=f"{WRITE}:before:1")
        assert done.returncode == -signal.SIGKILL, done.stderr
        _copied(self.device.layout.environment(NEW), self._backup)
        self.spool = self.device.status().spool

    def set_up(self) -> None:
        """Have the old version run, and the journal say that the new one is to be tried."""
        device = self.device
        if not device.layout.environment(NEW).exists():
            _copied(self._backup, device.layout.environment(NEW))
        device.layout.make_proven(OLD)
        device.layout.make_current(OLD)
        if not device.runs(OLD):
            (device.folder / "restart").touch()
        device.until(lambda: device.runs(OLD))
        state = device.state()
        assert state is not None
        baseline = baseline_of(state, [], state.written_us).model_copy(update={"sources": ("doors",)})
        attempt = Attempt(release=self.announced, before=OLD, step=Step.TRY, baseline=baseline)
        JournalFile(device.root).write(Journal().trying(attempt))

    def killed(self, point: str) -> None:
        """Run the command until it kills itself; an agent can be started then, and the command as well."""
        done = self.device.update(point=point)
        assert done.returncode == -signal.SIGKILL, done.stderr
        for link in ("current", "proven"):
            assert os.access(self.device.root / link / "bin" / "smartstore-edge", os.X_OK)


def _copied(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True, copy_function=os.link)


@pytest.fixture(scope="module")
def bench_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Bench]]:
    """Yield what makes a bench with a whole or a broken release; each once."""
    folder = tmp_path_factory.mktemp("crashes")
    dependencies, keys = link_dependencies(folder / "dependencies"), Keys(folder)
    old = build_wheel(folder / "old", OLD)
    benches: dict[str, Bench] = {}

    def make(kind: str) -> Bench:
        if kind not in benches:
            wheel = build_wheel(folder / kind, NEW, SOURCES_FAIL if kind == "broken" else None)
            device = Device(folder / f"device-{kind}", dependencies, keys, TABLES)
            device.install_first(old)
            announced = make_release(keys, wheel, folder / f"{kind}.zip")
            device.announce(announced)
            device.start()
            benches[kind] = Bench(device, announced)
            benches[kind].install()
        return benches[kind]

    yield make
    for bench in benches.values():
        bench.device.stop()


def both(point: str, *numbers: int) -> list[str]:
    return [f"{point}:{side}:{number}" for number in numbers for side in ("before", "after")]


@pytest.mark.parametrize(
    "point",
    [
        *both(WRITE, 1, 2, 3),  # tried, healthy, done
        *both(POINT, 1, 2),  # current, proven
        f"{LINK}:after:1",
        f"{LINK}:after:2",
        *both(RESTART, 1),
        f"{WATCH}:after:1",
        *both(REMOVE, 1),
    ],
)
def test_a_whole_release_is_run_in_the_end(bench_of: Callable[[str], Bench], point: str) -> None:
    bench = bench_of("whole")
    bench.set_up()
    bench.killed(point)
    device = bench.device
    done = device.update()
    assert done.returncode == 0, done.stderr
    assert device.links == (NEW, NEW)
    device.until(lambda: device.runs(NEW))
    journal = device.journal
    assert journal.attempt is None
    assert journal.report is not None
    assert (journal.report.version, journal.report.state) == (NEW, ReleaseState.APPLIED)
    assert (journal.previous, journal.applied) == (OLD, bench.announced)
    assert device.status().spool == bench.spool


@pytest.mark.parametrize("point", [*both(WRITE, 2, 3), *both(POINT, 2, 3), *both(RESTART, 2), *both(REMOVE, 1)])
def test_a_broken_release_is_gone_in_the_end(bench_of: Callable[[str], Bench], point: str) -> None:
    bench = bench_of("broken")
    bench.set_up()
    bench.killed(point)
    device = bench.device
    device.update()
    assert device.links == (OLD, OLD)
    device.until(lambda: device.runs(OLD))
    journal = device.journal
    assert journal.attempt is None
    assert journal.rejects(bench.announced, OLD)
    assert journal.report is not None
    assert journal.report.state is ReleaseState.ROLLED_BACK
    assert device.status().spool == bench.spool
    assert not device.layout.environment(NEW).exists()
    assert "not tried again" in device.update().stdout


def test_a_release_under_which_everything_ends_again_and_again_is_rolled_back(
    bench_of: Callable[[str], Bench],
) -> None:
    bench = bench_of("whole")
    bench.set_up()
    for _ in range(3):
        bench.killed(f"{WATCH}:before:1")
    done = bench.device.update()
    assert done.returncode == 1
    assert "device or update ended again and again while it ran" in done.stderr
    assert bench.device.links == (OLD, OLD)
    bench.device.until(lambda: bench.device.runs(OLD))


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"attempt": 5}', b"\xff"])
def test_without_its_journal_a_release_on_trial_is_taken_back(
    bench_of: Callable[[str], Bench], content: bytes | None
) -> None:
    bench = bench_of("whole")
    bench.set_up()
    bench.killed(f"{WATCH}:before:1")
    device = bench.device
    assert device.links == (NEW, OLD)
    journal = device.root / "update.json"
    journal.unlink() if content is None else journal.write_bytes(content)
    done = device.update()
    assert f"{NEW} was never proved: {OLD} runs again" in done.stderr
    assert device.links == (OLD, OLD)
    device.until(lambda: device.runs(OLD))


def test_before_the_trial_a_kill_leaves_nothing_to_go_on_with(bench_of: Callable[[str], Bench]) -> None:
    bench = bench_of("whole")
    bench.set_up()
    device = bench.device
    JournalFile(device.root).write(Journal())
    shutil.rmtree(device.layout.incoming, ignore_errors=True)
    started = device.starts
    for point in (
        "edge.update.fetching:_copied:before:1",
        "edge.update.preparing:fetch:after:1",
        "edge.update.preparing:unpack:after:1",
        "edge.update.installing:_run:before:1",
        "edge.update.installing:_run:after:1",
        "edge.update.preparing:rehearse:after:1",
        f"{WRITE}:before:1",
    ):
        bench.killed(point)
        assert device.links == (OLD, OLD)
        assert device.journal == Journal()
    assert device.starts == started, "the agent was left alone"
    done = device.update()
    assert done.returncode == 0, done.stderr
    assert device.links == (NEW, NEW)


def test_a_person_goes_back_by_hand(bench_of: Callable[[str], Bench]) -> None:
    bench = bench_of("whole")
    bench.set_up()
    device = bench.device
    assert device.update().returncode == 0
    assert device.links == (NEW, NEW)
    for point in (*both(WRITE, 1), *both(POINT, 1)):  # decided, and half done: a run without the flag ends it
        done = device.update("--revert", point=point)
        assert done.returncode == -signal.SIGKILL
    done = device.update("--revert")
    assert f"version {NEW} was rolled back to {OLD}: taken back by hand" in done.stdout + done.stderr
    assert device.links == (OLD, OLD)
    device.until(lambda: device.runs(OLD))
    assert "not tried again" in device.update().stdout
    assert device.update("--revert").stderr.endswith("there is no version to go back to\n")
