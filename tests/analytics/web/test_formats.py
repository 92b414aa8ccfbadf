"""Numbers and dates as readers write them, against values written by hand."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import made_answers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.results import Change, Result, Status, TimeWindow
from analytics.wording import formats, phrases
from analytics.wording.language import Language, choose

SHANGHAI = timezone(timedelta(hours=8))


def _window(start: tuple[int, ...], end: tuple[int, ...]) -> TimeWindow:
    return TimeWindow(
        start=datetime(*start, tzinfo=SHANGHAI),  # type: ignore[arg-type,misc]
        end=datetime(*end, tzinfo=SHANGHAI),  # type: ignore[arg-type,misc]
        time_zone="Asia/Shanghai",
    )


@pytest.mark.parametrize(
    ("start", "end", "english", "chinese"),
    [
        ((2026, 3, 2), (2026, 3, 3), "Monday 2 March 2026", "2026年3月2日 星期一"),
        ((2026, 3, 2), (2026, 3, 9), "2 to 8 March 2026", "2026年3月2日至8日"),
        ((2026, 2, 27), (2026, 3, 4), "27 February to 3 March 2026", "2026年2月27日至3月3日"),
        ((2025, 12, 30), (2026, 1, 3), "30 December 2025 to 2 January 2026", "2025年12月30日至2026年1月2日"),
        (
            (2026, 3, 2, 9, 30),
            (2026, 3, 2, 15),
            "2 March 2026, 09:30 until 2 March 2026, 15:00",
            "2026年3月2日 09:30 至 2026年3月2日 15:00",
        ),
        (
            (2026, 3, 2, 5),
            (2026, 3, 3, 5),
            "Monday 2 March 2026 (days start at 05:00)",
            "2026年3月2日 星期一（营业日自 05:00 起）",
        ),
    ],
)
def test_windows(start: tuple[int, ...], end: tuple[int, ...], english: str, chinese: str) -> None:
    window = _window(start, end)
    assert formats.window(window, Language.EN) == english
    assert formats.window(window, Language.ZH) == chinese


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (19597, "count", "19,597"),
        (26.619, "count", "26.6"),
        (0.980226, "ratio", "98.0%"),
        (0.99996, "ratio", ">99.9%"),
        (0.00001, "ratio", "<0.1%"),
        (1.0, "ratio", "100%"),
        (0, "ratio", "0%"),
        (1.0421, "ratio", "104.2%"),
        (241.37, "kWh", "241.4 kWh"),
        (-12.25, "kWh", "−12.2 kWh"),
        (13, "h", "13:00"),
        (1500, "ppm", "1,500 ppm"),
        (1052.66, "kWh", "1,053 kWh"),
        (7.5, "furlong", "7.5 furlong"),
        (0.2527, "persons", "0.25 persons"),
        (215.98, "persons", "216.0 persons"),
        (51.7, "min", "51.7 min"),
        (12.14, "s", "12.1 s"),
        (56.49, "person_min_per_m2", "56.5 person-min/m²"),
    ],
)
def test_quantities(value: float, unit: str, shown: str) -> None:
    assert formats.quantity(value, unit, Language.EN) == shown


@given(st.floats(min_value=0, max_value=1))
def test_a_ratio_is_shown_as_all_or_nothing_only_where_it_is(ratio: float) -> None:
    assert (formats.percent(ratio) in {"100%", "100.0%"}) == (ratio == 1)
    assert (formats.percent(ratio) in {"0%", "0.0%"}) == (ratio == 0)


@given(st.dates(), st.sampled_from(Language))
def test_a_date_can_be_read_back(on: date, language: Language) -> None:
    shown = formats.day(on, language)
    pattern = "%Y年%m月%d日" if language is Language.ZH else "%d %B %Y"
    padded = shown if on.year > 999 else shown.replace(str(on.year), f"{on.year:04d}", 1)
    if on.year > 999:
        assert datetime.strptime(padded, pattern).date() == on


def _bounded(metric: str, value: float, low: float, high: float, level: float | None) -> Result:
    return made_answers.result(metric, value, interval=(low, high, level))


@pytest.mark.parametrize(
    ("result", "english", "chinese"),
    [
        (_bounded("energy_use", 241.3, 240.9, 241.9, None), "certainly 240.9 kWh to 241.9 kWh", None),
        (_bounded("energy_use", 1052.7, 1052.66, 1052.74, None), "certain, as shown", "如所示，确定无疑"),
        (
            _bounded("footfall_entries", 612, 588.4, 636.2, 0.95),
            "true value 588 to 637 (95% confidence)",
            "真值 588 至 637（置信度 95%）",
        ),
        (made_answers.result("energy_use", 241.3), None, None),
    ],
)
def test_hard_bounds_and_confidence_intervals_are_told_apart(
    result: Result, english: str | None, chinese: str | None
) -> None:
    assert phrases.interval(result, Language.EN) == english
    if chinese is not None:
        assert phrases.interval(result, Language.ZH) == chinese


def test_a_count_outside_its_interval_says_which_way_the_counters_err() -> None:
    assert phrases.miscounted(_bounded("footfall_entries", 2524, 2590.0, 2639.7, 0.95), Language.EN) == (
        "As counted: audits show that the counters miss some."
    )
    assert phrases.miscounted(_bounded("footfall_entries", 2700, 2590.0, 2639.7, 0.95), Language.ZH) == (
        "此为计数值：核查表明计数器有多计。"
    )
    assert phrases.miscounted(_bounded("footfall_entries", 2600, 2590.0, 2639.7, 0.95), Language.EN) is None


@pytest.mark.parametrize(
    ("key", "value", "unit", "shown"),
    [
        ("cold_chain.chilled_max", 8.0, "degC", "chilled, at most 8 °C, GB 37488-2019 (by analogy)"),
        ("cold_chain.frozen_max", -18.0, "degC", "frozen, at most −18 °C, GB 37488-2019 (by analogy)"),
        ("somewhere.else", 0.975, "ratio", "somewhere.else 97.5%, GB 37488-2019 (by analogy)"),
    ],
)
def test_a_limit_says_which_way_it_binds_and_how_official_it_is(key: str, value: float, unit: str, shown: str) -> None:
    check = made_answers.CARBON_DIOXIDE_LIMIT.model_copy(update={"key": key, "value": value, "unit": unit})
    assert phrases.limit(check, Language.EN) == shown


@pytest.mark.parametrize(
    ("unit", "difference", "ratio", "english", "chinese"),
    [
        ("count", 104, 0.06897, "+104 (+6.9%) against Monday 23 February 2026", "较2026年2月23日 星期一 +104（+6.9%）"),
        ("kWh", -21.43, -0.0815, "−21.4 kWh (−8.2%) against Monday 23 February 2026", None),
        (
            "ratio",
            0.0121,
            0.0127,
            "+1.2 points against Monday 23 February 2026",
            "较2026年2月23日 星期一 +1.2 个百分点",
        ),
        ("h", -2, -0.1, "−2 h against Monday 23 February 2026", "较2026年2月23日 星期一 −2 小时"),
        ("count", 0, 0.0, "No change against Monday 23 February 2026", "与2026年2月23日 星期一相同"),
        ("count", -1, -0.0004, "−1 against Monday 23 February 2026", None),
        ("count", 5, None, "+5 against Monday 23 February 2026", None),
    ],
)
def test_changes(unit: str, difference: float, ratio: float | None, english: str, chinese: str | None) -> None:
    window = _window((2026, 2, 23), (2026, 2, 24))
    change = Change(window=window, status=Status.MEASURED, value=1, difference=difference, ratio=ratio)
    result = made_answers.result("footfall_entries", 1).model_copy(update={"unit": unit, "change": change})
    assert phrases.change(result, Language.EN) == english
    if chinese is not None:
        assert phrases.change(result, Language.ZH) == chinese


def test_a_missing_comparison_says_why() -> None:
    window = _window((2026, 2, 23), (2026, 2, 24))
    change = Change(window=window, status=Status.INSUFFICIENT, value=None, difference=None, ratio=None)
    result = made_answers.result("footfall_entries", 1).model_copy(update={"change": change})
    assert phrases.change(result, Language.EN) == "No comparison with Monday 23 February 2026: Not enough data"
    nothing = result.model_copy(update={"value": None})
    assert phrases.change(nothing, Language.EN) is None


@pytest.mark.parametrize(
    ("asked", "remembered", "accepted", "language"),
    [
        ("zh", "en", "en", Language.ZH),
        ("fr", "zh", "en", Language.ZH),
        (None, "zh", "en", Language.ZH),
        (None, None, "zh-CN,zh;q=0.9,en;q=0.8", Language.ZH),
        (None, None, "de, en-GB;q=0.7, zh;q=0.8", Language.ZH),
        (None, None, "zh;q=0, en;q=0.1", Language.EN),
        (None, None, "zh;q=x", Language.EN),
        (None, None, "de", Language.EN),
        (None, None, None, Language.EN),
    ],
)
def test_the_address_goes_before_the_cookie_and_the_cookie_before_the_browser(
    asked: str | None, remembered: str | None, accepted: str | None, language: Language
) -> None:
    assert choose(asked, remembered, accepted) is language
