"""What devices post: answered when it is accepted, refused with a reason, bounded in every way."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from edge_tools.plain_decoder import PLAIN, known
from edge_tools.played import Played, playing, wait_until
from hypothesis import given, settings
from hypothesis import strategies as st
from standalone.free_port import free_port

from edge.sources.decoding import Payload
from edge.sources.http_access import Credentials, challenges, digest_answers
from edge.sources.http_push import HttpPush, HttpPushSettings
from edge.sources.source import SourceTroubleError

Answer = tuple[int, Any]


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, PLAIN)


def source(**keys: Any) -> HttpPush:
    defaults = {"name": "doors", "port": free_port(), "decoder": "plain", "options": {"device": "d"}}
    return HttpPushSettings.model_validate(defaults | keys).build()


@contextmanager
def listening(*, accepting: bool = True, **keys: Any) -> Iterator[tuple[Played, int]]:
    pushed = source(**keys)
    port = pushed._settings.port
    with playing(pushed, accepting=accepting) as played:
        wait_until(lambda: _open(port) or played.ended)
        yield played, port


def _open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True


def post(port: int, body: bytes, path: str = "/", method: str = "POST", **headers: str) -> Answer:
    """Return status and document of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if content else answer.headers
    finally:
        connection.close()


def sent(port: int, content: bytes, *, end: bool = False) -> bytes:
    """Return all that is answered to raw bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(content)
        if end:
            line.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while received := line.recv(4096):
                answer += received
        except ConnectionResetError:
            pass
        return answer


def in_background(port: int, body: bytes) -> tuple[Thread, list[Answer]]:
    answers: list[Answer] = []
    thread = Thread(target=lambda: answers.append(post(port, body)))
    thread.start()
    return thread, answers


def test_readings_are_answered_with_200_and_kept_in_order() -> None:
    with listening() as (played, port):
        status, _ = post(port, b'[{"value": 1, "t_us": 5}, {"value": 2, "t_us": 3}]', Content_Type="application/json")
        assert status == 200
        assert [(reading.value, reading.t_us) for reading in played.readings] == [(1.0, 5), (2.0, 3)]
        assert post(port, b'{"value": 3}', method="PUT")[0] == 200


def test_not_answered_before_it_is_accepted() -> None:
    with listening(accepting=False) as (played, port):
        thread, answers = in_background(port, b'{"value": 1}')
        played.wait_for(lambda: len(played.groups) == 1)
        thread.join(0.2)
        assert thread.is_alive()
        assert answers == []
        played.accept(played.groups[0])
        thread.join(10)
        assert [status for status, _ in answers] == [200]


def test_503_where_the_spool_takes_nothing_and_then_it_is_not_accepted_later() -> None:
    with listening(accepting=False) as (played, port):
        thread, answers = in_background(port, b'{"value": 1}')
        played.wait_for(lambda: len(played.groups) == 1)
        played.accept(played.groups[0], accepted=False)
        thread.join(10)
        ((status, document),) = answers
        assert (status, document["reason"]) == (503, "not_accepted")
        receipt = played.groups[0].receipt
        assert receipt is not None
        assert not receipt.begin()


def test_503_where_the_acceptance_does_not_come_in_time() -> None:
    with listening(accepting=False, answer_within_s=0.1) as (_, port):
        assert post(port, b'{"value": 1}')[0] == 503


def test_503_where_the_agent_stops_before_and_200_where_it_is_accepted_while_it_stops() -> None:
    with listening(accepting=False) as (played, port):
        thread, answers = in_background(port, b'{"value": 1}')
        played.wait_for(lambda: len(played.groups) == 1)
        played.stop.set()
        wait_until(lambda: not _open(port))
        played.accept(played.groups[0])
        thread.join(10)
        assert [status for status, _ in answers] == [200]
    pushed = source()
    groups = pushed.groups(None, Event())
    waiting: list[Answer] = []
    client = Thread(target=lambda: waiting.append(_posted(pushed._settings.port)))
    client.start()
    next(groups)
    groups.close()  # type: ignore[attr-defined] # as the agent does with a group that it no longer takes
    client.join(10)
    assert [status for status, _ in waiting] == [503]


def _posted(port: int) -> Answer:
    wait_until(lambda: _open(port))
    return post(port, b'{"value": 1}')


def test_a_refused_payload_is_answered_with_400_when_its_refusal_is_accepted() -> None:
    with listening(accepting=False) as (played, port):
        thread, answers = in_background(port, b"<xml>")
        played.wait_for(lambda: len(played.groups) == 1)
        thread.join(0.1)
        assert answers == []
        assert played.refusals[0].reason == "not_json"
        played.accept(played.groups[0])
        thread.join(10)
        assert answers == [(400, {"reason": "not_json", "detail": "the payload is not JSON"})]


def test_a_payload_refused_in_part_is_taken() -> None:
    with listening() as (played, port):
        assert post(port, b'[{"value": 1}, {"value": "x"}]')[0] == 200
        assert played.values == [1.0]
        assert [refusal.reason for refusal in played.refusals] == ["value"]


def test_a_heartbeat_is_answered_and_makes_no_group() -> None:
    with listening() as (played, port):
        assert post(port, b"heartbeat")[0] == 200
        assert played.groups == []
        assert played.states.states()[0].contact_us is not None


def test_a_defect_of_the_decoder_is_a_refusal() -> None:
    with listening() as (_, port):
        status, document = post(port, b"defect")
        assert (status, document["reason"]) == (400, "decoder_failed")


def test_one_connection_for_many_requests_and_many_connections_at_once() -> None:
    with listening() as (played, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for number in range(5):
            connection.request("POST", "/", b'{"value": %d}' % number)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
        connection.close()
        background = [in_background(port, b'{"value": %d}' % number) for number in range(5, 13)]
        for thread, _ in background:
            thread.join(20)
        assert [status for _, answers in background for status, _ in answers] == [200] * 8
        assert sorted(played.values) == [float(number) for number in range(13)]


def test_a_body_in_chunks() -> None:
    with listening() as (played, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("POST", "/", iter([b'{"val', b'ue": 5}']), encode_chunked=True)
        assert connection.getresponse().status == 200
        connection.close()
        assert played.values == [5.0]


def test_the_decoder_gets_path_and_content_type(monkeypatch: pytest.MonkeyPatch) -> None:
    pushed = source(path="/hook")
    taken: list[tuple[Any, ...]] = []

    def arrived(*what: Any) -> Payload:
        taken.append(what)
        return pushed._reader.refused("x", "")

    monkeypatch.setattr(pushed._reader, "arrived", arrived)
    with playing(pushed):
        wait_until(lambda: _open(pushed._settings.port))
        assert post(pushed._settings.port, b"1", "/hook/a?b=c", Content_Type="text/plain")[0] == 400
        assert post(pushed._settings.port, b"2", "/hook")[0] == 400
        for path in ("/", "/hooks", "/other/hook"):
            assert post(pushed._settings.port, b"3", path)[0] == 404
    assert taken == [(b"1", "/hook/a", "text/plain"), (b"2", "/hook", "")]


HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
WRONG = {
    "no length": (HEAD + b"\r\n", b"411"),
    "a length that is none": (HEAD + b"Content-Length: -5\r\n\r\n", b"400"),
    "two lengths": (HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", b"400"),
    "length and chunks": (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
    "another coding": (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", b"400"),
    "a chunk without its size": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", b"400"),
    "a chunk of another size": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", b"400"),
    "too long": (HEAD + b"Content-Length: 1001\r\n\r\n", b"413"),
    "too long, all of it sent": (HEAD + b"Content-Length: 5000\r\n\r\n" + b"x" * 5000, b"413"),
    "too long, asking first": (HEAD + b"Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n", b"413"),
    "too long in chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n3e9\r\n", b"413"),
    "compressed": (HEAD + b"Connection: close\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", b"415"),
    "no method": (b"HELLO\r\n\r\n", b"400"),
    "another method": (b"DELETE / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", b"501"),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", b"400"),
    "headers without end": (HEAD + b"a: b\r\n" * 20_000, b"431"),
    "a line without end": (b"GET /" + b"a" * 70_000, b"4"),
    "nothing at all": (b"", b""),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_request_is_refused_and_the_next_is_served(name: str) -> None:
    content, expected = WRONG[name]
    with listening(most_bytes=1000) as (played, port):
        answer = sent(port, content, end=not content)
        assert answer.startswith(b"HTTP/1.1 " + expected if expected else b"")
        assert played.groups == []
        assert post(port, b'{"value": 1}')[0] == 200


def test_an_announced_body_is_asked_for() -> None:
    with listening() as (_, port), socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: 12\r\n\r\n")
        assert line.recv(4096).startswith(b"HTTP/1.1 100")
        line.sendall(b'{"value": 1}')
        assert line.recv(4096).startswith(b"HTTP/1.1 200")


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[tuple[Played, int]]:
    with pytest.MonkeyPatch.context() as patch:
        known(patch, PLAIN)
        with listening(receive_within_s=1.0) as served:
            yield served


@settings(max_examples=40, deadline=None)
@given(pieces=st.lists(st.binary(max_size=200), max_size=5), with_head=st.booleans())
def test_no_bytes_stop_the_server(fuzzed: tuple[Played, int], pieces: list[bytes], with_head: bool) -> None:
    played, port = fuzzed
    sent(port, (HEAD if with_head else b"") + b"\r\n".join(pieces) + b"\r\n\r\n", end=True)
    assert post(port, b"heartbeat")[0] == 200
    assert not played.ended


def _drips(line: socket.socket) -> bool:
    try:
        line.sendall(b"x")
    except OSError:
        return False
    return True


@pytest.mark.parametrize("slow", [b"PO", HEAD, HEAD + b"Content-Length: 500\r\n\r\n{"])
def test_a_slow_sender_is_cut_off_however_steadily_it_drips(slow: bytes) -> None:
    with (
        listening(receive_within_s=0.4) as (_, port),
        socket.create_connection(("127.0.0.1", port), timeout=20) as line,
    ):
        line.sendall(slow)
        wait_until(lambda: not _drips(line))
        assert post(port, b'{"value": 1}')[0] == 200


def test_idle_connections_do_not_take_the_place_of_others_for_ever() -> None:
    with listening(most_connections=2, receive_within_s=1.0) as (_, port), ExitStack() as idle:

        def is_full() -> bool:
            """Take all places, again where a slow machine let those of before run out."""
            for _ in range(2):
                idle.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            return post_if_possible(port) == 503

        wait_until(is_full)
        wait_until(lambda: post_if_possible(port) == 200)


def post_if_possible(port: int) -> int:
    try:
        return post(port, b'{"value": 1}')[0]
    except (OSError, http.client.HTTPException):
        return 503  # hung up on before it had sent its request


def test_the_end_of_the_agent_is_not_held_up_by_idle_connections() -> None:
    with listening(receive_within_s=300) as (played, port):
        with socket.create_connection(("127.0.0.1", port), timeout=20):
            played.stop.set()
            played.wait_for(lambda: played.ended)
        assert played.error is None


@pytest.fixture
def password(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "password").write_text("secret\n")
    return {"username": "door", "password_file": str(tmp_path / "password")}


def test_basic_access(password: dict[str, Any]) -> None:
    with listening(authentication="basic", **password) as (played, port):
        status, headers = post(port, b'{"value": 1}')
        assert (status, headers["WWW-Authenticate"]) == (401, 'Basic realm="smartstore", charset="UTF-8"')
        for wrong in (Credentials("door", "guess"), Credentials("window", "secret")):
            assert post(port, b'{"value": 1}', Authorization=wrong.basic())[0] == 401
        for odd in ("Basic", "Basic !!", "Digest a", Credentials("door", "secret").basic().replace("Basic", "Digest")):
            assert post(port, b'{"value": 1}', Authorization=odd)[0] == 401
        assert played.groups == []
        (state,) = played.states.states()
        assert state.error is not None
        assert "wrong user or password" in state.error
        assert post(port, b'{"value": 1}', Authorization=Credentials("door", "secret").basic())[0] == 200
        assert played.values == [1.0]


def test_digest_access(password: dict[str, Any]) -> None:
    with listening(authentication="digest", **password) as (played, port):
        status, headers = post(port, b'{"value": 1}', "/a?b=c")
        assert status == 401
        offered = challenges(headers.get_all("WWW-Authenticate"))
        assert [each.parameters["algorithm"] for each in offered] == ["MD5", "SHA-256"]
        for credentials, expected in ((Credentials("door", "guess"), 401), (Credentials("door", "secret"), 200)):
            for challenge in offered:
                answers = digest_answers(credentials, [challenge])
                assert answers is not None
                authorization = answers.authorization("POST", "/a?b=c")
                assert post(port, b'{"value": 1}', "/a?b=c", Authorization=authorization)[0] == expected
                break
        status, headers = post(port, b'{"value": 1}', "/a?b=c", Authorization=authorization)
        assert (status, "stale=true" in headers["WWW-Authenticate"]) == (401, True)
        assert post(port, b"", Authorization=Credentials("door", "secret").basic())[0] == 401
        assert played.values == [1.0]


def test_a_password_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    missing = {"username": "door", "password_file": str(tmp_path / "none")}
    with playing(source(authentication="basic", **missing)) as played:
        played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
        assert "password_file" in played.error.fix


def test_a_taken_port_and_an_interface_that_is_not_there_are_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, playing(source(port=taken.getsockname()[1])) as played:
        played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
        assert "another port" in played.error.fix
    with playing(source(interface="none0")) as played:
        played.wait_for(lambda: played.ended)
        assert isinstance(played.error, SourceTroubleError)
        assert "lo" in played.error.fix


def test_only_the_interface_is_listened_on() -> None:
    with listening() as (_, port), socket.socket() as other, pytest.raises(OSError, match="refused"):
        other.connect(("127.0.0.2", port))
