"""The recording of a real building's door: the figures by this code equal an independent computation by pandas."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from metric_inputs import claimed, inputs, observed

from analytics.gaps import account
from analytics.metrics import occupancy, peaks, traffic
from analytics.metrics.counts import interval_slots
from analytics.metrics.inputs import Inputs, Observed
from analytics.windows import DAY_US, Window

ZONE = ZoneInfo("America/Los_Angeles")
HALF_HOUR_US = 1_800_000_000
WINDOW = Window(datetime(2005, 7, 24, tzinfo=ZONE), datetime(2005, 11, 6, tzinfo=ZONE), ZONE.key)


@pytest.fixture(scope="module")
def frame(recordings: Path) -> pd.DataFrame:
    """Return the counts by local time of their slot's start; a stamp ends its slot."""
    table = pd.read_csv(recordings / "calit2" / "CalIt2.data.csv", skip_blank_lines=True)
    stamp = pd.to_datetime(table["date"] + " " + table["time_stamp"], format="%m/%d/%y %H:%M:%S")
    table["start"] = stamp.dt.tz_localize(str(ZONE), ambiguous=True) - pd.Timedelta(minutes=30)
    wide = table.pivot_table(index="start", columns="flow", values="count", aggfunc="sum")
    return wide.rename(columns={9: "entries", 7: "exits"}).astype("int64")


def index(frame: pd.DataFrame) -> pd.DatetimeIndex:
    assert isinstance(frame.index, pd.DatetimeIndex)
    return frame.index


@pytest.fixture(scope="module")
def door(frame: pd.DataFrame) -> list[Observed]:
    starts = index(frame).tz_convert(UTC).as_unit("us").asi8
    return [
        observed(quantity, starts, frame[quantity].to_numpy(), device="door", period_s=1800.0)
        for quantity in ("entries", "exits")
    ]


@pytest.fixture(scope="module")
def given(door: list[Observed]) -> Inputs:
    return inputs(WINDOW, [series.touching(WINDOW.start_us, WINDOW.end_us, 0) for series in door])


def test_totals_and_closure(frame: pd.DataFrame, given: Inputs) -> None:
    assert frame.loc[WINDOW.start : WINDOW.end].shape[0] == 5039  # the first slot starts before the window
    entries = traffic.measure_entries(given).value
    exits = traffic.measure_exits(given).value
    assert (entries, exits) == (19_597, 18_837) == (frame["entries"].sum(), frame["exits"].sum())
    closure = traffic.measure_net_closure(given).value
    assert closure == pytest.approx(0.980226, abs=5e-7)
    assert closure == pytest.approx(1 - abs(19_597 - 18_837) / (19_597 + 18_837), rel=1e-15)


def test_busiest_day(frame: pd.DataFrame, given: Inputs) -> None:
    by_day = frame["entries"].groupby(index(frame).date).sum()
    outcome = peaks.measure_busiest_day(given)
    assert outcome.value == 574 == by_day.max()
    assert outcome.detail["date"] == "2005-11-01" == str(by_day.idxmax())


def test_peak_hour(frame: pd.DataFrame, given: Inputs) -> None:
    by_hour = frame["entries"].groupby(index(frame).tz_convert(UTC).floor("h")).sum()
    outcome = peaks.measure_peak_hour(given)
    assert outcome.value == 117 == by_hour.max()
    assert outcome.detail["start"] == "2005-10-03T15:00:00-07:00"
    assert pd.Timestamp(outcome.detail["start"]) == by_hour.idxmax()


def test_typical_peak_hour(frame: pd.DataFrame, given: Inputs) -> None:
    by_hour = frame["entries"].groupby(index(frame).tz_convert(UTC).floor("h")).sum().to_frame()
    profile = by_hour["entries"].groupby(index(by_hour).tz_convert(str(ZONE)).hour).mean()
    outcome = peaks.measure_typical_peak_hour(given)
    assert outcome.value == 13 == profile.idxmax()
    assert outcome.detail["mean"] == pytest.approx(26.619, abs=5e-4)
    assert outcome.detail["mean"] == pytest.approx(profile.max(), rel=1e-12)


def test_occupancy_clamped_and_reset_each_local_day(frame: pd.DataFrame, given: Inputs) -> None:
    best, when, day, inside = -1, None, None, 0
    for start, row in frame.iterrows():
        assert isinstance(start, pd.Timestamp)
        if start.date() != day:
            day, inside = start.date(), 0
        inside = max(0, inside + int(row["entries"]) - int(row["exits"]))
        if inside > best:
            best, when = inside, start
    outcome = peaks.measure_occupancy_peak(given)
    assert outcome.value == 110 == best
    assert outcome.detail["slot_start"] == "2005-08-30T15:00:00-07:00"
    assert outcome.detail["slot_end"] == "2005-08-30T15:30:00-07:00"
    assert pd.Timestamp(outcome.detail["slot_start"]) == when


def test_the_lost_hour_of_the_day_that_ends_summer_time_is_the_only_gap(door: list[Observed]) -> None:
    start = Window(datetime(2005, 7, 23, 23, 30, tzinfo=ZONE), WINDOW.end - pd.Timedelta(minutes=30), ZONE.key)
    found = claimed(account(door, start.spans, 0.9, {}, start))
    assert (found.expected, found.received, found.gaps_total) == (10_084, 10_080, 2)
    assert {(gap.start.astimezone(UTC), gap.end.astimezone(UTC)) for gap in found.gaps} == {
        (datetime(2005, 10, 30, 8, 30, tzinfo=UTC), datetime(2005, 10, 30, 9, 30, tzinfo=UTC))
    }
    assert not any(gap.declared for gap in found.gaps)


def test_no_interval_without_an_audit(given: Inputs) -> None:
    assert traffic.measure_entries(given).bounds is None
    assert peaks.measure_peak_hour(given).bounds is None
    assert np.all(given.days.bounds_us[1:] > given.days.bounds_us[:-1])


@pytest.mark.parametrize(("shift_min", "negative", "residue"), [(0, 0.3691, 13.62), (30, 0.4091, 14.11)])
def test_what_the_corrections_make_of_a_door_that_does_not_close(
    frame: pd.DataFrame, shift_min: int, negative: float, residue: float
) -> None:
    """Reset at midnight, and clamped: by the right reading of the stamps as slot ends, and read as slot starts."""
    local = index(frame).tz_localize(None) + pd.Timedelta(minutes=shift_min)
    start = local.as_unit("us").asi8
    days = np.arange(start[0] // DAY_US, start[-1] // DAY_US + 2) * DAY_US
    came, left = (interval_slots(start, frame[side].to_numpy(float), HALF_HOUR_US) for side in ("entries", "exits"))
    flow = occupancy.flows(came, left, days)
    reset, clamped = occupancy.reset(flow), occupancy.clamped(flow)
    net = (frame["entries"] - frame["exits"]).set_axis(local)
    by_day = net.groupby(local.date).cumsum()
    assert reset.tolist() == by_day.tolist()
    assert (reset < 0).mean() == pytest.approx(negative, abs=1e-4)
    last = np.array([flow.of_day(day).stop - 1 for day in flow.days])
    assert clamped[last].mean() == pytest.approx(residue, abs=0.01)
    balanced = [occupancy.scaled(flow, day) for day in flow.days]
    assert all(level is None or level[-1] == 0 for level in balanced)
