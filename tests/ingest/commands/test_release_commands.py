"""Releases as the platform makes them, checked as a device checks them; and what agents say of them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from update_tools.signing import Keys, sha256_of

from edge import event_log
from edge.update.announcement import announced_in
from edge.update.archive import unpack
from edge.wire.presence import Birth
from edge.wire.release import ReleaseReport, ReleaseState
from ingest import cli
from ingest.store.agent_releases import record_release, release_standings
from ingest.store.presence import record_birth

OWN, OTHER = "smartstore-1.4.0-py3-none-any.whl", "paho_mqtt-2.1.0-py3-none-any.whl"


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "configure", lambda: None)


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    (folder / OWN).write_bytes(b"of ours")
    (folder / OTHER).write_bytes(b"of others")
    return folder


def make(wheels: Path, key: Path, out: Path, version: str = "1.4.0") -> int:
    command = ["release", "make", "--wheels", wheels, "--version", version, "--key", key, "--out", out]
    return cli.main([str(each) for each in command])


def test_a_release_is_made_and_a_device_takes_it(
    wheels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys, out = Keys(tmp_path), tmp_path / "smartstore-1.4.0.zip"
    assert make(wheels, keys.private, out) == 0
    shown = capsys.readouterr().out
    announced = announced_in(tomllib.loads(shown[shown.index("[release]") :].replace("...", "platform.example")), out)
    assert announced
    assert (announced.version, announced.sha256) == ("1.4.0", sha256_of(out))
    into = tmp_path / "into"
    into.mkdir()
    assert unpack(out, keys.public, "1.4.0", into).version == "1.4.0"
    assert {path.name: path.read_bytes() for path in into.iterdir()} == {OWN: b"of ours", OTHER: b"of others"}


def test_the_same_wheels_make_the_same_bytes(wheels: Path, tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    assert make(wheels, keys.private, tmp_path / "one.zip") == 0
    for path in wheels.iterdir():
        path.chmod(0o600)
    assert make(wheels, keys.private, tmp_path / "two.zip") == 0
    assert sha256_of(tmp_path / "one.zip") == sha256_of(tmp_path / "two.zip")


def test_what_is_no_release_is_not_made(wheels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys, out = Keys(tmp_path), tmp_path / "release.zip"

    def said(version: str = "1.4.0", key: Path = keys.private) -> str:
        assert make(wheels, key, out, version) == 1
        assert not out.exists()
        return capsys.readouterr().err

    assert "a wheel of smartstore 1.5.0, and of no other version" in said("1.5.0")
    assert "String should match pattern" in said("1.4")
    assert "the manifest cannot be signed" in said(key=keys.public)
    assert "the manifest cannot be signed" in said(key=tmp_path / "absent.pem")
    assert "is no public Ed25519 key" in said(key=Keys(tmp_path, "another", "ed448").private)
    (wheels / "pydantic-2.12.tar.gz").write_bytes(b"x")
    assert "put the wheels of one release there and nothing else" in said()
    (wheels / "pydantic-2.12.tar.gz").unlink()
    (wheels / OTHER).write_bytes(b"")
    assert "bytes: Input should be greater than or equal to 1" in said()
    (wheels / OTHER).unlink()
    (wheels / OWN).unlink()
    assert "nothing else" in said()
    assert make(tmp_path / "absent", keys.private, out) == 1
    assert "absent" in capsys.readouterr().err


def birth(agent: str, at_us: int, report: ReleaseReport | None, connection: int = 1, spool: int = 1) -> Birth:
    return Birth(
        agent=agent,
        connection=connection,
        spool=UUID(int=spool),
        software="smartstore-edge 0.2.0",
        at_us=at_us,
        pending_batches=0,
        release=report,
    )


def test_what_agents_say_is_kept_and_listed(database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trial = ReleaseReport(version="0.3.0", state=ReleaseState.TRIAL)
    back = ReleaseReport(version="0.3.0", state=ReleaseState.ROLLED_BACK, detail="it did not start")
    with psycopg.connect(database) as connection:

        def said() -> tuple[str | None, str | None]:
            (standing,) = [each for each in release_standings(connection) if each.agent == "shop-1"]
            return standing.version, standing.state

        record_birth(connection, birth("shop-1", 5, None))
        record_release(connection, birth("shop-1", 5, None))
        assert said() == (None, None)
        record_release(connection, birth("shop-1", 10, trial))
        record_release(connection, birth("shop-1", 20, back))
        record_release(connection, birth("shop-1", 15, trial))  # another worker's, late
        assert said() == ("0.3.0", "rolled_back")
        since = release_standings(connection)[0].reported_at
        record_release(connection, birth("shop-1", 30, back, connection=2))
        assert release_standings(connection)[0].reported_at == since, "it is still the same"
        record_release(connection, birth("shop-1", 1, trial, spool=2))  # a new spool counts from 1
        assert said() == ("0.3.0", "trial")
        record_release(connection, birth("shop-1", 2, back, spool=2))
        record_birth(connection, birth("shop-2", 5, None))
    config = tmp_path / "ingest.toml"
    config.write_text(f'[broker]\nhost = "127.0.0.1"\n[database]\nurl = "{database}"\n')
    assert cli.main(["release", "list", "--config", str(config)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:4] == ["shop-1", "smartstore-edge", "0.2.0", "0.3.0"]
    assert "rolled_back" in lines[1]
    assert lines[1].endswith("it did not start")
    assert lines[2].split() == ["shop-2", "smartstore-edge", "0.2.0"]
