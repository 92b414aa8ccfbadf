"""Polling a device that is well, wrong, slow, flaky, or behind a password."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import Any

import pytest
from edge_tools.device_server import Answer, Request, behind_digest, device, ok, raw, status
from edge_tools.plain_decoder import PLAIN, known
from edge_tools.played import playing

from edge import supervision
from edge.intake import Intake
from edge.source_states import SourceStates
from edge.sources.http_access import Credentials, DigestGate
from edge.sources.http_poll import HttpPoll, HttpPollSettings
from edge.sources.source import SourceTroubleError


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, PLAIN)


def source(url: str, **keys: Any) -> HttpPoll:
    defaults = {"name": "meter", "url": url, "decoder": "plain", "options": {"device": "m"}, "interval_s": 0.1}
    return HttpPollSettings.model_validate(defaults | {"timeout_s": 5.0} | keys).build()


def counting() -> Answer:
    number = iter(range(1000))

    def answered(request: Request, line: socket.socket) -> None:
        ok(b'{"value": %d}' % next(number))(request, line)

    return answered


def test_each_answer_becomes_readings_in_order() -> None:
    with device(counting()) as asked, playing(source(asked.url())) as played:
        played.wait_for(lambda: len(played.groups) >= 3)
        assert played.values[:3] == [0.0, 1.0, 2.0]
        assert asked.requests[0].target == "/status?a=1"
        assert played.groups[0].position == ""
        assert played.states.states()[0].contact_us


def test_an_answer_that_says_nothing_is_a_contact_and_a_wrong_one_a_refusal() -> None:
    with device(ok(b"heartbeat")) as asked, playing(source(asked.url())) as played:
        played.wait_for(lambda: len(asked.requests) >= 2 and played.states.states()[0].contact_us is not None)
        assert played.groups == []
        asked.answer = ok(b"<html>")
        played.wait_for(lambda: len(played.groups) > 0)
        assert played.refusals[0].reason == "not_json"


WRONG: dict[str, tuple[Answer, str]] = {
    "not there": (status(404), "status 404"),
    "no such service": (raw(b"SSH-2.0-dropbear\r\n"), "does not answer in HTTP"),
    "hung up at once": (raw(b""), "hung up"),
    "cut off": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"), "broke off"),
    "too long": (ok(b" " * 2000), "more than 1000 bytes"),
    "endless": (raw(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 2000), "more than 1000 bytes"),
    "elsewhere": (status(302, "Location: http://127.0.0.1:1/"), "status 302"),
    "wants a user": (status(401, 'WWW-Authenticate: Basic realm="a"'), "wants a user"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_is_a_trouble_with_a_fix(name: str) -> None:
    answer, problem = WRONG[name]
    with device(answer) as asked, playing(source(asked.url(), most_bytes=1000)) as played:
        played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
        assert problem in played.error.problem
        assert played.error.fix


def dripping(_request: Request, line: socket.socket) -> None:
    """Send a byte now and then: a time-out that begins anew with each would never end."""
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b" " * 5000:
        line.sendall(bytes([byte]))
        Event().wait(0.02)


def test_a_device_that_drips_is_given_up() -> None:
    with device(dripping) as asked, playing(source(asked.url(), timeout_s=0.5)) as played:
        played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
        assert "silent for too long" in played.error.problem


def test_a_stop_ends_the_waiting_for_an_answer() -> None:
    silent = Event()

    def holding(_request: Request, _line: socket.socket) -> None:
        silent.wait(10)

    with device(holding) as asked:
        with playing(source(asked.url(), timeout_s=300)) as played:
            played.wait_for(lambda: len(asked.requests) == 1)
            played.stop.set()
            played.wait_for(lambda: played.ended)
            assert played.error is None
        silent.set()


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with playing(source(f"http://127.0.0.1:{port}/")) as played:
        played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
        assert "takes no connection" in played.error.problem


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("secret\n")
    return path


def test_digest_access_with_one_challenge_for_many_questions(password: Path) -> None:
    gate = DigestGate("meter", Credentials("me", "secret"), lambda: 1.0)
    asking = {"username": "me", "password_file": str(password)}
    with device(behind_digest(gate, counting())) as asked, playing(source(asked.url(), **asking)) as played:
        played.wait_for(lambda: len(played.groups) >= 3)
        sent = ["authorization" in each.headers for each in asked.requests[:4]]
        assert sent == [False, True, True, True]
        assert "secret" not in str(asked.requests)


def test_a_device_that_forgets_its_nonces_asks_again(password: Path) -> None:
    def gate() -> DigestGate:
        return DigestGate("meter", Credentials("me", "secret"), lambda: 1.0)

    asking = {"username": "me", "password_file": str(password)}
    with device(behind_digest(gate(), counting())) as asked, playing(source(asked.url(), **asking)) as played:
        played.wait_for(lambda: len(played.groups) >= 2)
        asked.answer = behind_digest(gate(), ok(b'{"value": 70}'))
        played.wait_for(lambda: played.values[-1] == 70.0)
        assert played.error is None


def behind_basic(request: Request, line: socket.socket) -> None:
    right = request.headers.get("authorization") == Credentials("me", "secret").basic()
    (ok(b'{"value": 5}') if right else status(401, 'WWW-Authenticate: Basic realm="a"'))(request, line)


def test_basic_access_is_used_where_nothing_better_is_offered(password: Path) -> None:
    asking = {"username": "me", "password_file": str(password)}
    with device(behind_basic) as asked, playing(source(asked.url(), **asking)) as played:
        played.wait_for(lambda: len(played.groups) >= 2)
        assert "authorization" not in asked.requests[0].headers


@pytest.mark.parametrize("content", ["guess", None])
def test_a_wrong_or_missing_password_is_said(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "wrong"
    if content:
        path.write_text(content)
    asking = {"username": "me", "password_file": str(path)}
    with device(behind_basic) as asked, playing(source(asked.url(), **asking)) as played:
        played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
        assert "password_file" in played.error.fix
        assert len(asked.requests) == (2 if content else 0)


def test_a_challenge_that_is_not_understood_is_said(password: Path) -> None:
    asking = {"username": "me", "password_file": str(password)}
    with device(status(401, "WWW-Authenticate: Negotiate")) as asked, playing(source(asked.url(), **asking)) as played:
        played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
        assert "offers neither" in played.error.problem


def test_a_flaky_device_is_asked_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "_FIRST_PAUSE_S", 0.01)
    behaviours = iter([status(500), ok(b'{"value": 1}'), raw(b""), raw(b"garbage"), ok(b'{"value": 2}')])

    def flaky(request: Request, line: socket.socket) -> None:
        next(behaviours, ok(b'{"value": 3}'))(request, line)

    class Nowhere:
        def position(self, _source: str) -> None:
            return None

    intake, stop = Intake(100), Event()
    states = SourceStates(["meter"], lambda: 1)
    with device(flaky) as asked:
        polled = source(asked.url())
        supervisor = supervision.Supervisor(Nowhere(), intake, states, Random(1))
        player = Thread(target=supervisor.play, args=(polled, stop))
        player.start()
        values: list[float] = []
        while 3.0 not in values:
            gathered = intake.gather(1, 0.0, 5.0)
            intake.accepted(gathered)
            assert gathered
            values += [reading.value for _, each in gathered for reading in each.readings]
        assert states.states()[0].running
        stop.set()
        intake.close()
        player.join(10)
    assert values[:3] == [1.0, 2.0, 3.0]
    (state,) = states.states()
    assert state.failures == 0
    assert state.error is not None
    assert state.fix
    assert not state.running


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a device's own certificate, which names no address, as those of devices don't."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("certificate")
    command = "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=camera"
    subprocess.run([openssl, *command.split()], check=True, cwd=folder, stderr=subprocess.DEVNULL)
    return folder


def test_tls_with_the_device_s_own_certificate(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    ca_file = {"ca_file": str(certificate / "cert.pem")}
    with device(ok(b'{"value": 5}'), context) as asked:
        url = asked.url(scheme="https")
        with playing(source(url, **ca_file, verify_host=False)) as played:
            played.wait_for(lambda: len(played.groups) >= 2)
        for untrusted in ({}, ca_file):
            with playing(source(url, **untrusted)) as played:
                played.wait_for(lambda: played.ended)
                assert isinstance(played.error, SourceTroubleError)
                assert "ca_file" in played.error.fix
