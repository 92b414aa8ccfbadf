"""The handbook's page on adding a metric, followed word by word: its function, its record and its test."""

from __future__ import annotations

import doctest
import re
from datetime import datetime
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from metric_inputs import inputs, observed

from analytics.api.models import CatalogueEntry
from analytics.catalogue.metric import Metric
from analytics.rendering import render_catalogue
from analytics.results import Facility
from analytics.web.templates import render
from analytics.windows import Window
from analytics.wording.language import Language
from edge.wire.series import Kind

PAGE = Path(__file__).parents[3] / "analytics" / "handbook" / "en" / "adding-a-metric.md"
FUNCTION, RECORD, TEST = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
ZONE = ZoneInfo("Asia/Shanghai")
WINDOW = Window(datetime(2026, 5, 4, tzinfo=ZONE), datetime(2026, 5, 5, tzinfo=ZONE), ZONE.key)


@pytest.fixture(scope="module")
def subject() -> ModuleType:
    module = ModuleType("chilled")
    exec(FUNCTION, module.__dict__)  # noqa: S102 - the handbook's own text
    return module


@pytest.fixture(scope="module")
def metric(subject: ModuleType) -> Metric:
    made = eval(RECORD, {"Metric": Metric, "Facility": Facility, "measure": subject.measure})  # noqa: S307 - likewise
    assert isinstance(made, Metric)
    return made


def test_its_example_runs(subject: ModuleType) -> None:
    assert doctest.testmod(subject) == doctest.TestResults(failed=0, attempted=1)


@pytest.mark.parametrize("seed", range(5))
def test_its_test_holds(subject: ModuleType, seed: int) -> None:
    random = np.random.default_rng(seed)
    times = np.arange(WINDOW.start_us, WINDOW.end_us, 600_000_000)
    cabinets = [(times, random.normal(4, 2, times.size)) for _ in range(3)]
    series = [
        observed("temperature", t, c, device=f"cabinet-{n}", kind=Kind.GAUGE, period_s=600.0, accuracy=0.5)
        for n, (t, c) in enumerate(cabinets)
    ]
    test = ModuleType("test_chilled")
    exec(TEST, test.__dict__)  # noqa: S102 - likewise
    test.check(subject.measure, inputs(WINDOW, series), cabinets)


def test_catalogue_and_page_show_it(metric: Metric) -> None:
    entry = CatalogueEntry.of(metric)
    assert "Warmest chilled cabinet" in render_catalogue([entry], Language.EN)
    page = render("catalogue.html", Language.ZH, metrics=[entry])
    assert "冷藏柜最高温度" in page
    assert metric.source in page
    assert "温度" in page
