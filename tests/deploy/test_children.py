"""Child processes: readiness, failure with the tail of the log, order of stopping, none without its launcher."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from standalone.children import Children, ends_on_signals
from standalone.data_folder import CLONE
from standalone.failure import CannotStart

DEADLINE_S = 20
PYTHON = [sys.executable, "-u", "-c"]
WAITS = "import signal; signal.pause()"


def wait_for(path: Path) -> str:
    end = time.monotonic() + DEADLINE_S
    while not (path.exists() and path.read_text().endswith("\n")):
        assert time.monotonic() < end, f"{path} doesn't come"
        time.sleep(0.01)
    return path.read_text()


def ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_child_that_ends_early_is_reported_with_its_log(tmp_path: Path) -> None:
    with Children(tmp_path) as children, pytest.raises(CannotStart, match=r"(?s)exit code 3 .*no such valve") as caught:
        children.start("valve", [*PYTHON, "print('no such valve'); raise SystemExit(3)"], ready=lambda: False)
    assert str(tmp_path / "valve.log") in str(caught.value)


def test_a_child_that_is_not_ready_in_time(tmp_path: Path) -> None:
    with Children(tmp_path) as children:
        with pytest.raises(CannotStart, match=r"not ready within 0\.2 s"):
            children.start("slow", [*PYTHON, WAITS], ready=lambda: False, deadline_s=0.2)
        pid = children["slow"].pid
    assert ended(pid)


def test_a_later_failure_is_found_while_watching(tmp_path: Path) -> None:
    with Children(tmp_path) as children:
        children.start("short", [*PYTHON, "print('pump dry'); raise SystemExit(1)"])
        with pytest.raises(CannotStart, match=r"(?s)short ended with exit code 1.*pump dry"):
            children.watch(lambda: False, DEADLINE_S)


def test_a_child_that_succeeds_is_no_failure(tmp_path: Path) -> None:
    with Children(tmp_path) as children:
        child = children.start("short", [*PYTHON, "print('done')"])
        assert children.watch(lambda: not child.running, DEADLINE_S)
        assert not children.watch(lambda: False, 0.1)
        children.start("short", [*PYTHON, WAITS])


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with Children(tmp_path) as children, pytest.raises(CannotStart, match="can't be started"):
        children.start("ghost", [tmp_path / "ghost"])


def test_order_of_stopping(tmp_path: Path) -> None:
    order = tmp_path / "order"
    program = (
        "import signal, sys; from pathlib import Path\n"
        "def end(*_): f = open(sys.argv[2], 'a'); f.write(sys.argv[1] + ' '); f.close(); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); Path(sys.argv[3]).write_text('up\\n'); signal.pause()"
    )
    with Children(tmp_path) as children:
        for name in "abcd":
            children.start(name, [*PYTHON, program, name, order, tmp_path / f"{name}.up"])
            wait_for(tmp_path / f"{name}.up")
        children.stop(["b"])
    assert order.read_text().split() == ["b", "d", "c", "a"]


@pytest.mark.fault
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_child_outlives_its_launcher(tmp_path: Path, how: signal.Signals) -> None:
    pids = tmp_path / "pids"
    program = f"""
import sys; from pathlib import Path; from standalone.children import Children, ends_on_signals
with ends_on_signals(), Children(Path({str(tmp_path)!r})) as children:
    kind = "import signal; signal.signal(signal.SIGTERM, signal.SIG_DFL); signal.pause()"
    found = [children.start(name, [sys.executable, "-c", kind]).pid for name in "ab"]
    Path({str(pids)!r}).write_text(" ".join(map(str, found)) + "\\n")
    children.watch(lambda: False)
"""
    environment = {**os.environ, "PYTHONPATH": str(CLONE / "deploy")}
    launcher = subprocess.Popen([*PYTHON, program], env=environment, stderr=subprocess.DEVNULL)
    started = [int(pid) for pid in wait_for(pids).split()]
    launcher.send_signal(how)
    launcher.wait(DEADLINE_S)
    end = time.monotonic() + DEADLINE_S
    while not all(ended(pid) for pid in started):
        assert time.monotonic() < end, f"still there after {how.name}"
        time.sleep(0.02)


def test_termination_becomes_an_interrupt() -> None:
    def terminated() -> None:
        with ends_on_signals():
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        terminated()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
