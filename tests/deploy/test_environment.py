"""The environment is made once, and what is missing is named with the command that installs it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest
from standalone import data_folder, environment
from standalone.account import server_account
from standalone.data_folder import CLONE
from standalone.failure import CannotStart


class Restarted(Exception):  # noqa: N818 - not an error
    """Stands for ``execv``, which doesn't return."""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SMARTSTORE_DATA", str(tmp_path / "data"))
    for name in ("PATH", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    if server_account() is not None:
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(folder.stat().st_mode | 0o011)
    return tmp_path / "data"


def without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, package=None: None if name in modules else find_spec(name, package)
    )


@pytest.mark.usefixtures("data")
def test_no_venv_in_this_python(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "venv")
    with pytest.raises(SystemExit) as caught:
        environment.run_in_environment()
    assert str(caught.value.code).endswith("apt-get install python3-venv")


@pytest.mark.usefixtures("data")
def test_no_ensurepip_and_no_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "ensurepip")  # and no apt-get either: which() finds nothing
    with pytest.raises(SystemExit) as caught:
        environment.run_in_environment()
    assert "python3-venv is missing" in str(caught.value.code)
    assert str(caught.value.code).endswith("apt-get install python3-venv")


def test_starts_again_in_it_and_makes_it_only_when_its_sources_change(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("one\n")
    made: list[Path] = []
    started: list[tuple[Path, list[str]]] = []

    def make_with_uv(place: Path) -> bool:
        place.mkdir()
        made.append(place)
        return True

    def restart(program: Path, argv: list[str]) -> None:
        started.append((program, argv))
        raise Restarted

    monkeypatch.setattr(environment, "_REQUIREMENTS", requirements)
    monkeypatch.setattr(environment, "_make_with_uv", make_with_uv)
    monkeypatch.setattr(os, "execv", restart)
    for text, times in (("one\n", 1), ("one\n", 1), ("two\n", 2)):
        requirements.write_text(text)
        with pytest.raises(Restarted):
            environment.run_in_environment()
        assert made == [data / "environment"] * times
    python = data / "environment/bin/python"
    assert started[0] == (python, [str(python), *sys.argv])
    assert os.environ["PYTHONPYCACHEPREFIX"] == str(data / "bytecode")
    assert "PYTHONDONTWRITEBYTECODE" not in os.environ, "each process would compile every module"


def test_inside_it_nothing_happens(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(data / "environment"))
    environment.run_in_environment()
    assert not (data / "environment").exists()


def test_a_clone_that_the_servers_account_cannot_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if server_account() is None:
        pytest.skip("only root's servers run under another account")
    clone = tmp_path / "closed" / "clone"
    clone.mkdir(parents=True)
    clone.parent.chmod(0o700)
    monkeypatch.setattr(data_folder, "CLONE", clone)
    monkeypatch.delenv("SMARTSTORE_DATA", raising=False)
    monkeypatch.setenv("SMARTSTORE_DATA", "")
    folder = data_folder.data_folder()
    try:
        assert folder.parent == Path("/var/tmp")  # noqa: S108 - where it falls back to
        assert data_folder.data_folder() == folder
        monkeypatch.setenv("SMARTSTORE_DATA", str(clone / "data"))
        with pytest.raises(CannotStart, match=r"can't reach .* SMARTSTORE_DATA"):
            data_folder.data_folder()
    finally:
        folder.rmdir()


def test_launchers_can_be_run() -> None:
    for path in (CLONE / "deploy/test", CLONE / "deploy/demo", CLONE / ".ci/run"):
        assert os.access(path, os.X_OK), path
