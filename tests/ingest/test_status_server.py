"""What the status server answers, and that a report which fails is an answer too."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter

from ingest.status_server import StatusServer


def failing() -> tuple[bool, dict[str, Any]]:
    return bool(1 / 0), {}


@pytest.fixture
def port() -> Iterator[int]:
    registry = CollectorRegistry()
    Counter("things", "Things", registry=registry).inc(3)
    server = StatusServer(0, lambda: (False, {"wrong": ["智"]}), failing, registry)
    server.start()
    yield server.port
    server.stop()


def get(port: int, path: str) -> tuple[int, str, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read()


def test_particulars_come_with_the_status(port: int) -> None:
    status, kind, body = get(port, "/healthz")
    assert (status, kind, json.loads(body)) == (503, "application/json", {"wrong": ["智"]})


def test_a_report_that_fails_is_answered(port: int) -> None:
    assert get(port, "/readyz")[::2] == (500, b"ZeroDivisionError: division by zero\n")


def test_metrics_are_those_of_the_registry(port: int) -> None:
    status, kind, body = get(port, "/metrics?collect[]=all")
    assert (status, kind.partition(";")[0]) == (200, "text/plain")
    assert b"\nthings_total 3.0\n" in body


def test_another_path_is_told_the_paths(port: int) -> None:
    status, _, body = get(port, "/")
    assert status == 404
    assert b"/healthz" in body
