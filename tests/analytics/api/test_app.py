"""The application without a database: problems, header fields, OpenAPI, health."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import made_answers
import pytest
from fastapi import FastAPI
from serving import served

from analytics import facilities
from analytics.api.app import create_app
from analytics.api.database import connection
from analytics.api.doorway import SECURE_HEADERS
from analytics.api.problems import MEDIA_TYPE, STATUS_OF, Problem
from analytics.results import DistrictAnswer, FacilitiesAnswer
from analytics.settings import AnalyticsSettings
from ingest.store import registry

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=1"
DAY = {"from": "2026-03-02", "to": "2026-03-03"}


@pytest.fixture(scope="module")
def app() -> Iterator[FastAPI]:
    """Yield an application whose registry and answers are made by hand."""
    stores = made_answers.STORES
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "store", lambda _, i, *__: made_answers.store_fact(i) if i in stores else None)
        patch.setattr(registry, "district", lambda *_: made_answers.district_fact())
        patch.setattr(facilities, "store_answer", lambda _, i, window: made_answers.store_answer(i, window))
        patch.setattr(facilities, "district_answer", lambda _, __, window: made_answers.district_answer(window))
        app = _without_database()
        app.dependency_overrides[connection] = lambda: None
        yield app


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Iterator[httpx.Client]:
    with served(app) as running:
        yield running


def _without_database() -> FastAPI:
    settings = {"database": {"url": NOWHERE}, "web": {"connection_wait_s": 0.1}}
    return create_app(AnalyticsSettings.model_validate(settings))


def _problem(client: httpx.Client, path: str, code: str, method: str = "GET", **query: str) -> Problem:
    answer = client.request(method, path, params=query)
    problem = Problem.model_validate(answer.json())
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert (problem.code, problem.status, answer.status_code) == (code, STATUS_OF[code], STATUS_OF[code])
    assert problem.type == f"/problems/{code}"
    assert problem.instance.startswith(path)
    assert client.get(problem.type).json()["title"]["en"] == problem.title
    return problem


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/stores/north-gate/facilities", {"from": "2026-03-02T09:00", "to": "2026-03-03"}, "window_naive"),
        ("/stores/north-gate/facilities", {"from": "2026-03-03", "to": "2026-03-02"}, "window_empty"),
        ("/stores/north-gate/facilities", {"from": "2999-03-03", "to": "2999-03-04"}, "window_in_the_future"),
        ("/stores/north-gate/facilities", {"from": "2020-03-03", "to": "2026-03-04"}, "window_too_long"),
        ("/stores/north-gate/facilities", {"from": "now", "to": "then"}, "window_unreadable"),
        ("/stores/north-gate/facilities", {"from": "2026-03-03"}, "invalid_request"),
        ("/stores/%00/facilities", DAY, "invalid_request"),
        ("/stores?on=2026-13-01", {}, "invalid_request"),
        ("/stores/nowhere/facilities", DAY, "unknown_store"),
        ("/stores/north-gate/metrics/joy", DAY, "unknown_metric"),
        ("/metrics-catalogue/joy", {}, "unknown_metric"),
        ("/problems/joy", {}, "unknown_problem"),
        ("/nothing/here", {}, "not_found"),
    ],
)
def test_what_goes_wrong_is_a_problem_with_a_code(
    client: httpx.Client, path: str, query: dict[str, str], code: str
) -> None:
    if "?" in path:
        path, _, text = path.partition("?")
        query = dict([text.split("=")])
    problem = _problem(client, path, code, **query)
    assert len(problem.detail) > 20


def test_a_problem_says_which_part_of_the_request_is_wrong(client: httpx.Client) -> None:
    problem = _problem(client, "/stores/north-gate/facilities", "invalid_request", to="2026-03-03")
    assert problem.errors == ({"at": "query.from", "problem": "Field required"},)
    assert "query.from" in problem.detail


def test_a_method_that_is_not_served_names_those_that_are(client: httpx.Client) -> None:
    _problem(client, "/stores/north-gate", "method_not_allowed", method="DELETE")
    assert client.delete("/stores/north-gate").headers["allow"] == "GET"


def test_an_unexpected_failure_shows_nothing_of_its_inside(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(facilities, "store_answer", fail)
    problem = _problem(client, "/stores/north-gate/facilities", "internal_error", **DAY)
    assert "hunter2" not in problem.model_dump_json()
    assert any(record.getMessage() == "request_failed" for record in caplog.records)


@pytest.mark.parametrize(
    "path", ["/", "/stores/north-gate/facilities", "/nothing", "/health/live", "/metrics", "/static/style.css"]
)
def test_every_answer_carries_the_secure_header_fields(client: httpx.Client, path: str) -> None:
    answer = client.get(path, params=DAY)
    assert {name: answer.headers[name] for name in SECURE_HEADERS} == dict(SECURE_HEADERS)


def test_a_failure_carries_them_too(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facilities, "store_answer", None)
    answer = client.get("/stores/north-gate/facilities", params=DAY)
    assert answer.status_code == 500
    assert answer.headers["content-security-policy"] == SECURE_HEADERS["content-security-policy"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", ""])
def test_a_foreign_host_name_is_refused(client: httpx.Client, host: str) -> None:
    answer = client.get("/health/live", headers={"host": host})
    assert (answer.status_code, answer.json()["code"]) == (421, "foreign_host")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000", "[::1]"])
def test_a_name_of_this_machine_is_answered(client: httpx.Client, host: str) -> None:
    assert client.get("/health/live", headers={"host": host}).json() == {"status": "live"}


def test_the_answers_are_the_result_models(client: httpx.Client) -> None:
    store = client.get("/stores/north-gate/facilities", params=DAY)
    assert FacilitiesAnswer.model_validate_json(store.content) == made_answers.store_answer("north-gate")
    district = client.get("/districts/riverside/facilities", params=DAY)
    assert DistrictAnswer.model_validate_json(district.content) == made_answers.district_answer()


def test_a_database_that_is_away_is_said_so_and_does_not_stop_the_process() -> None:
    with served(_without_database()) as client:
        assert client.get("/health/live").status_code == 200
        ready = client.get("/health/ready")
        assert (ready.status_code, ready.json()["code"]) == (503, "not_ready")
        stores = client.get("/stores")
        assert (stores.status_code, stores.json()["code"]) == (503, "database_unavailable")
        assert stores.headers["retry-after"] == "5"


def test_requests_are_counted_by_route_not_by_address(client: httpx.Client) -> None:
    before = _counts(client)
    client.get("/stores/north-gate/facilities", params=DAY)
    client.get("/stores/nowhere/facilities", params=DAY)
    client.get("/a/path/that/nobody/serves")
    risen = {labels: count - before.get(labels, 0) for labels, count in _counts(client).items()}
    route = 'method="GET",route="/stores/{store_id}/facilities"'
    assert {labels: rise for labels, rise in risen.items() if rise and "/metrics" not in labels} == {
        f'{route},status="200"': 1,
        f'{route},status="404"': 1,
        'method="GET",route="none",status="404"': 1,
    }


def _counts(client: httpx.Client) -> dict[str, float]:
    lines = client.get("/metrics").text.splitlines()
    return {
        line[line.index("{") + 1 : line.rindex("}")]: float(line.rsplit(" ", 1)[1])
        for line in lines
        if line.startswith("smartstore_web_requests_total{")
    }


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


def test_openapi_shows_an_example_of_every_answer(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    shown = dict(_operations(document))
    assert {"/stores/{store_id}/facilities", "/districts/{district_id}/facilities", "/completeness"} <= set(shown)
    for path, operation in shown.items():
        assert operation["summary"], path
        for status, response in operation["responses"].items():
            for media, content in response["content"].items():
                assert "example" in content or "examples" in content, (path, status)
                assert (media == MEDIA_TYPE) == (int(status) >= 400), (path, status)


def test_openapi_names_every_problem_that_an_endpoint_met(client: httpx.Client) -> None:
    responses = client.get("/openapi.json").json()["paths"]["/stores/{store_id}/facilities"]["get"]["responses"]
    named = {code for entry in responses.values() for code in entry["content"].get(MEDIA_TYPE, {}).get("examples", {})}
    assert {"window_naive", "window_empty", "window_too_long", "window_in_the_future", "unknown_store"} <= named
    for entry in responses.values():
        for example in entry["content"].get(MEDIA_TYPE, {}).get("examples", {}).values():
            Problem.model_validate(example["value"])


def test_nothing_refers_to_a_foreign_host(client: httpx.Client) -> None:
    text = json.dumps(client.get("/openapi.json").json())
    assert "http://" not in text
    assert "https://" not in text
    assert client.get("/docs").status_code == 404
