"""Enrolment from end to end: commands on both sides, TLS between them, a real database and a real broker."""

from __future__ import annotations

import socket
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import psycopg
import pytest
from edge_tools.fake_ingest import fake_ingest
from enrolment_tools.kill_at import start
from enrolment_tools.office import AGENT, Device, Office, can_connect, make_certificate, session_of, until
from sealed_batches import approve, register
from standalone.broker import PrivateBroker

from edge import event_log
from edge.credential import CredentialFiles
from edge.enrolment import EnrolmentError, Platform, enrol
from edge.session import ConnectionEnded
from edge.wire.enrolment import EnrolmentCode
from ingest.enrolment import applier

Connection = psycopg.Connection[Any]


@pytest.fixture
def office(database: str, broker: PrivateBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setattr(event_log, "configure", lambda: None)  # in a process of its own, a command logs to its stderr
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, AGENT, ["d1"], approved=False)
    office = Office(tmp_path, database, broker)
    yield office
    office.close()


@pytest.fixture
def device(office: Office, broker: PrivateBroker, tmp_path: Path) -> Device:
    return Device(tmp_path / "device", broker, office.open())


def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query.encode()).fetchall()


def test_a_device_enrols_and_the_broker_lets_it_in_at_once_beside_the_others(  # noqa: PLR0917
    office: Office,
    device: Device,
    connection: Connection,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    caplog.set_level("DEBUG")
    before = office.passwords.stat()
    code = office.issue(capsys)
    assert device.enrol(code) == 0
    said = capsys.readouterr()
    assert "has its password" in said.out
    assert "not approved" in said.out
    assert device.connects()
    assert not can_connect(device._broker, AGENT, "another", tmp_path)
    ingest = device._broker.password_file("ingest").read_text().strip()
    assert can_connect(device._broker, "ingest", ingest, tmp_path)
    after = office.passwords.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert stat.S_IMODE(device.password_file.stat().st_mode) == 0o600
    assert (device.folder / "broker-ca.pem").read_text() == office.certificate.read_text()
    assert sorted(p.name for p in device.folder.glob("password*")) == ["password", "password.platform"]
    # Neither the password nor the code's secret is anywhere on the platform's side, nor in a log.
    platform = "".join(map(str, rows(connection, "select * from agent_credentials, enrolment_codes")))
    secret = EnrolmentCode.parse(code).secret
    logged = "".join(str(vars(record)) for record in caplog.records)
    assert "credential_recorded" in logged
    for text in (platform, office.passwords.read_text(), said.err, logged, device._broker.log.read_text()):
        assert device.password not in text
        assert secret.hex() not in text
        assert code not in text


def test_an_agent_that_nobody_had_told_the_broker_of_enrols_and_delivers(
    office: Office, device: Device, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert device.enrol(office.issue(capsys)) == 0
    text = device.config.read_text().replace('ca_file = "broker-ca.pem"\n', "")  # the test's broker speaks no TLS
    source = '[[source]]\nkind = "simulated_store"\nname = "s"\nstore = "sim-store-a"\ndays = [2026-05-04]\n'
    config = device.config.with_name("run.toml")
    config.write_text(text[: text.index("[[source]]")] + "[uplink]\nbacklog_batches_per_s = 2000\n" + source)
    with fake_ingest(device._broker) as ingest:
        process = start("-", "smartstore-edge", "run", config, "--until-drained", log=tmp_path / "log")
        try:
            assert process.wait(120) == 0, (tmp_path / "log").read_text()
        finally:
            process.kill()
        assert len(ingest.values()) > 1000


def test_a_code_is_good_once(office: Office, device: Device, capsys: pytest.CaptureFixture[str]) -> None:
    code = office.issue(capsys)
    assert device.enrol(code) == 0
    first = device.password
    assert device.enrol(code) == 1
    assert "used by another device" in capsys.readouterr().err
    assert device.password == first
    assert device.connects()


def test_of_two_devices_with_one_code_exactly_one_wins(
    office: Office, device: Device, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code = EnrolmentCode.parse(office.issue(capsys))
    assert office.service
    platform = Platform("127.0.0.1", office.service.port)
    devices = [CredentialFiles(tmp_path / f"device-{number}" / "password") for number in range(8)]
    outcomes: list[str] = []
    together = Barrier(len(devices))

    def try_it(files: CredentialFiles) -> None:
        together.wait()
        try:
            enrol(AGENT, platform, code, files)
            outcomes.append("enrolled")
        except EnrolmentError as error:
            outcomes.append(error.problem.en)

    threads = [Thread(target=try_it, args=[files]) for files in devices]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes)[0] == "enrolled"
    assert set(sorted(outcomes)[1:]) == {"the platform refuses: the code has been used by another device"}
    winners = [password for files in devices if (password := files.present_password())]
    assert len(winners) == 1
    assert can_connect(device._broker, AGENT, winners[0], tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "update enrolment_codes set issued_at = now() - interval '2 h', expires_at = now() - interval '1 h'",
            "expired",
        ),
        ("update enrolment_codes set revoked_at = now()", "withdrawn"),
        ("delete from enrolment_codes", "does not know this code"),
        ("update enrolment_codes set secret_sha256 = sha256('x')", "does not know this code"),
    ],
)
def test_a_code_that_is_not_good(  # noqa: PLR0917
    office: Office, device: Device, connection: Connection, capsys: pytest.CaptureFixture[str], change: str, said: str
) -> None:
    code = office.issue(capsys)
    connection.execute(change.encode())
    connection.commit()
    assert device.enrol(code) == 1
    assert said in capsys.readouterr().err
    assert not device.password_file.exists()
    assert rows(connection, "select count(*) from agent_credentials") == [(0,)]


def test_a_later_code_replaces_an_earlier_one(
    office: Office, device: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = office.issue(capsys), office.issue(capsys)
    assert device.enrol(first) == 1
    assert "replaced by a later one" in capsys.readouterr().err
    assert device.enrol(second) == 0


def test_a_mistyped_code_and_a_code_of_another_agent_are_found_out_on_the_device(
    office: Office, device: Device, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = office.issue(capsys)
    assert device.enrol(code.replace(code[20], "A" if code[20] != "A" else "B")) == 1
    assert "mistyped" in capsys.readouterr().err
    with psycopg.connect(database, autocommit=True) as connection:
        register(connection, "shop-8", ["d2"])
    assert device.enrol(office.issue(capsys, agent="shop-8")) == 1
    assert "this code is for agent 'shop-8'" in capsys.readouterr().err
    assert device.enrol(f"  {code.lower()} ") == 0


def test_nothing_is_sent_to_a_platform_with_another_certificate(
    office: Office, device: Device, connection: Connection, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code = office.issue(capsys)
    office.close()
    office.certificate, office.key = make_certificate(tmp_path, "impostor")
    office.write_config(0)
    device.write_config(office.open())
    assert device.enrol(code) == 1
    assert "not the one that was announced; nothing was sent" in capsys.readouterr().err
    assert rows(connection, "select spent_at from enrolment_codes") == [(None,)]


def test_a_platform_that_is_away_or_is_none(
    office: Office, device: Device, broker: PrivateBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    code = office.issue(capsys)
    office.close()
    assert device.enrol(code) == 1
    assert "no connection to" in capsys.readouterr().err
    device.write_config(broker.port)
    assert device.enrol(code) == 1
    assert "no connection to" in capsys.readouterr().err


def test_rotation_replaces_the_password_and_ends_the_old_one(
    office: Office, device: Device, connection: Connection, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert device.enrol("--rotate") == 1
    assert "has not enrolled yet" in capsys.readouterr().err
    assert device.enrol(office.issue(capsys)) == 0
    first = device.password
    assert device.enrol("--rotate") == 0
    assert device.password != first
    assert device.connects()
    assert not can_connect(device._broker, AGENT, first, tmp_path)
    assert rows(connection, "select ended_by, password_line is null from agent_credentials order by 1") == [
        ("rotation", True),
        (None, False),
    ]


def test_a_copy_of_a_device_cannot_rotate_after_the_device_did(
    office: Office, device: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    assert device.enrol(office.issue(capsys)) == 0
    stolen = device.password_file.read_text()
    assert device.enrol("--rotate") == 0
    now = device.password
    device.password_file.write_text(stolen)
    assert device.enrol("--rotate") == 1
    assert "not the one that the platform knows" in capsys.readouterr().err
    device.password_file.write_text(now)
    assert device.connects()


def test_revocation_ends_the_running_connection_and_the_next(
    office: Office, device: Device, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert device.enrol(office.issue(capsys)) == 0
    running = session_of(device._broker, AGENT, device.password, tmp_path)
    assert running.open(lambda: False)
    assert office.run("revoke", AGENT) == 0
    with pytest.raises(ConnectionEnded):
        until(lambda: bool(running.poll(0.1)))
    running.close()
    assert not device.connects()
    assert device.enrol("--rotate") == 1
    capsys.readouterr()
    assert office.run("list") == 0
    assert "ended by revocation" in capsys.readouterr().out
    assert office.run("revoke", AGENT) == 1
    assert device.enrol(office.issue(capsys)) == 0
    assert device.connects()


def test_a_revocation_from_elsewhere_reaches_the_broker_by_the_running_service(
    office: Office, device: Device, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    assert device.enrol(office.issue(capsys)) == 0
    assert device.connects()
    connection.execute(
        "update agent_credentials set ended_at = now(), ended_by = 'revocation', password_line = null,"
        " rotation_sha256 = null"
    )
    connection.commit()
    until(lambda: not device.connects())


def test_an_agent_must_be_in_the_registry_and_approval_stays_an_act_of_its_own(
    office: Office, device: Device, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    assert office.run("issue", "stranger") == 1
    assert "the registry has no agent 'stranger'" in capsys.readouterr().err
    versions = "select count(*) from registry_versions"
    before = rows(connection, versions)
    assert device.enrol(office.issue(capsys)) == 0
    assert rows(connection, versions) == before
    approve(connection, AGENT)
    connection.commit()
    capsys.readouterr()
    assert device.enrol("--rotate") == 0
    assert "not approved" not in capsys.readouterr().out


def test_a_broker_that_cannot_be_told_is_told_later(
    office: Office, device: Device, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applier, "_AFTER_FAILURE_S", 0.2)
    pid = office.pid_file.read_text()
    office.pid_file.write_text("1\n")  # a running process that is no broker: it must not get the signal
    assert device.enrol(office.issue(capsys)) == 0
    assert "the broker does not know it yet" in capsys.readouterr().out
    assert not device.connects()
    assert office.run("apply") == 1
    assert "and not mosquitto" in capsys.readouterr().err
    office.pid_file.write_text(pid)
    until(device.connects)
    assert office.run("apply") == 0


@pytest.mark.parametrize(
    "request_text",
    [
        b"GET /v1/enrol HTTP/1.1\r\n\r\n",
        b"POST /v1/enrol HTTP/1.1\r\n\r\n",
        b"POST /v1/enrol HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
        b"POST /v1/enrol HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/enrol HTTP/1.1\r\nContent-Length: 3\r\n\r\n{}!",
        b"POST /elsewhere HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
        b"\x00\xff\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused_and_the_service_goes_on(
    office: Office, device: Device, capsys: pytest.CaptureFixture[str], request_text: bytes
) -> None:
    assert office.service
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", office.service.port), 10) as line, context.wrap_socket(line) as tls:
        tls.sendall(request_text)
        answer = tls.recv(4096)
    assert b" 200 " not in answer.partition(b"\r\n")[0]
    assert device.enrol(office.issue(capsys)) == 0


def test_an_address_that_asks_without_end_is_put_off(
    office: Office, device: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = EnrolmentCode(AGENT, bytes(16), EnrolmentCode.parse(office.issue(capsys)).fingerprint)
    for _ in range(60):
        assert device.enrol(wrong.text()) == 1
        if "too many attempts" in capsys.readouterr().err:
            return
    pytest.fail("every attempt was answered")
