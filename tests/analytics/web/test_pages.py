"""Pages from answers made by hand: every state is told in words, in both languages, without a script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from html.parser import HTMLParser
from itertools import pairwise
from zoneinfo import ZoneInfo

import httpx
import made_answers
import pytest
from serving import served

from analytics import facilities
from analytics.api.app import create_app
from analytics.api.database import connection
from analytics.catalogue.all_metrics import METRICS
from analytics.settings import AnalyticsSettings
from analytics.web import pages
from analytics.web.templates import STATIC
from analytics.window_text import AskedWindow
from ingest.store import registry

PROBLEMS = ["/nothing/here", "/stores/nowhere/page", "/?first_day=2999-01-01"]
PAGES = ["/", "/catalogue", "/stores/north-gate/page", *PROBLEMS]
LATEST = AskedWindow.of_days(date(2026, 3, 2), date(2026, 3, 2))


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """Serve pages whose registry and answers are made by hand."""
    stores = made_answers.STORES
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "current_version", lambda _: 3)
        patch.setattr(registry, "districts", lambda *_: [made_answers.district_fact()])
        patch.setattr(registry, "district", lambda *_: made_answers.district_fact())
        patch.setattr(registry, "stores", lambda *_: [made_answers.store_fact(store_id) for store_id in stores])
        patch.setattr(registry, "store", lambda _, i, *__: made_answers.store_fact(i) if i in stores else None)
        patch.setattr(registry, "devices", lambda *_: [made_answers.device_fact(n) for n in (1, 2)])
        patch.setattr(pages, "latest_day", lambda *_: LATEST)
        patch.setattr(facilities, "store_answer", lambda _, i, window: made_answers.store_answer(i, window))
        patch.setattr(facilities, "district_answer", lambda _, __, window: made_answers.district_answer(window))
        app = create_app(AnalyticsSettings.model_validate({"database": {"url": "postgresql://nobody@127.0.0.1:1/x"}}))
        app.dependency_overrides[connection] = lambda: None
        with served(app) as running:
            yield running


class Outline(HTMLParser):
    """What a browser or screen reader builds on: elements with their attributes, and the text outside of them."""

    void = frozenset({"meta", "link", "input", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        assert self.open == [], "elements are left open"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


def _page(client: httpx.Client, path: str, language: str = "en") -> Outline:
    answer = client.get(path, headers={"accept": "text/html,*/*;q=0.8", "accept-language": language})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Outline(answer.text)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_sound_without_scripts_or_foreign_hosts(client: httpx.Client, path: str, language: str) -> None:
    page = _page(client, path, language)
    assert page.all("script", "iframe", "style") == []
    assert page.all("html") == [{"lang": {"en": "en-GB", "zh": "zh-Hans"}[language]}]
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for attributes in (a for _, a in page.elements):
        assert not any(name == "style" or name.startswith("on") for name in attributes)
        for name in ("href", "src", "action"):
            assert (attributes.get(name) or "/").startswith(("/", "#"))
        for name in ("aria-labelledby", "href"):
            target = attributes.get(name) or ""
            if name == "aria-labelledby" or target.startswith("#"):
                assert not target or target.lstrip("#") in ids
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            [
                "Riverside district (simulated)",
                "Monday 2 March 2026",
                "Not evidence",
                "Not enough data",
                "Declared only",
                "Not installed",
                "1,612",
                "true value 1,581 to 1,656 (95% confidence)",
                "+104 (+6.9%) against Monday 23 February 2026",
                "certainly 240.9 kWh to 241.9 kWh",
                "Limit: at most 1,500 ppm, GB 37488-2019 (by analogy)",
                "0 of 1,200 points",
                ">99.9%",
                "needs 90%",
                "silent since 2 March, 11:00",
                "Sum over 2 of 3 stores",
                "Not in the sum: Lantern Hall department store (simulated)",
            ],
        ),
        (
            "zh",
            [
                "滨河商圈（模拟）",
                "2026年3月2日 星期一",
                "非证据",
                "数据不足",
                "仅申报",
                "未安装",
                "真值 1,581 至 1,656（置信度 95%）",
                "较2026年2月23日 星期一 +104（+6.9%）",
                "限值：不高于 1,500 ppm，GB 37488-2019（类比适用）",
                "共 1,200 个点位，已接入 0 个",
                "要求 90%",
                "3 家门店中 2 家之和",
                "未计入：灯笼百货（模拟）",
            ],
        ),
    ],
)
def test_the_district_page_tells_everything_in_words(client: httpx.Client, language: str, words: list[str]) -> None:
    text = _page(client, "/", language).text
    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            [
                "How this was computed",
                "564 of 576 readings",
                made_answers.DIGEST,
                "Gaps: 2",
                "missing, not declared",
                "removed by retention",
                "those before 2 March 2026, 04:00 were removed",
            ],
        ),
        (
            "zh",
            [
                "计算方法与依据",
                "应收 576 条，实收 564 条",
                made_answers.DIGEST,
                "缺口 2 处",
                "缺失，未申报",
                "已按保存期删除",
                "04:00 之前的读数已按保存期删除",
                "告示",
            ],
        ),
    ],
)
def test_the_store_page_gives_the_grounds_of_each_figure(client: httpx.Client, language: str, words: list[str]) -> None:
    text = _page(client, "/stores/north-gate/page", language).text
    assert [word for word in words if word not in text] == []


def test_a_number_is_never_shown_where_there_is_none(client: httpx.Client) -> None:
    page = client.get("/stores/north-gate/page", headers={"accept-language": "en"}).text
    air = page[page.index('id="north-gate-air"') : page.index('id="north-gate-cold_chain"')]
    assert "<data" not in air
    assert "Not enough data" in air


def test_the_choice_of_language_is_remembered(client: httpx.Client) -> None:
    first = client.get("/", params={"lang": "zh"})
    cookie = first.headers["set-cookie"].lower()
    assert "language=zh" in cookie
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert 'lang="zh-Hans"' in client.get("/", headers={"accept-language": "en", "cookie": "language=zh"}).text
    assert "set-cookie" not in client.get("/", params={"lang": "tlh"}).headers
    client.cookies.clear()


def test_the_other_language_keeps_the_window(client: httpx.Client) -> None:
    page = _page(client, "/stores/north-gate/page?first_day=2026-03-01&last_day=2026-03-02")
    links = [a["href"] for a in page.all("a") if a.get("hreflang") == "zh-Hans"]
    assert links == ["/stores/north-gate/page?first_day=2026-03-01&last_day=2026-03-02&lang=zh"]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", "Monday 2 March 2026"),
        ("?first_day=2026-03-01&last_day=2026-03-07", "1 to 7 March 2026"),
        ("?first_day=2026-03-05", "Thursday 5 March 2026"),
        ("?first_day=&last_day=2026-03-05", "Thursday 5 March 2026"),
        ("?first_day=&last_day=", "Monday 2 March 2026"),
    ],
)
def test_the_picker_takes_days_with_the_last_one_included(client: httpx.Client, query: str, shown: str) -> None:
    page = _page(client, f"/stores/north-gate/page{query}")
    assert shown in page.text
    inputs = {a["name"]: a["value"] for a in page.all("input")}
    assert inputs["first_day"] is not None
    assert inputs["first_day"] <= (inputs["last_day"] or "")


def test_the_steps_lead_to_the_windows_before_and_after(client: httpx.Client) -> None:
    page = _page(client, "/?first_day=2026-03-01&last_day=2026-03-07")
    links = {a["rel"]: a["href"] for a in page.all("a") if a.get("rel")}
    assert links == {
        "prev": "/?first_day=2026-02-22&last_day=2026-02-28&district=riverside",
        "next": "/?first_day=2026-03-08&last_day=2026-03-14&district=riverside",
    }


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/?first_day=2999-01-01", 422, "The window hasn't begun yet"),
        ("/?first_day=2026-03-05&last_day=2026-03-01", 422, "The window ends before it starts"),
        ("/?first_day=soon", 422, "The request isn't valid"),
        ("/?district=atlantis", 404, "There is no such district"),
        ("/stores/nowhere/page", 404, "There is no such store"),
        ("/nothing/here", 404, "There is nothing at this address"),
        ("/stores/north-gate/facilities?from=2026-03-02&to=2026-03-02", 422, "The window ends before it starts"),
    ],
)
def test_a_person_gets_a_problem_as_a_page(client: httpx.Client, path: str, status: int, words: str) -> None:
    answer = client.get(path, headers={"accept": "text/html", "accept-language": "en"})
    assert answer.status_code == status
    assert words in Outline(answer.text).text


def test_a_platform_without_a_registry_says_how_to_import_one(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "districts", lambda *_: [])
    page = _page(client, "/")
    assert "No district is registered yet" in page.text
    assert "smartstore-ingest registry import" in page.text


def test_a_store_without_readings_says_so(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "latest_day", lambda *_: None)
    zone = ZoneInfo(made_answers.ZONE)
    before = datetime.now(zone).date()
    page = _page(client, "/stores/north-gate/page")
    assert "No reading has arrived yet" in page.text
    days = {date.fromisoformat(a["value"] or "") for a in page.all("input")}
    assert days <= {before, datetime.now(zone).date()}


def test_names_are_escaped(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def hostile(*_: object) -> registry.StoreFact:
        fact = made_answers.store_fact()
        object.__setattr__(fact, "name_en", "<script>alert(1)</script>")
        return fact

    monkeypatch.setattr(registry, "store", hostile)
    html = client.get("/stores/north-gate/page", headers={"accept-language": "en"}).text
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def _luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.1."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        *((name, f"{name}-ground") for name in ("measured", "insufficient", "declared", "absent", "notice", "brand")),
        *(("ink", f"{name}-ground") for name in ("insufficient", "declared", "absent", "brand")),
        *(
            (ink, ground)
            for ink in ("ink", "soft", "brand", "absent", "insufficient")
            for ground in ("sheet", "ground")
        ),
        *(("sheet", ground) for ground in ("brand", "notice", "insufficient")),
        ("soft", "brand-ground"),
    ],
)
def test_every_pair_of_ink_and_ground_is_legible(ink: str, ground: str) -> None:
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", (STATIC / "style.css").read_text(encoding="utf-8")))
    lighter, darker = sorted((_luminance(colours[ink]), _luminance(colours[ground])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_catalogue_shows_every_metric_with_formula_and_source(client: httpx.Client, language: str) -> None:
    text = _page(client, "/catalogue", language).text
    for metric in METRICS.values():
        name = metric.name_zh if language == "zh" else metric.name_en
        for part in (name[1:], metric.formula, metric.source, metric.edge_cases):
            assert " ".join(part.split()) in text
