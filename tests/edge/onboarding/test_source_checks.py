"""What is found about sources: tried where no agent runs, read from its states where one does."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from edge.onboarding.finding import Finding, Grade
from edge.onboarding.source_checks import source_findings
from edge.settings import EdgeSettings
from edge.source_states import SourceState

JSON_MAP = """
format = "json"
title = "a probe"
device = "probe-1"
[[reading]]
path = "temperature"
quantity = "temperature"
unit = "degC"
"""


def settings(folder: Path, *sources: dict[str, Any]) -> EdgeSettings:
    return EdgeSettings.model_validate(
        {
            "agent": {"id": "shop-1"},
            "broker": {"host": "127.0.0.1"},
            "spool": {"path": str(folder / "spool.sqlite")},
            "source": list(sources),
        }
    )


def found(folder: Path, source: dict[str, Any], wait_s: float = 10.0) -> Finding:
    (finding,) = source_findings(settings(folder, source), {}, wait_s)
    assert finding.check == f"source.{source['name']}"
    return finding


@contextmanager
def device(body: bytes) -> Iterator[str]:
    """Yield the URL of a device that answers each question so."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/status"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def probe(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "map.toml").write_text(JSON_MAP)
    return {"name": "probe", "decoder": "json_map", "options": {"map": str(tmp_path / "map.toml")}}


def test_a_polled_device_is_asked_once(tmp_path: Path, probe: dict[str, Any]) -> None:
    with device(b'{"temperature": 4.5}') as url:
        finding = found(tmp_path, probe | {"kind": "http_poll", "url": url})
    assert finding.grade is Grade.OK
    assert finding.text.en == "1 readings came"


def test_what_the_decoder_refuses_is_wrong(tmp_path: Path, probe: dict[str, Any]) -> None:
    with device(b'{"temperature": "warm"}') as url:
        finding = found(tmp_path, probe | {"kind": "http_poll", "url": url})
    assert finding.grade is Grade.WRONG
    assert "the decoder refuses what came" in finding.text.en
    assert "warm" not in finding.text.en


def test_a_device_that_is_not_there_is_wrong_in_both_languages(tmp_path: Path, probe: dict[str, Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    finding = found(tmp_path, probe | {"kind": "http_poll", "url": f"http://127.0.0.1:{port}/"})
    assert finding.grade is Grade.WRONG
    assert finding.fix is not None
    assert "check url" in finding.fix.en
    assert "请检查 url" in finding.fix.zh


def test_a_modbus_device_that_is_not_there_is_wrong(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    source = {"kind": "modbus_poll", "name": "meter", "host": "127.0.0.1", "port": port, "decoder": "modbus_map"}
    blocks = [{"start": 0, "count": 1}]
    options = {"map": str(Path("deploy/maps/iem3155.toml").resolve())}
    finding = found(tmp_path, source | {"blocks": blocks, "options": options})
    assert finding.grade is Grade.WRONG
    assert finding.fix is not None
    assert "host and port" in finding.fix.en


def test_a_place_to_push_to_waits_and_accepts_nothing(tmp_path: Path, probe: dict[str, Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    push = probe | {"kind": "http_push", "port": port, "answer_within_s": 0.5}
    silent = found(tmp_path, push, wait_s=0.3)
    assert silent.grade is Grade.WARNING
    assert "nothing came" in silent.text.en

    statuses: list[int] = []

    def push_until_heard() -> None:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/", json.dumps({"temperature": 4}).encode())
        end_s = time.monotonic() + 10
        while not statuses and time.monotonic() < end_s:
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - loopback
                    statuses.append(answer.status)
            except urllib.error.HTTPError as error:
                statuses.append(error.code)
                error.close()
            except OSError:
                time.sleep(0.02)

    pusher = threading.Thread(target=push_until_heard)
    pusher.start()
    heard = found(tmp_path, push)
    pusher.join()
    assert heard.grade is Grade.OK
    assert statuses == [503]


def test_a_port_in_use_is_wrong(tmp_path: Path, probe: dict[str, Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        finding = found(tmp_path, probe | {"kind": "http_push", "port": taken.getsockname()[1]})
    assert finding.grade is Grade.WRONG
    assert "cannot be listened on" in finding.text.en


@pytest.mark.parametrize(
    ("source", "grade", "said"),
    [
        ({"kind": "recording", "path": "/none.csv", "map": "/none.toml"}, Grade.WRONG, "/none"),
        ({"kind": "simulated_store", "store": "sim-store-a", "days": ["2026-05-04"]}, Grade.OK, "readings came"),
    ],
)
def test_sources_without_a_device(tmp_path: Path, source: dict[str, Any], grade: Grade, said: str) -> None:
    finding = found(tmp_path, source | {"name": "source"})
    assert finding.grade is grade
    assert said in finding.text.en


@pytest.mark.parametrize(
    ("state", "grade", "said"),
    [
        (SourceState("s", running=True, contact_us=999_000_000, readings=7), Grade.OK, "last data 1 s ago; 7 readings"),
        (SourceState("s", running=True, contact_us=0, readings=7), Grade.OK, "last data 1000 s ago"),
        (SourceState("s", running=True), Grade.WARNING, "nothing has come"),
        (SourceState("s", failures=3, error="no answer", fix="look at it"), Grade.WRONG, "no answer"),
    ],
)
def test_of_a_running_agent_its_own_word_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: SourceState, grade: Grade, said: str
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    held = settings(tmp_path, {"kind": "recording", "name": "s", "path": "/none.csv", "map": "/none.toml"})
    (finding,) = source_findings(held, {"s": state}, 1.0)
    assert finding.grade is grade
    assert said in finding.text.en
