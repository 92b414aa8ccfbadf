"""Device and platform killed on either side of each step of an enrolment: the same commands once more finish it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from enrolment_tools.kill_at import start
from enrolment_tools.office import AGENT, Device, Office, until
from sealed_batches import register
from standalone.broker import PrivateBroker
from standalone.free_port import free_port

from edge import event_log

pytestmark = pytest.mark.fault


@pytest.fixture
def office(database: str, broker: PrivateBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setattr(event_log, "configure", lambda: None)
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, AGENT, ["d1"])
    office = Office(tmp_path, database, broker)
    yield office
    office.close()


ON_THE_DEVICE = [
    "edge.enrolment:_ask:before:1",
    "edge.enrolment:_ask:after:1",
    "edge.credential:write_durably:before:1",  # the waiting password
    "edge.credential:write_durably:after:1",
    "edge.credential:write_durably:after:2",  # the platform's fingerprint
    "edge.credential:write_durably:after:3",  # the password
    "edge.credential:remove_durably:after:1",
]
AT_THE_PLATFORM = [
    "ingest.store.enrolment:spend_code:before:1",
    "ingest.store.enrolment:_record:after:1",  # before the commit
    "ingest.store.enrolment:spend_code:after:1",  # after it
    "ingest.enrolment.password_file:write_durably:before:1",
    "ingest.enrolment.password_file:write_durably:after:1",  # the broker has not been told
    "ingest.enrolment.desk:Desk.answer:after:1",  # the answer is lost
]


@pytest.mark.parametrize("point", ON_THE_DEVICE)
def test_a_device_that_dies_enrols_with_the_same_code_and_keeps_its_password(
    office: Office, broker: PrivateBroker, tmp_path: Path, capsys: pytest.CaptureFixture[str], point: str
) -> None:
    device = Device(tmp_path / "device", broker, office.open())
    code = office.issue(capsys)
    process = start(point, "smartstore-edge", "enrol", device.config, code, log=tmp_path / "log")
    assert process.wait(60) == -signal.SIGKILL, (tmp_path / "log").read_text()
    had = device.password if device.password_file.exists() else None
    finished = point.startswith("edge.credential:remove_durably")
    # Once everything is done the code is spent for this device as for any other.
    assert device.enrol(code) == (1 if finished else 0), capsys.readouterr().err
    assert had is None or device.password == had
    assert device.connects()
    assert device.enrol("--rotate") == 0
    assert device.connects()


@pytest.mark.parametrize("point", [point for point in ON_THE_DEVICE if "remove" not in point])
def test_a_device_that_dies_while_it_rotates_does_so_when_asked_again(
    office: Office, broker: PrivateBroker, tmp_path: Path, capsys: pytest.CaptureFixture[str], point: str
) -> None:
    device = Device(tmp_path / "device", broker, office.open())
    assert device.enrol(office.issue(capsys)) == 0
    first = device.password
    process = start(point, "smartstore-edge", "enrol", device.config, "--rotate", log=tmp_path / "log")
    assert process.wait(60) == -signal.SIGKILL, (tmp_path / "log").read_text()
    assert device.enrol("--rotate") == 0, capsys.readouterr().err
    assert device.password != first
    assert device.connects()


@pytest.mark.parametrize("point", AT_THE_PLATFORM)
def test_a_platform_that_dies_spends_no_code_in_vain(
    office: Office, broker: PrivateBroker, tmp_path: Path, capsys: pytest.CaptureFixture[str], point: str
) -> None:
    port, log = free_port(), tmp_path / "log"
    office.write_config(port)
    device = Device(tmp_path / "device", broker, port)
    code = office.issue(capsys)
    process = start(point, "smartstore-ingest", "enrolment", "serve", "--config", office.config, log=log)
    until(lambda: "enrolment_started" in log.read_text())
    assert device.enrol(code) == 1
    assert process.wait(60) == -signal.SIGKILL, log.read_text()
    process = start("-", "smartstore-ingest", "enrolment", "serve", "--config", office.config, log=log)
    try:
        until(lambda: log.read_text().count("enrolment_started") == 2)
        assert device.enrol(code) == 0, capsys.readouterr().err
        until(device.connects)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
