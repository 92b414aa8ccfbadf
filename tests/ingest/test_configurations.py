"""Configurations from the platform's command to a real agent, and what it says of them back into the database."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

import psycopg
import pytest
from enrolment_tools.kill_at import start
from enrolment_tools.office import until
from sealed_batches import register
from standalone.broker import PrivateBroker

from edge import event_log
from edge.wire.configuration import Configuration, ConfigurationReport, ConfigurationState
from edge.wire.decode import decode
from edge.wire.presence import Birth
from ingest import cli
from ingest.configurations import ConfigurationPublisher
from ingest.service import Service
from ingest.settings import load
from ingest.store.agent_configurations import (
    configuration_standings,
    issue_configuration,
    issued_configurations,
    record_report,
)
from ingest.store.connection import Database
from ingest.store.link import Link

AGENT = "shop-7"
SOURCE = '[[source]]\nkind = "simulated_store"\nname = "a"\nstore = "sim-store-a"\nfollow = true\n'
Command = Callable[..., int]


@pytest.fixture
def config(database: str, broker: PrivateBroker, tmp_path: Path) -> Path:
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, AGENT, ["d1"])
    path = tmp_path / "ingest.toml"
    path.write_text(
        f'[broker]\nhost = "{broker.host}"\nport = {broker.port}\nusername = "ingest"\n'
        f'password_file = "{broker.password_file("ingest")}"\n[database]\nurl = "{database}"\n[ingest]\nworker = "w1"\n'
    )
    return path


@pytest.fixture
def run(config: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setattr(event_log, "configure", lambda: None)
    return lambda *words: cli.main(["agents", *map(str, words), "--config", str(config)])


@pytest.fixture
def service(config: Path) -> Iterator[Service]:
    service = Service(load(config))
    service.start()
    yield service
    assert service.stop()


@pytest.fixture
def agent(broker: PrivateBroker, tmp_path: Path) -> Iterator[Path]:
    """Start a real agent; yield its log."""
    broker.add_user(AGENT)
    folder = tmp_path / "device"
    folder.mkdir()
    (folder / "edge.toml").write_text(
        f'[agent]\nid = "{AGENT}"\n[broker]\nhost = "{broker.host}"\nport = {broker.port}\n'
        f'password_file = "{broker.password_file(AGENT)}"\n[spool]\npath = "spool.db"\n'
        f"[uplink]\nreconnect_cap_s = 0.5\n[remote_configuration]\nprobation_s = 0.5\n{SOURCE}"
    )
    process = start("-", "smartstore-edge", "run", folder / "edge.toml", log=folder / "log")
    try:
        yield folder / "log"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def standing(database: str) -> tuple[int | None, int | None, str | None]:
    with psycopg.connect(database) as connection:
        found = configuration_standings(connection)
    return (found[0].number, found[0].reported_number, found[0].state) if found else (None, None, None)


def test_a_command_reaches_the_running_agent_and_its_answer_the_database(  # noqa: PLR0917
    service: Service, agent: Path, run: Command, database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    until(lambda: "uplink_connected" in agent.read_text())
    (tmp_path / "new.toml").write_text(SOURCE + "[uplink]\nwindow = 4\n")
    assert run("configure", AGENT, tmp_path / "new.toml") == 0
    until(lambda: standing(database) == (1, 1, "applied"))
    (tmp_path / "bad.toml").write_text('[[source]]\nkind = "recording"\nname = "r"\npath = "x.csv"\nmap = "x.toml"\n')
    assert run("configure", AGENT, tmp_path / "bad.toml") == 0
    until(lambda: standing(database) == (2, 2, "refused"))
    capsys.readouterr()
    assert run("configurations") == 0
    shown = capsys.readouterr().out
    assert "refused" in shown
    assert "x.toml" in shown
    assert run("configure", AGENT, "--withdraw") == 0
    until(lambda: standing(database) == (3, 3, "applied"))


def test_a_broker_that_lost_everything_is_told_again(  # noqa: PLR0917
    service: Service, run: Command, database: str, broker: PrivateBroker, tmp_path: Path, agent: Path
) -> None:
    (tmp_path / "new.toml").write_text(SOURCE + "[uplink]\nwindow = 4\n")
    broker.kill()
    assert run("configure", AGENT, tmp_path / "new.toml") == 0
    broker.start()
    until(lambda: standing(database) == (1, 1, "applied"), 60)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[uplink]\nwindow = 0\n", "uplink.window"),
        ('[broker]\nhost = "x"\n', "broker: the platform sets"),
        ('[[source]]\nkind = "recording"\nname = "r"\npath = "/etc/passwd"\nmap = "m.toml"\n', "in the folder"),
        (SOURCE.replace('"a"', '"24:E1:24:FF:39:20"'), "personal data"),
        ('[release]\nversion = "1.0"\nurl = "/media"\nsha256 = "0"\n', "release.version"),
        ("= 5", "not TOML"),
        ("x" * 300_000, "longer than"),
    ],
)
def test_a_wrong_file_is_not_sent(  # noqa: PLR0917
    run: Command, database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    (tmp_path / "new.toml").write_text(text)
    assert run("configure", AGENT, tmp_path / "new.toml") == 1
    assert said in capsys.readouterr().err
    assert standing(database) == (None, None, None)


def test_an_agent_that_nobody_knows_and_a_wrong_command_line(
    run: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "new.toml").write_text(SOURCE)
    assert run("configure", "stranger", tmp_path / "new.toml") == 1
    assert "the registry has no agent" in capsys.readouterr().err
    assert run("configure", AGENT) == 1
    assert run("configure", AGENT, tmp_path / "new.toml", "--withdraw") == 1


def birth(connection_number: int, at_us: int, number: int, state: ConfigurationState, spool: int = 1) -> Birth:
    report = ConfigurationReport(number=number, sha256="ab" * 32, state=state, detail="why")
    return Birth(
        agent=AGENT,
        connection=connection_number,
        spool=UUID(int=spool),
        software="test",
        at_us=at_us,
        pending_batches=0,
        configuration=report,
    )


def test_an_older_birth_does_not_take_back_what_a_later_one_said(connection: Database) -> None:
    def said() -> tuple[Any, ...]:
        row = connection.execute("select number, state from agent_configuration_reports").fetchone()
        assert row
        return tuple(row)

    record_report(connection, birth(2, 50, 3, ConfigurationState.TRIAL))
    record_report(connection, birth(2, 60, 3, ConfigurationState.APPLIED))
    record_report(connection, birth(2, 50, 3, ConfigurationState.TRIAL))
    record_report(connection, birth(1, 99, 2, ConfigurationState.REFUSED))
    assert said() == (3, "applied")
    record_report(connection, birth(3, 10, 4, ConfigurationState.TRIAL))
    assert said() == (4, "trial")
    record_report(connection, birth(1, 5, 1, ConfigurationState.APPLIED, spool=2))
    assert said() == (1, "applied")


def test_numbers_rise_above_what_was_issued_and_what_the_agent_speaks_of(connection: Database) -> None:
    assert issue_configuration(connection, AGENT, "", 5).number == 1
    assert issue_configuration(connection, AGENT, "", 5).number == 2
    record_report(connection, birth(1, 5, 40, ConfigurationState.APPLIED))  # the database is of an older backup
    assert issue_configuration(connection, AGENT, "", 5).number == 41
    assert issue_configuration(connection, "shop-8", "", 5).number == 1
    latest = {each.agent: each.number for each in issued_configurations(connection)}
    assert latest == {AGENT: 41, "shop-8": 1}


class Outlet:
    def __init__(self) -> None:
        self.takes = True
        self.published: list[tuple[str, int]] = []

    def configure(self, agent: str, document: bytes) -> bool:
        issued = decode(document)
        assert isinstance(issued, Configuration)
        if self.takes:
            self.published.append((agent, issued.number))
        return self.takes


def test_each_is_published_once_a_connection_and_again_while_its_agent_is_silent(connection: Database) -> None:
    outlet, now_s = Outlet(), 0.0
    link = Link(str, "unused", Event(), lambda _: None)
    publisher = ConfigurationPublisher(link, outlet, Event(), lambda: now_s)
    issue_configuration(connection, AGENT, "", 5)
    issue_configuration(connection, "shop-8", "", 5)
    publisher.step(connection)
    publisher.step(connection)
    assert outlet.published == [(AGENT, 1), ("shop-8", 1)]
    outlet.takes = False
    issue_configuration(connection, AGENT, "", 5)
    publisher.step(connection)
    outlet.takes = True
    publisher.step(connection)
    assert outlet.published[2:] == [(AGENT, 2)]
    connection.execute(
        """insert into agent_configuration_reports (agent, spool, connection, at_us, number, sha256, state, detail)
           select agent, gen_random_uuid(), 1, 1, number, sha256, 'applied', ''
             from agent_configurations where agent = 'shop-8'"""
    )
    now_s = 61.0
    publisher.step(connection)
    assert outlet.published[3:] == [(AGENT, 2)]
    publisher.begin_anew()
    publisher.step(connection)
    assert outlet.published[4:] == [(AGENT, 2), ("shop-8", 1)]
