"""Real counts through devices' registers and protocols, with all that goes wrong, come out as they were counted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import psycopg
import pytest
from counter_tools.counting_devices import (
    Slot,
    Vs350,
    hikvision_events,
    irisys_posts,
    shuffled,
    tasmota_telemetry,
    utc_slots,
    vs133_uplinks,
)
from counter_tools.oracle import Register, increments
from metric_inputs import arrays, inputs, observed
from stored_readings import store_readings

from analytics.metrics import energy, traffic
from analytics.metrics.counts import Slots
from analytics.metrics.inputs import Observed, SeriesArrays
from analytics.windows import Window, local_days
from edge.decoders.decoder import Arrival
from edge.decoders.modbus_registers import NumberType, Order, RegisterBlock, Table, registers_of
from edge.decoders.registry import DECODERS
from edge.readings import Reading
from edge.wire.series import Kind, Series
from ingest.store.readings import fetch_series

LOS_ANGELES, NEW_YORK = ZoneInfo("America/Los_Angeles"), ZoneInfo("America/New_York")
HALF_HOUR = timedelta(minutes=30)
SEEDS = pytest.mark.parametrize("seed", [1, 2, 3])


@pytest.fixture(scope="module")
def door(recordings: Path) -> pd.DataFrame:
    """Return the counts of a real door by the end of their half hour (UTC)."""
    table = pd.read_csv(recordings / "calit2" / "CalIt2.data.csv", skip_blank_lines=True)
    stamp = pd.to_datetime(table["date"] + " " + table["time_stamp"], format="%m/%d/%y %H:%M:%S")
    table["end"] = stamp.dt.tz_localize(str(LOS_ANGELES), ambiguous=True).dt.tz_convert("UTC")
    wide = table.pivot_table(index="end", columns="flow", values="count", aggfunc="sum")
    return wide.rename(columns={9: "entries", 7: "exits"}).astype("int64")


@pytest.fixture(scope="module")
def taxis(recordings: Path) -> list[Slot]:
    """Return real half-hourly amounts of up to 39,197 over a half year with the end of summer time in it."""
    table = pd.read_csv(recordings / "nab" / "realKnownCause" / "nyc_taxi.csv")
    return utc_slots(datetime(2014, 7, 1, tzinfo=NEW_YORK), [int(v) for v in table["value"]], HALF_HOUR)


def slots_of(door: pd.DataFrame, column: str) -> list[Slot]:
    return [(end.to_pydatetime(), int(count)) for end, count in door[column].items()]  # type: ignore[attr-defined]


def decoded(name: str, options: dict[str, Any], arrivals: Iterable[Arrival]) -> list[Reading]:
    """Return the readings of messages in the order in which they came; nothing is refused."""
    decode = DECODERS[name].configured(options)
    readings: list[Reading] = []
    for arrival in arrivals:
        result = decode(arrival)
        assert result.refused == ()
        readings += result.readings
    return readings


def effective(readings: Iterable[Reading]) -> dict[tuple[str, str], SeriesArrays]:
    """Return each series' readings in order of time, of several at one instant the one that came last."""
    frame = pd.DataFrame(
        [(r.series, r.t_us, r.ordinal, r.value, r.flags) for r in readings],
        columns=["series", "t_us", "ordinal", "value", "flags"],
    )
    found: dict[tuple[str, str], SeriesArrays] = {}
    for series, rows in frame.groupby("series", sort=False):
        assert isinstance(series, Series)
        last = rows.drop_duplicates(["t_us", "ordinal"], keep="last").sort_values(["t_us", "ordinal"])
        columns = {name: last[name].to_numpy() for name in ("t_us", "ordinal", "value", "flags")}
        found[series.quantity, series.channel] = SeriesArrays(
            series,
            columns["t_us"],
            columns["ordinal"].astype(np.int16),
            columns["value"],
            columns["flags"].astype(np.int16),
        )
    return found


def watched(part: SeriesArrays, **facts: Any) -> Observed:
    """Return a series with its readings as a metric gets it."""
    made = observed(part.series.quantity, [], [], device=part.series.device, period_s=1800.0, **facts)
    return made.with_parts((part,))


def grown(part: SeriesArrays, zone: ZoneInfo = LOS_ANGELES) -> Slots:
    """Return the increments of a register over all that was read of it."""
    start, end = (datetime.fromtimestamp(int(t) / 1e6, UTC) for t in (part.t_us[0], part.t_us[-1] + 1))
    return watched(part).slots_touching(local_days(Window(start, end, zone.key)).bounds_us)


@SEEDS
def test_totals_of_16_bits_with_late_history_clears_and_starts_meet_the_periods(door: pd.DataFrame, seed: int) -> None:
    random = Random(seed)
    device = Vs350(random)
    passages = list(zip(slots_of(door, "entries"), door["exits"].tolist(), strict=True))
    sent = list(device.uplinks([(end, came, went) for (end, came), went in passages]))
    found = effective(decoded("milesight_vs350", {"period_s": 1800.0}, shuffled(sent, random)))
    for quantity, register in (("entries", device.entries), ("exits", device.exits)):
        amounts = grown(found[f"{quantity}_total", ""]).amount
        assert amounts.tolist() == increments(register.readings, register.turn)
        first = int(door[quantity].iloc[0])
        periods = found[quantity, ""].value
        assert periods.sum() == door[quantity].sum() == register.counted + first
        assert amounts.sum() == periods.sum() - first - register.lost, "the device's own total is met"
        assert any(reading.was_reset for reading in register.readings)
    assert any(reading.wraps for reading in device.entries.readings)


@SEEDS
def test_a_total_of_32_bits_says_what_lost_uplinks_counted(door: pd.DataFrame, seed: int) -> None:
    register, random = Register(2**32, 2**32 - 3_000), Random(seed)
    sent = list(vs133_uplinks(slots_of(door, "entries"), register, random))
    found = effective(decoded("milesight_vs133", {"period_s": 1800.0}, shuffled(sent, random)))
    amounts = grown(found["entries_total", "line-1"]).amount
    assert amounts.tolist() == increments(register.readings, register.turn)
    assert any(reading.wraps for reading in register.readings)
    assert amounts.sum() > found["entries", "line-1"].value[1:].sum(), "periods in lost uplinks are missing"
    assert register.lost == 0


def irisys(door: pd.DataFrame, seed: int) -> tuple[Register, list[Arrival]]:
    register, random = Register(), Random(seed)
    return register, shuffled(list(irisys_posts(slots_of(door, "entries"), register, random)), random)


OPTIONS = {"registers": {0: {"quantity": "entries"}}}


@SEEDS
def test_registers_that_return_to_zero_give_the_footfall_of_each_day(door: pd.DataFrame, seed: int) -> None:
    register, posts = irisys(door, seed)
    part = effective(decoded("irisys_vector", OPTIONS, posts))["entries", ""]
    expected = increments(register.readings, None)
    assert grown(part).amount.tolist() == expected
    assert sum(expected) == register.counted - register.lost
    # By hand: what each reading adds belongs to the local day in which the reading before it was made.
    starts = pd.DatetimeIndex(door.index[:-1]).tz_convert(str(LOS_ANGELES))
    by_day = pd.Series(expected, index=starts).groupby(starts.date).sum()
    series = watched(part)
    for day, count in list(by_day.items())[1:-1]:
        assert isinstance(day, date)
        begin = datetime(day.year, day.month, day.day, tzinfo=LOS_ANGELES)
        following = day + timedelta(days=1)
        end = datetime(following.year, following.month, following.day, tzinfo=LOS_ANGELES)
        window = Window(begin, end, LOS_ANGELES.key)
        cut = series.touching(window.start_us, window.end_us, 0)
        assert traffic.measure_entries(inputs(window, [cut])).value == count, day


def test_the_database_gives_the_same_registers_whatever_the_order(
    door: pd.DataFrame, connection: psycopg.Connection[Any]
) -> None:
    register, posts = irisys(door.iloc[:600], 1)
    for first in range(0, len(posts), 40):
        store_readings(connection, "agent", decoded("irisys_vector", OPTIONS, posts[first : first + 40]))
    (rows,) = fetch_series(
        connection, [("V4D-1", "entries", "")], datetime(2005, 1, 1, tzinfo=UTC), datetime(2006, 1, 1, tzinfo=UTC)
    )
    part = arrays(Series.model_validate_json(rows.definition), rows.t_us, rows.value)
    assert grown(part).amount.tolist() == increments(register.readings, None)


@pytest.mark.parametrize("late_s", [0, 120, -120])
def test_totals_of_the_day_give_each_day_once_over_a_change_of_summer_time(door: pd.DataFrame, late_s: int) -> None:
    register = Register()
    events = list(hikvision_events(slots_of(door, "entries"), register, LOS_ANGELES, late_s))
    options = {"device": "camera", "count_from": "total", "reset": "midnight"}
    part = effective(decoded("hikvision_people_counting", options, shuffled(events, Random(1))))["entries", "1"]
    amounts = grown(part).amount
    assert amounts.tolist() == increments(register.readings, None)
    assert amounts.sum() == door["entries"].iloc[1:].sum()


@SEEDS
def test_a_meters_total_and_its_day_meet_over_a_repeated_hour_with_lost_messages(taxis: list[Slot], seed: int) -> None:
    total, today, random = Register(shown=12_345_678), Register(), Random(seed)
    sent = list(tasmota_telemetry(taxis, total, today, NEW_YORK, random))
    found = effective(decoded("tasmota", {"time_zone": "America/New_York"}, shuffled(sent, random)))
    for quantity, register in (("active_energy", total), ("active_energy_today", today)):
        amounts = grown(found[quantity, ""], NEW_YORK).amount
        assert amounts == pytest.approx(np.array(increments(register.readings, None)) / 1000, abs=1e-7)
        assert amounts.sum() == pytest.approx((register.counted - register.lost) / 1000, abs=1e-3)
    assert total.counted == today.counted, "both tell of the same energy"


MAP = """
format = "modbus"
title = "A meter of 16 bits"
numbering = "zero_based"
[[reading]]
register = 7
type = "uint16"
quantity = "active_energy"
unit = "kWh"
scale = 0.1
counter = { width_bits = 16, reset = "never" }
period_s = 1800
"""


def test_a_register_of_tenths_wraps_in_its_own_step(taxis: list[Slot], tmp_path: Path) -> None:
    """65,536 tenths of a kWh are 6,553.6 kWh, not 65,536."""
    (tmp_path / "meter.toml").write_text(MAP)
    register, random, arrivals = Register(2**16, 65_000), Random(1), []
    for end, amount in taxis:
        register.count(amount // 10)
        if random.random() > 0.2:
            words = registers_of(register.read(), NumberType.UINT16, Order.HIGH_FIRST, Order.HIGH_FIRST)
            payload = RegisterBlock(Table.HOLDING, 7, words).payload()
            arrivals.append(Arrival(payload, round(end.timestamp()) * 1_000_000))
    options = {"map": str(tmp_path / "meter.toml"), "device": "meter"}
    part = effective(decoded("modbus_map", options, arrivals))["active_energy", ""]
    assert sum(reading.wraps for reading in register.readings) > 100
    window = Window(datetime(2014, 6, 1, tzinfo=UTC), datetime(2015, 3, 1, tzinfo=UTC), "UTC")
    outcome = energy.measure(inputs(window, [watched(part, kind=Kind.CUMULATIVE, counter=part.series.counter)]))
    assert outcome.value == pytest.approx(register.counted / 10, rel=1e-12)
    assert outcome.detail["resets"] == 0


def test_a_water_meter_of_litres_wraps_at_its_own_cubic_metres(taxis: list[Slot]) -> None:
    register, arrivals = Register(2**32, 2**32 - 10_000_000), []
    for end, amount in taxis:
        register.count(amount)
        payload = f'{{"cumulativeFlow": "{register.read()}", "readAt": "{end.isoformat()}"}}'
        arrivals.append(Arrival(payload.encode(), round(end.timestamp()) * 1_000_000, "meters/2301457/up"))
    found = effective(decoded("json_map", {"map": "deploy/maps/water_meter.toml"}, arrivals))
    slots = grown(found["water_volume", ""], NEW_YORK)
    assert slots.amount == pytest.approx(np.array(increments(register.readings, 2**32)) / 1000, abs=1e-6)
    assert not slots.reset.any()
