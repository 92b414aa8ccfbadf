"""Energy against area, visitors, circuits and hours: hand-worked cases, and pandas on registers at random."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_inputs import inputs, observed

from analytics.metrics import energy, energy_load, energy_ratios
from analytics.metrics.inputs import Audit, Inputs, Observed, Premises
from analytics.windows import Window
from edge.wire.series import Counter, Kind, Reset

ZONE = ZoneInfo("Asia/Shanghai")
WINDOW = Window(datetime(2026, 5, 4, tzinfo=ZONE), datetime(2026, 5, 5, tzinfo=ZONE), ZONE.key)
QUARTER_US = 900_000_000
EDGES = np.arange(WINDOW.start_us, WINDOW.end_us + 1, QUARTER_US)
REGISTER = Counter(width_bits=None, reset=Reset.NEVER)


def meter(kwh: Any, kind: str = "main_meter", device: str = "main", at: Any = EDGES) -> Observed:
    return observed(
        "active_energy", at, kwh, kind=Kind.CUMULATIVE, period_s=900.0, counter=REGISTER, device=device, point_kind=kind
    )


def steady(kwh_per_day: float, **facts: Any) -> Observed:
    return meter(np.arange(97) * kwh_per_day / 96, **facts)


def made(*series: Observed, premises: Premises | None = None, **facts: Any) -> Inputs:
    given_ = inputs(WINDOW, series, opens_at=time(9), closes_at=time(21), **facts)
    return replace(given_, premises=premises)


def visitors(count: int) -> Observed:
    counts = np.zeros(288)
    counts[120] = count
    return observed("entries", np.arange(288) * 300_000_000 + WINDOW.start_us, counts, device="door")


def test_the_share_of_sub_meters_is_a_ratio_of_sums_and_may_pass_one() -> None:
    subs = [steady(24.0, kind="sub_meter", device="a"), steady(12.0, kind="sub_meter", device="b")]
    outcome = energy_ratios.measure_sub_metered_share(made(steady(96.0), *subs))
    assert outcome.value == pytest.approx(36 / 96)
    assert outcome.bounds is not None
    assert outcome.bounds.low < 36 / 96 < outcome.bounds.high
    assert energy_ratios.measure_sub_metered_share(made(steady(96.0))).value == 0
    assert energy_ratios.measure_sub_metered_share(made(steady(24.0), *subs)).value == pytest.approx(1.5)
    assert energy_ratios.measure_sub_metered_share(made()).undefined == "no_increment"
    silent = meter([], kind="sub_meter", device="c", at=[])
    partly = energy_ratios.measure_sub_metered_share(made(steady(96.0), *subs, silent))
    assert partly.value == pytest.approx(36 / 96)
    assert partly.bounds is None


def test_sub_meters_are_no_part_of_the_energy_that_is_used() -> None:
    both = made(steady(96.0), steady(24.0, kind="sub_meter", device="a"))
    assert energy.measure(both).value == pytest.approx(96.0)


def test_energy_per_area_names_the_kind_of_area_and_a_year_only_beside() -> None:
    outcome = energy_ratios.measure_per_area(made(steady(96.0), premises=Premises(400.0, "sales")))
    assert outcome.value == pytest.approx(0.24)
    assert outcome.detail["area_kind"] == "sales"
    assert outcome.detail["annualised_kwh_per_m2"] == pytest.approx(0.24 * 365.25)
    assert energy_ratios.measure_per_area(made(steady(96.0))).undefined == "no_floor_area"


def test_energy_per_visitor_is_undefined_without_visitors_and_bounded_by_both() -> None:
    used = steady(96.0)
    audit = Audit("door", "entries", 1_000, 960)
    outcome = energy_ratios.measure_per_visitor(made(used, visitors(480), audits=[audit]))
    assert outcome.value == pytest.approx(0.2)
    assert outcome.bounds is not None
    assert outcome.bounds.level == 0.95
    assert outcome.bounds.low < 96 / 500 < outcome.bounds.high < 0.2 + 0.005
    assert energy_ratios.measure_per_visitor(made(used, visitors(0))).undefined == "nobody_counted"
    assert energy_ratios.measure_per_visitor(made(used)).undefined == "no_visitor_count"
    assert energy_ratios.measure_per_visitor(made(used, visitors(480))).bounds is None


def test_night_load_is_undefined_where_a_store_never_closes() -> None:
    hours = (np.arange(96) // 4 >= 9) & (np.arange(96) // 4 < 21)
    power = np.where(hours, 4.0, 1.0) / 4
    outcome = energy_load.measure_night_load(made(meter(np.append(0, np.cumsum(power)))))
    assert outcome.value == pytest.approx(0.25)
    assert (outcome.detail["closed_kw"], outcome.detail["open_kw"]) == (pytest.approx(1.0), pytest.approx(4.0))
    assert energy_load.measure_night_load(inputs(WINDOW, [steady(9.0)])).undefined == "no_closed_hours"


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.4), st.integers(0, 14))
@settings(max_examples=40, deadline=None)
def test_night_load_and_peak_bounds_hold_the_truth_through_gaps_and_odd_times(
    seed: int, missing: float, shift: int
) -> None:
    rng = np.random.default_rng(seed)
    minutes = np.arange(WINDOW.start_us, WINDOW.end_us + 1, 60_000_000)
    true = np.append(0.0, np.cumsum(rng.gamma(0.5, 0.2, minutes.size - 1)))
    at = np.unique(
        np.concatenate([[0, 1440], np.arange(shift, 1441, 5)[rng.random((1440 - shift) // 5 + 1) >= missing]])
    )
    series = meter(np.floor(true[at] * 100) / 100, at=minutes[at])
    frame = pd.Series(np.diff(true), index=pd.to_datetime(minutes[:-1], unit="us", utc=True).tz_convert(ZONE.key))
    opening = frame.between_time("09:00", "20:59").sum()
    night = energy_load.measure_night_load(made(series))
    assert night.bounds is not None
    assert night.bounds.low <= (true[-1] - opening) / opening <= night.bounds.high
    peak = energy_load.measure_peak_demand(made(series))
    quarters = frame.resample("15min").sum() * 4
    assert peak.bounds is not None
    assert peak.bounds.low - 1e-9 <= quarters.max() <= peak.bounds.high + 1e-9
    assert peak.value is not None
    if missing == 0 and shift % 5 == 0:
        assert peak.value == pytest.approx(quarters.max(), abs=0.081)
        assert peak.bounds.high - peak.bounds.low <= 0.081


def test_the_peak_is_the_earliest_of_equal_quarters_and_has_no_bounds_beside_unread_time() -> None:
    power = np.full(96, 0.25)
    power[[40, 60]] = 2.0
    whole = meter(np.append(0, np.cumsum(power)))
    outcome = energy_load.measure_peak_demand(made(whole))
    assert outcome.value == pytest.approx(8.0)
    assert outcome.detail["start"] == "2026-05-04T10:00:00+08:00"
    late = whole.touching(WINDOW.start_us + 2 * QUARTER_US, WINDOW.end_us, 0)
    outcome = energy_load.measure_peak_demand(made(late))
    assert outcome.value == pytest.approx(8.0)
    assert outcome.bounds is None
    window = Window(WINDOW.start, WINDOW.start + timedelta(minutes=10), ZONE.key)
    assert energy_load.measure_peak_demand(inputs(window, [whole])).undefined == "no_increment"
