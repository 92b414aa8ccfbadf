"""A district's sum, its interval, and the estimate apart of what it leaves out."""

from typing import Any

import numpy as np
import pytest
from made_answers import DAY, result

from analytics.catalogue.all_metrics import METRICS
from analytics.district_sums import district_sum, estimate_of_rest, sum_of_intervals
from analytics.district_table import render_district
from analytics.evaluation import time_window
from analytics.results import Change, DistrictAnswer, Interval, Result, Status, Text
from analytics.wording.language import Language


def of_store(value: float | None, before: float | None, detail: dict[str, Any] | None = None) -> Result:
    status = Status.MEASURED if value is not None else Status.INSUFFICIENT
    interval = None if value is None else Interval(low=value, high=value * 1.06, level=0.95, method="audits")
    change = Change(window=time_window(DAY), status=status, value=before, difference=None, ratio=None)
    made = result("footfall_entries", value, DAY, status=status)
    return made.model_copy(update={"interval": interval, "change": change, "detail": detail or {}})


def test_intervals_of_independent_stores_cover_their_sum_as_often_as_one_does() -> None:
    rng = np.random.default_rng(1)
    runs, hits = 2_000, 0
    for _ in range(runs):
        seen = rng.normal([100.0, 200.0, 50.0], [5.0, 8.0, 2.0])
        parts = [
            Interval(low=at - 1.959964 * sd, high=at + 1.959964 * sd, level=0.95, method="")
            for at, sd in zip(seen.tolist(), (5.0, 8.0, 2.0), strict=True)
        ]
        total = sum_of_intervals([*parts])
        assert total is not None
        hits += total.low <= 350 <= total.high
    assert 0.93 <= hits / runs <= 0.97


def test_hard_bounds_add_end_by_end_and_what_has_none_leaves_the_sum_without() -> None:
    hard = Interval(low=1, high=2, level=None, method="")
    total = sum_of_intervals([hard, hard])
    assert total is not None
    assert (total.low, total.high, total.level) == (2, 4, None)
    assert sum_of_intervals([hard, None]) is None
    assert sum_of_intervals([]) is None
    other = Interval(low=1, high=2, level=0.9, method="")
    assert sum_of_intervals([other, other.model_copy(update={"level": 0.95})]) is None


def test_an_excluded_store_is_estimated_apart_from_how_the_others_moved() -> None:
    gaps = {"imputed": 12.0, "imputed_low": 6.0, "imputed_high": 18.0}
    results = {
        "a": of_store(1_100, 1_000),
        "b": of_store(2_300, 2_000, gaps),
        "c": of_store(560, 500),
        "d": of_store(None, 400),
        "e": of_store(None, None),
    }
    total = district_sum(METRICS["footfall_entries"], results)
    assert (total.value, total.stores_included, total.stores_excluded) == (3_960, ("a", "b", "c"), ("d", "e"))
    assert isinstance(total.value, int)
    assert total.interval is not None
    rest = total.rest
    assert rest is not None
    ratio = 3_960 / 3_500
    assert rest.value == pytest.approx(400 * ratio + 12)
    assert (rest.stores, rest.gaps_of, rest.stores_without) == (("d",), ("b",), ("e",))
    spread = sum((now - ratio * b) ** 2 / b for b, now in ((1_000, 1_100), (2_000, 2_300), (500, 560))) / 2
    half = np.sqrt(4.302653**2 * spread * (400 + 400**2 / 3_500) + 6**2)
    assert rest.interval is not None
    assert (rest.interval.low, rest.interval.high) == pytest.approx((rest.value - half, rest.value + half), rel=1e-5)


def test_too_few_stores_give_an_estimate_without_an_interval_and_nothing_left_out_none() -> None:
    rest = estimate_of_rest({"a": of_store(1_100, 1_000), "d": of_store(None, 400)})
    assert rest is not None
    assert rest.value == pytest.approx(440)
    assert rest.interval is None
    assert "no interval" in rest.method.en
    assert estimate_of_rest({"a": of_store(1_100, 1_000)}) is None
    assert estimate_of_rest({"a": of_store(1_100, 1_000), "e": of_store(None, None)}) is None


@pytest.mark.parametrize(("language", "words"), [(Language.EN, "not in the sum"), (Language.ZH, "未计入合计")])
def test_the_table_says_what_is_estimated_and_that_it_is_not_in_the_sum(language: Language, words: str) -> None:
    results = {"a": of_store(1_100, 1_000), "d": of_store(None, 400)}
    answer = DistrictAnswer(
        district_id="riverside",
        name=Text(en="Riverside", zh="滨河"),
        window=time_window(DAY),
        registry_version=1,
        evidence=False,
        stores=(),
        sums=(district_sum(METRICS["footfall_entries"], results),),
    )
    text = render_district(answer, language)
    assert words in text
    assert "1,100" in text
    assert "440" in text
    assert "1/2" in text
