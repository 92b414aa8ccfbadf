"""The seasonal-naive baseline: golden errors of the recording, the local clock, and how often its interval holds."""

from pathlib import Path

import numpy as np
import pytest
from detection_tools.recorded import HALF_HOUR_US, calit2
from hypothesis import given
from hypothesis import strategies as st

from analytics.detection.seasonal_naive import forecast, mean_absolute_error, season_before
from analytics.windows import DAY_US, HOUR_US


@pytest.mark.parametrize(("days", "golden"), [(1, 3.3834), (7, 2.2693)])
def test_the_recordings_errors_are_the_golden_ones(recordings: Path, days: int, golden: float) -> None:
    events = calit2(recordings)
    made = forecast(events.start_us, events.entries, days, "UTC")
    error = mean_absolute_error(events.entries, made)
    assert error == pytest.approx(golden, abs=5e-5)
    steps = days * DAY_US // HALF_HOUR_US
    assert error == pytest.approx(np.abs(events.entries[steps:] - events.entries[:-steps]).mean(), rel=1e-12)


def test_seasons_lie_on_the_local_clock() -> None:
    # 2005-10-30 in Los Angeles has 25 hours: 07:00Z is its midnight, 08:00Z on the 31st the next one.
    noon = 1_130_612_400 * 1_000_000  # 2005-10-29 19:00Z, 12:00 local
    hours = noon + np.arange(72) * HOUR_US
    before = season_before(hours, 1, "America/Los_Angeles")
    assert before[25] == 0  # 12:00 of the 30th is 25 hours after 12:00 of the 29th
    assert before[24] == -1  # 11:00 of the 30th: the 29th begins at noon here
    assert season_before(hours, 1, "UTC")[24] == 0
    repeated = [13, 14]  # 01:00 twice
    assert before[[place + 24 for place in repeated]].tolist() == [12, 13]


def test_the_interval_covers_what_it_promises() -> None:
    rng = np.random.default_rng(11)
    start = np.arange(4_000) * HOUR_US
    value = 20 + 10 * np.sin(np.arange(4_000) / 24 * 2 * np.pi) + rng.standard_t(4, 4_000)
    for level in (0.8, 0.95):
        made = forecast(start, value, 1, "UTC", level)
        known = np.isfinite(made.lower)
        covered = ((value >= made.lower) & (value <= made.upper))[known]
        assert covered.mean() == pytest.approx(level, abs=0.02)


@given(st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), max_size=40), st.floats(0.01, 0.99))
def test_whatever_comes_in_nothing_is_expected_of_what_is_no_number(value: list[float], level: float) -> None:
    start = np.arange(len(value)) * HOUR_US * 12
    array = np.array(value, dtype=np.float64)
    made = forecast(start, array, 1, "UTC", level)
    assert made.expected.size == made.lower.size == made.upper.size == len(value)
    known = np.isfinite(made.lower)
    assert (made.lower[known] <= made.upper[known]).all()
    for place in range(min(2, len(value))):
        assert np.isnan(made.expected[place])
    for place in range(2, len(value)):
        same = np.isfinite(array[place - 2])
        assert made.expected[place] == array[place - 2] if same else np.isnan(made.expected[place])
