"""A release installed by the interpreter's own venv and pip, from nothing but its own wheels."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest
from update_tools.tiny_wheel import tiny_wheel

from edge.onboarding.wording import plain
from edge.update import installing
from edge.update.installing import Rehearsal, install, make_environment, owner_of, rehearse
from edge.update.manifest import Manifest, file_of
from edge.update.problems import ReleaseDelayed

CODE = """
import json, os, sys
def main():
    import further
    print(json.dumps({"version": "0.2.0", "spool_schema": further.SCHEMA}))
"""


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    return folder


def manifest_of(*paths: Path) -> Manifest:
    return Manifest(version="0.2.0", files=tuple(file_of(path.name, path.read_bytes()) for path in paths))


def test_an_environment_of_its_own_that_others_can_read(wheels: Path, tmp_path: Path) -> None:
    own = tiny_wheel(wheels, "smartstore", "0.2.0", CODE, "further>=1")
    further = tiny_wheel(wheels, "further", "1.5", "SCHEMA = 7\n")
    environment = tmp_path / "versions" / "0.2.0"
    environment.mkdir(parents=True)
    (environment / "half").touch()
    before = os.umask(0o077)
    try:
        install(manifest_of(own, further), wheels, environment, make_environment)
    finally:
        os.umask(before)
    assert not (environment / "half").exists()
    program = environment / "bin" / "smartstore-edge"
    assert rehearse(program, tmp_path / "agent.toml", tmp_path / "spool.db") == Rehearsal("0.2.0", 7)
    (module,) = environment.glob("lib/python3*/site-packages/further.py")
    assert stat.S_IMODE(module.stat().st_mode) == 0o644
    assert stat.S_IMODE(program.stat().st_mode) & 0o055 == 0o055
    assert list(environment.glob("lib/python3*/site-packages/__pycache__/further.*.pyc"))


def test_a_release_without_something_that_it_needs_is_not_installed(wheels: Path, tmp_path: Path) -> None:
    own = tiny_wheel(wheels, "smartstore", "0.2.0", CODE, "further>=1")
    once = tmp_path / "once"
    make_environment(once)
    made = []

    def make(environment: Path) -> None:
        shutil.copytree(once, environment, symlinks=True)
        made.append(environment)

    with pytest.raises(ReleaseDelayed, match=r"further.*wheels of every dependency"):
        install(manifest_of(own), wheels, tmp_path / "0.2.0", make)
    assert made
    further = tiny_wheel(wheels, "further", "1.5", "SCHEMA = 7\n")
    manifest = manifest_of(own, further)
    further.write_bytes(further.read_bytes() + b"\0")  # after it was checked
    with pytest.raises(ReleaseDelayed, match="Expected sha256"):
        install(manifest, wheels, tmp_path / "0.2.0", make)


def test_no_room_is_said_before_anything_is_done(wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = manifest_of(tiny_wheel(wheels, "smartstore", "0.2.0", CODE))
    monkeypatch.setattr(installing, "_RESERVE_BYTES", 2**62)
    with pytest.raises(ReleaseDelayed, match="MiB must be free"):
        install(manifest, wheels, tmp_path / "0.2.0", lambda _: pytest.fail("it was begun"))
    assert not (tmp_path / "0.2.0").exists()


def test_a_program_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "smartstore-edge"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(installing, "_REHEARSE_S", 0.1)
    with pytest.raises(ReleaseDelayed, match="timed out"):
        rehearse(program, tmp_path / "agent.toml", tmp_path / "spool.db")


def test_a_relative_path_of_the_configuration_is_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "smartstore-edge"
    program.write_text('#!/bin/sh\ncat "$2"\n')
    program.chmod(0o755)
    (tmp_path / "agent.toml").write_text('{"version": "0.2.0", "spool_schema": 3}')
    monkeypatch.chdir(tmp_path)
    assert rehearse(program, Path("agent.toml"), Path("spool.db")) == Rehearsal("0.2.0", 3)


def test_what_a_program_is_told_and_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "https://elsewhere.example")
    said = installing._run(["env"], 60, tmp_path, plain(""))
    assert "elsewhere" not in said
    assert f"TMPDIR={tmp_path}" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another user")
def test_what_reads_the_agents_files_is_run_as_its_user(tmp_path: Path) -> None:
    assert owner_of(tmp_path) is None
    spool = tmp_path / "state"
    spool.mkdir()
    os.chown(spool, 65534, 65533)
    assert owner_of(spool) == (65534, 65533)
    said = installing._run(["id"], 60, tmp_path, plain(""), owner_of(spool))
    assert said.startswith("uid=65534")
    assert "gid=65533" in said
    assert "0(root)" not in said
