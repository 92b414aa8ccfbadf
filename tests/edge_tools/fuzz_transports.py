"""What fuzzing tries of transports: whatever comes over a line, a connection or a file is read, refused or given up."""

from __future__ import annotations

import shutil
import socket
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

from edge_tools.decoder_cases import CASES, cases_of
from edge_tools.device_server import device, raw
from edge_tools.dlt645_meter import frame
from edge_tools.fuzz_target import Target
from edge_tools.modbus_server import check_sum
from edge_tools.mutations import mutated_bytes, mutated_text

from edge.decoders.multipart import boundary_of, split, whole
from edge.decoders.payload import PayloadRefusedError
from edge.sources import modbus_frames
from edge.sources.alert_stream import AlertStreamSettings
from edge.sources.dlt645_poll import _asked
from edge.sources.file_tail import FileTailSettings
from edge.sources.http_access import Credentials, DigestGate, challenges, digest_answers
from edge.sources.http_poll import HttpPollSettings
from edge.sources.http_push import HttpPushSettings
from edge.sources.modbus_frames import ExceptionAnswerError, FrameError
from edge.sources.modbus_lines import RtuFraming, TcpFraming
from edge.sources.push_connection import PushConnection, PushDesk
from edge.sources.push_receiver import PushAnswer
from edge.sources.source import SourceTroubleError
from edge.wire.decode import WireError, decode

_METER, _ENERGY = "000012345678", 0x00010000
_EXAMPLES = Path(__file__).parents[1] / "edge" / "wire" / "examples"
_CREDENTIALS = Credentials("device", "secret")
_AUTHORIZATION = b"Authorization: %b\r\n"
_PAYLOADS = [case.payload for case in CASES]
_MULTIPART = next(case for case in cases_of("hikvision_people_counting") if "multipart" in case.arrival().content_type)


class _Line:
    """A line over which these bytes come, whatever is asked."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def send(self, frame: bytes, until_s: float) -> None: ...

    def discard(self) -> None: ...

    def close(self) -> None: ...

    def receive(self, count: int, until_s: float) -> bytes:
        if len(self._content) < count:
            raise TimeoutError("no answer")
        taken, self._content = self._content[:count], self._content[count:]
        return taken


def _multipart(random: Random) -> None:
    body = mutated_bytes(_MULTIPART.payload, _PAYLOADS, random)
    content_type = _MULTIPART.arrival().content_type
    content_type = mutated_text(content_type, random) if random.random() < 0.3 else content_type
    with suppress(PayloadRefusedError):
        whole(body, content_type)
    with suppress(PayloadRefusedError):
        boundary, rest = boundary_of(content_type), b""
        for start in range(0, len(body), 97):
            _, rest = split(rest + body[start : start + 97], boundary)


def _access(random: Random) -> None:
    gate = DigestGate("realm", _CREDENTIALS, lambda: 1.0)
    offered = _header(random.choice(gate.challenges(stale=False)), random)
    answers = digest_answers(_CREDENTIALS, challenges([offered]))
    given = answers.authorization("POST", "/") if answers is not None else _CREDENTIALS.basic()
    gate.verdict(_header(given, random), "POST", "/")


def _header(text: str, random: Random) -> str:
    """Return a header as HTTP knows it: whatever came, each byte of it is one character."""
    return mutated_text(text, random).encode("utf-8", "surrogatepass").decode("latin-1")


def _modbus(random: Random) -> None:
    pdu = bytes([3, 4]) + struct.pack(">HH", 17, 65535)
    rtu = bytes([7]) + pdu
    frames = [struct.pack(">HHHB", 1, 0, len(pdu) + 1, 7) + pdu, rtu + check_sum(rtu)]
    content = mutated_bytes(random.choice(frames), frames, random)
    for framing in (TcpFraming(_Line(content)), RtuFraming(_Line(content))):
        with suppress(FrameError, ExceptionAnswerError, TimeoutError):
            registers = modbus_frames.registers_of(framing.ask(7, modbus_frames.question(3, 0, 2), 0.0), 3, 2)
            assert len(registers) == 2
            assert all(0 <= register <= 0xFFFF for register in registers)


def _dlt645(random: Random) -> None:
    right = b"\xfe\xfe" + frame(_METER, 0x91, _ENERGY.to_bytes(4, "little") + b"\x01\x00\x00\x00")
    with suppress(PayloadRefusedError, TimeoutError):
        _asked(_Line(mutated_bytes(right, [right], random)), _METER, _ENERGY, 0.0)


def _platform(random: Random) -> None:
    seeds = [path.read_bytes() for path in sorted(_EXAMPLES.rglob("*.json"))]
    with suppress(WireError):
        decode(mutated_bytes(random.choice(seeds), seeds, random))


class _Receiver:
    name = "fuzzed"

    def pushed(self, body: bytes, path: str, content_type: str) -> PushAnswer:
        return PushAnswer(200)

    def trouble(self, event: str, error: str, fix: str) -> None: ...


def _push(random: Random) -> None:
    """Have a connection of the push server served in this thread: what is posted, and then the end of it."""
    authentication = random.choice(("none", "basic", "digest"))
    login = {} if authentication == "none" else {"username": "device", "password_file": "/unused"}
    bounds = HttpPushSettings.model_validate(
        {"name": "fuzzed", "port": 1, "decoder": "hanshow", "options": {"device": "d"}, "most_bytes": 4096}
        | {"authentication": authentication, "receive_within_s": 0.2, **login}
    )
    heads = [
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
        b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x=1\r\nhello\r\n0\r\nTrailer: 1\r\n\r\n",
        b"PUT / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n" + _AUTHORIZATION % b"Basic ZDpz" + b"\r\n{}",
        b"POST / HTTP/1.1\r\nContent-Length: 0\r\n" + _AUTHORIZATION % b'Digest username="d", nonce="1.2.3"' + b"\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ]
    sent = b"".join(random.choice(heads) for _ in range(random.randint(1, 3)))
    sent = mutated_bytes(sent, heads, random)[:100_000]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        ours.settimeout(5)
        ours.sendall(sent)
        ours.shutdown(socket.SHUT_WR)
        desk = PushDesk(bounds, None if authentication == "none" else _CREDENTIALS, _Receiver())
        with suppress(OSError):
            PushConnection(desk, theirs, ("127.0.0.1", 1), None)
        theirs.close()
        answer = b""
        with suppress(OSError):
            while chunk := ours.recv(65536):
                answer += chunk
        assert answer == b"" or answer.startswith(b"HTTP/1."), "the answer is not HTTP"


class _OneLook(Event):
    """Lets a source look once: it is stopped where it would wait."""

    def wait(self, timeout: float | None = None) -> bool:
        return True


def _file(folder: Path, random: Random) -> None:
    lines = (
        b'time,count\r\n2026-03-02T01:05:00Z,5\r\n"a ""quoted""","b\nc"\n' + "温度,开\n".encode("gb18030") + b"no end"
    )
    for path in folder.iterdir():
        path.unlink()
    name = random.choice((b"export.csv", b"export-1.csv", b"\xce\xc2\xb6\xc8.csv", b"\xff\n'.csv"))
    (folder / name.decode("utf-8", "surrogateescape")).write_bytes(mutated_bytes(lines, _PAYLOADS, random))
    keys = {
        "name": "fuzzed",
        "path": str(folder),
        "pattern": "*.csv",
        "decoder": "json_map",
        "options": {"map": "deploy/maps/water_meter.toml", "device": "m"},
        "format": random.choice(("csv", "json_lines", "lines")),
        "encoding": random.choice(("utf-8", "gb18030", "latin-1")),
        "start": random.choice(("beginning", "end")),
        "most_line_bytes": random.choice((64, 1024, 65536)),
    }
    source = FileTailSettings.model_validate(keys).build()
    with suppress(SourceTroubleError):
        for group in source.groups(None, _OneLook()):
            group.position.encode()
            for refusal in group.refusals:
                refusal.model_dump_json()


@contextmanager
def _asked_device(random_answer: Callable[[Random], bytes]) -> Iterator[Callable[[Random, Any], None]]:
    """Yield what has a source ask a device that answers wrongly, once."""
    with device(raw(b"")) as serving:

        def attempt(random: Random, settings: Any) -> None:
            serving.answer = raw(random_answer(random))
            source = settings.model_copy(update={"url": serving.url("/")}).build()
            with suppress(SourceTroubleError):
                for group in source.groups(None, _OneLook()):
                    for refusal in group.refusals:
                        refusal.model_dump_json()

        yield attempt


def _answered(random: Random) -> bytes:
    answers = [
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n" + b'{"errno": 0}',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nc\r\n" + b'{"errno": 0}' + b"\r\n0\r\n\r\n",
        b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\nContent-Length: 0\r\n\r\n',
        b"HTTP/1.0 204 No Content\r\n\r\n",
    ]
    return mutated_bytes(random.choice(answers), answers, random)


def _streamed(random: Random) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed; boundary=MIME_boundary\r\n\r\n"
    return mutated_bytes(head + _MULTIPART.payload, _PAYLOADS, random)


@contextmanager
def transport_targets() -> Iterator[list[Target]]:
    """Yield the targets; a device and a folder are there for them meanwhile."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    asked = {"name": "fuzzed", "url": "http://127.0.0.1:1/", "timeout_s": 2.0, "options": {"device": "d"}}
    poll = HttpPollSettings.model_validate(asked | {"decoder": "hanshow", "most_bytes": 4096})
    stream = AlertStreamSettings.model_validate(asked | {"decoder": "hikvision_people_counting", "silence_s": 2.0})
    try:
        with _asked_device(_answered) as answered, _asked_device(_streamed) as streamed:
            yield [
                Target("multipart", _multipart),
                Target("http_access", _access),
                Target("modbus_frames", _modbus),
                Target("dlt645_line", _dlt645),
                Target("platform_documents", _platform),
                Target("http_push", _push),
                Target("file_tail", lambda random: _file(folder, random)),
                Target("http_poll", lambda random: answered(random, poll)),
                Target("alert_stream", lambda random: streamed(random, stream)),
            ]
    finally:
        shutil.rmtree(folder)
