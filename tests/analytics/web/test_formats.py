"""Numbers and dates as readers write them, against values written by hand."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import made_answers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.results import Change, Interval, Status, TimeWindow
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
        (7.5, "furlong", "7.5 furlong"),
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


def test_hard_bounds_and_confidence_intervals_are_told_apart() -> None:
    hard = Interval(low=240.9, high=241.9, level=None, method="by hand")
    likely = Interval(low=588, high=637, level=0.95, method="by hand")
    assert phrases.interval(hard, "kWh", Language.EN) == "certainly 240.9 kWh to 241.9 kWh"
    assert phrases.interval(likely, "count", Language.ZH) == "588 至 637（95% 区间）"
    assert phrases.interval(None, "count", Language.EN) is None


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
