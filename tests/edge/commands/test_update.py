"""The command as a person gives it: what it prints in each language, its exit codes, and what doctor and status say."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from update_tools.signing import Keys

from edge.cli import main
from edge.clock import system_clock
from edge.run_state import RunRecord
from edge.spool import schema
from edge.spool.records import SpoolLimits
from edge.spool.spool import Spool
from edge.update.journal import Journal, JournalFile
from edge.wire.configuration import Configuration
from edge.wire.release import ReleaseState

SOURCE = '[[source]]\nkind = "simulated_store"\nname = "a"\nstore = "sim-store-a"\nfollow = true\n'
RECORDING = '[[source]]\nkind = "recording"\nname = "r"\npath = "r.csv"\nmap = "absent.toml"\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "agent.toml"
    write(path, SOURCE)
    return path


def write(config: Path, tables: str) -> None:
    config.write_text(
        f'[agent]\nid = "shop-1"\n[broker]\nhost = "127.0.0.1"\nport = 1\n[spool]\npath = "spool.db"\n{tables}'
        f'[update]\nroot = "{config.parent / "opt"}"\nrelease_key = "release.pem"\n'
    )


def lay_out(root: Path) -> None:
    (root / "versions" / "0.1.0").mkdir(parents=True)
    for link in ("current", "proven"):
        (root / link).symlink_to("versions/0.1.0")


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "no release is announced\n"), ("zh", "没有发布新版本\n")],
)
def test_nothing_to_do(config: Path, capsys: pytest.CaptureFixture[str], language: str, said: str) -> None:
    lay_out(config.parent / "opt")
    assert main(["update", str(config), "--lang", language]) == 0
    assert capsys.readouterr().out == said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "current is no link to versions/<version>; lay the folder out as"),
        ("zh", "不是指向 versions/<版本> 的链接；请按手册"),
    ],
)
def test_a_folder_that_is_not_laid_out(
    config: Path, capsys: pytest.CaptureFixture[str], language: str, said: str
) -> None:
    (config.parent / "opt").mkdir()
    assert main(["update", str(config), "--lang", language]) == 1
    assert said in capsys.readouterr().err


def test_without_any_folder_and_with_a_wrong_configuration(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["update", str(config), "--lang", "en"]) == 1
    assert "opt cannot be read" in capsys.readouterr().err
    config.write_text(config.read_text().replace(str(config.parent / "opt"), "opt"))
    assert main(["update", str(config), "--lang", "en"]) == 2
    assert "update.root: Value error, this must be an absolute path" in capsys.readouterr().err


def test_a_rehearsal_says_what_this_version_is(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["update", str(config), "--rehearse"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["spool_schema"] == schema.SCHEMA_VERSION
    Spool.open(config.parent / "spool.db", SpoolLimits(2**30, 1e6, 500), system_clock()).close()
    before = {path.name: path.read_bytes() for path in config.parent.iterdir()}
    assert main(["update", str(config), "--rehearse"]) == 0
    after = {path.name: path.read_bytes() for path in config.parent.iterdir()}
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() <= {"spool.db-wal", "spool.db-shm"}  # as any reader beside the agent leaves


def test_a_rehearsal_says_what_this_version_cannot_use(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Spool.open(config.parent / "spool.db", SpoolLimits(2**30, 1e6, 500), system_clock()).close()
    with monkeypatch.context() as patched:
        patched.setattr(schema, "SCHEMA_VERSION", schema.SCHEMA_VERSION - 1)
        assert main(["update", str(config), "--rehearse"]) == 2
    assert "was written by a newer release" in capsys.readouterr().err
    for toml, said in ((RECORDING, "source[0] (r): "), ('[[source]]\nkind = "none"\n', "source[0]")):
        held = Configuration(number=1, issued_us=5, toml=toml)
        (config.parent / "spool.db.configuration.json").write_text(json.dumps({"good": held.model_dump()}))
        assert main(["update", str(config), "--rehearse"]) == 2
        assert said in capsys.readouterr().err
    (config.parent / "spool.db.configuration.json").unlink()
    write(config, RECORDING)
    assert main(["update", str(config), "--rehearse"]) == 2
    assert "source[0] (r): " in capsys.readouterr().err
    (config.parent / "spool.db").write_bytes(b"damaged")  # which the agent sets aside
    write(config, SOURCE)
    assert main(["update", str(config), "--rehearse"]) == 0


def finding(config: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    capsys.readouterr()
    main(["doctor", str(config), "--json", "--time-server", "", "--wait", "0", "--lang", "en"])
    lines: list[dict[str, str]] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (found,) = [line for line in lines if line["check"] == "update"] or [{}]
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="doctor wants a key that is root's")
def test_doctor_says_whether_releases_can_be_installed(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "release.pem cannot be read" in finding(config, capsys)["text"]
    Keys(config.parent)
    assert "is no link to versions" in finding(config, capsys)["text"]
    root = config.parent / "opt"
    lay_out(root)
    found = finding(config, capsys)
    assert found["grade"] == "ok"
    assert found["text"].startswith("version 0.1.0; releases are checked with ")
    with monkeypatch.context() as patched:
        patched.setenv("PATH", "")
        assert finding(config, capsys)["fix"] == "install OpenSSL 3 (apt install openssl)"
    JournalFile(root).write(Journal().saying("0.2.0", ReleaseState.ROLLED_BACK, "it did not start"))
    found = finding(config, capsys)
    assert (found["grade"], found["text"]) == ("warning", "release 0.2.0 was rolled back: it did not start")
    assert "--retry" in found["fix"]
    JournalFile(root).write(Journal().saying("0.1.0", ReleaseState.APPLIED))
    assert finding(config, capsys)["grade"] == "ok"


def test_doctor_says_nothing_of_releases_where_none_are_to_be_installed(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(config.read_text().replace('release_key = "release.pem"\n', ""))
    assert finding(config, capsys) == {}


def test_status_says_which_version_runs_and_what_became_of_the_last_release(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Spool.open(config.parent / "spool.db", SpoolLimits(2**30, 1e6, 500), system_clock()).close()
    assert main(["status", str(config), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["run"], document["release"]) == (None, None)
    RunRecord(config.parent / "spool.db", "0.1.0", system_clock()).note("s", "sending", connected=True, alive=True)
    (config.parent / "opt").mkdir()
    JournalFile(config.parent / "opt").write(Journal().saying("0.2.0", ReleaseState.REFUSED, "bad signature"))
    assert main(["status", str(config), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["run"]["version"], document["run"]["mode"]) == ("0.1.0", "sending")
    assert document["release"] == {"version": "0.2.0", "state": "refused", "detail": "bad signature"}
    for language, said in (("en", "0.1.0, uplink sending, last sign of life 20"), ("zh", "0.1.0，上行 sending，")):
        assert main(["status", str(config), "--lang", language]) == 0
        shown = capsys.readouterr().out
        assert said in shown
        assert "0.2.0 refused bad signature" in shown
