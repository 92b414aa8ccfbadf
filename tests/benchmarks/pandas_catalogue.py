"""The catalogue's metrics by pandas, as an analyst would write them: the cross-check of the benchmark.

A metric is computed from the readings of its series by themselves, as a notebook does it, vectorised throughout: its
value, its completeness (readings received of those expected), how many gaps there are, and the digest over its rows; of
a share of time its hard bounds too. Not the bounds of counts, which the engine has besides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

import pandas as pd

MINUTE = pd.Timedelta(minutes=1)


@dataclass(frozen=True)
class Checked:
    """What pandas makes of a metric."""

    value: float
    completeness: float
    gaps: int
    digest: str
    bounds: tuple[float, float] | None = None


@dataclass(frozen=True)
class StoreFrame:
    """Readings in [start, end) by (quantity, device), each a series by local time; opening hours are 09:00 to 22:00."""

    start: datetime
    end: datetime
    readings: Mapping[tuple[str, str], pd.Series[float]]
    definitions: Mapping[tuple[str, str], str]

    def of(self, *quantities: str) -> list[pd.Series[float]]:
        """Return the series of some quantities."""
        return [one for (quantity, _), one in self.readings.items() if quantity in quantities]

    @property
    def minutes(self) -> float:
        """Length in minutes."""
        return (self.end - self.start) / MINUTE


def cross_check(frame: StoreFrame) -> dict[str, Checked]:
    """Return every metric that is known here, by name."""
    return {name: of(frame) for name, of in METRICS.items()}


def _checked(frame: StoreFrame, value: float, series: Sequence[pd.Series[float]], opening: bool = False) -> Checked:
    expected = received = gaps = 0.0
    for one in series:
        told = one.between_time("09:00", "21:59") if opening else one
        expected += frame.minutes * (13 / 24 if opening else 1)
        received += len(told)
        gaps += _gaps(frame, told, opening)
    return Checked(float(value), received / expected, int(gaps), _digest(frame, series))


_RECORD = [("t_us", ">i8"), ("ordinal", ">i2"), ("value", ">f8"), ("flags", ">i2")]


def _digest(frame: StoreFrame, series: Sequence[pd.Series[float]]) -> str:
    """Return the Merkle root over the rows, as the handbook describes it."""
    asked = {id(one) for one in series}
    leaves = []
    for definition, key in sorted((definition, key) for key, definition in frame.definitions.items()):
        one = frame.readings[key]
        if id(one) in asked:
            rows = pd.DataFrame(
                {"t_us": pd.DatetimeIndex(one.index).as_unit("us").asi8, "ordinal": 0, "value": one.array}
            )
            records = rows.assign(flags=0).to_records(index=False).astype(_RECORD).tobytes()
            leaves.append(sha256(b"\0" + sha256(definition.encode()).digest() + records).digest())
    return _root(leaves).hex()


def _root(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1" + _root(leaves[:split]) + _root(leaves[split:])).digest()


_Held = tuple["pd.Series[bool]", "pd.Series[bool]", "pd.Series[bool]"]
"""Whether something held at each reading: as read, surely and possibly."""


def _shared(
    frame: StoreFrame,
    series: Sequence[pd.Series[float]],
    judge: Callable[[pd.Series[float]], _Held],
    opening: bool = False,
) -> Checked:
    """Return a share of time: a reading holds for a minute, a change is known to one, missing time is either way."""
    held = observed = low = high = 0
    for one in series:
        as_read, surely, possibly = judge(one)
        late = one.index.to_series().diff().shift(-1).fillna(2 * MINUTE) > 1.5 * MINUTE
        lost = surely & (late | surely.ne(surely.shift(-1)))
        gained = ~possibly & (late | possibly.ne(possibly.shift(-1)))
        flags = pd.DataFrame({"held": as_read, "low": surely & ~lost, "high": possibly | gained})
        if opening:
            flags = flags.between_time("09:00", "21:59")
        total = flags.sum()
        held, low, high = held + total["held"], low + total["low"], high + total["high"]
        observed += len(flags)
    wanted = len(series) * frame.minutes * (13 / 24 if opening else 1)
    checked = _checked(frame, held / observed, series, opening)
    return replace(checked, bounds=(float(low / wanted), float((high + wanted - observed) / wanted)))


def _certainly(held: pd.Series[bool]) -> _Held:
    return held, held, held


def _gaps(frame: StoreFrame, told: pd.Series[float], opening: bool) -> int:
    """Count stretches without a reading; in opening hours each day by itself."""
    at = told.index.to_series()
    if not opening:
        first, last = at.iloc[0] > frame.start, at.iloc[-1] + MINUTE < frame.end
        return int((at.diff() > 1.5 * MINUTE).sum() + first + last)
    day = at.dt.normalize()
    within = (at.groupby(day).diff() > 1.5 * MINUTE).sum()
    first = at.groupby(day).first() - day.groupby(day).first() > pd.Timedelta(hours=9)
    last = at.groupby(day).last() - day.groupby(day).first() < pd.Timedelta(hours=21, minutes=59)
    return int(within + first.sum() + last.sum())


def _doors(frame: StoreFrame) -> list[pd.Series[float]]:
    return frame.of("entries", "exits")


def _sum(frame: StoreFrame, quantity: str) -> float:
    return sum(float(one.sum()) for one in frame.of(quantity))


def _entries(frame: StoreFrame) -> Checked:
    return _checked(frame, _sum(frame, "entries"), _doors(frame))


def _exits(frame: StoreFrame) -> Checked:
    return _checked(frame, _sum(frame, "exits"), _doors(frame))


def _closure(frame: StoreFrame) -> Checked:
    came, left = _sum(frame, "entries"), _sum(frame, "exits")
    return _checked(frame, 1 - abs(came - left) / (came + left), _doors(frame))


def _occupancy_peak(frame: StoreFrame) -> Checked:
    both = pd.concat([*frame.of("entries"), *(-one for one in frame.of("exits"))])
    net = both.groupby(level=0).sum()
    day = pd.DatetimeIndex(net.index).normalize()
    walk = net.groupby(day).cumsum()
    clamped = walk - walk.groupby(day).cummin().clip(upper=0)
    return _checked(frame, clamped.max(), _doors(frame))


def _binned(frame: StoreFrame, rule: str) -> pd.Series[float]:
    """Return entries by hour or day, of those received to 90 % or more."""
    counters = frame.of("entries")
    bins = [one.resample(rule).agg(["sum", "count"]) for one in counters]
    total = sum(bins[1:], bins[0])
    whole = {"h": 60, "D": 1440}[rule] * len(counters)
    return total.loc[total["count"] >= 0.9 * whole, "sum"]


def _peak_hour(frame: StoreFrame) -> Checked:
    return _checked(frame, _binned(frame, "h").max(), _doors(frame))


def _typical_peak_hour(frame: StoreFrame) -> Checked:
    hours = _binned(frame, "h")
    profile = hours.groupby(pd.DatetimeIndex(hours.index).hour).mean()
    return _checked(frame, float(profile.index[int(profile.argmax())]), _doors(frame))


def _busiest_day(frame: StoreFrame) -> Checked:
    return _checked(frame, _binned(frame, "D").max(), _doors(frame))


def _on_shelf(frame: StoreFrame) -> Checked:
    return _shared(frame, frame.of("stock_units"), lambda one: _certainly(one >= 1), opening=True)


def _label_success(frame: StoreFrame) -> Checked:
    told = frame.of("label_updates_requested", "label_updates_confirmed", "label_updates_failed")
    return _checked(frame, _sum(frame, "label_updates_confirmed") / _sum(frame, "label_updates_requested"), told)


def _energy(frame: StoreFrame) -> Checked:
    used = 0.0
    for register in frame.of("active_energy"):
        step = register.diff()
        used += float(step.where(step >= 0, register).iloc[1:].sum())
    return _checked(frame, used, frame.of("active_energy"))


def _carbon_dioxide(frame: StoreFrame) -> Checked:
    valid = within = 0
    for zone in frame.of("carbon_dioxide"):
        hours = zone.between_time("09:00", "21:59").resample("h").agg(["mean", "count"])
        judged = hours.loc[hours["count"] >= 45, "mean"]
        valid, within = valid + len(judged), within + int((judged <= 1500).sum())
    return _checked(frame, within / valid, frame.of("carbon_dioxide"), opening=True)


def _in_band(frame: StoreFrame) -> Checked:
    frozen = {id(one) for (_, device), one in frame.readings.items() if device.endswith("probe-3")}

    def judge(one: pd.Series[float]) -> _Held:
        low, high = one - 0.5, one + 0.5
        if id(one) in frozen:
            return one <= -18, high <= -18, low <= -18
        return (one > 0) & (one <= 8), (low > 0) & (high <= 8), (high > 0) & (low <= 8)

    return _shared(frame, frame.of("temperature"), judge)


def _parking(frame: StoreFrame) -> Checked:
    return _shared(frame, frame.of("bay_occupied"), lambda one: _certainly(one >= 0.5))


def _availability(frame: StoreFrame) -> Checked:
    return _shared(frame, frame.of("device_online"), lambda one: _certainly(one >= 0.5))


METRICS: dict[str, Callable[[StoreFrame], Checked]] = {
    "footfall_entries": _entries,
    "footfall_exits": _exits,
    "net_closure": _closure,
    "occupancy_peak": _occupancy_peak,
    "peak_hour": _peak_hour,
    "typical_peak_hour": _typical_peak_hour,
    "busiest_day": _busiest_day,
    "on_shelf_availability": _on_shelf,
    "label_update_success": _label_success,
    "energy_use": _energy,
    "carbon_dioxide_compliance": _carbon_dioxide,
    "cold_chain_time_in_band": _in_band,
    "parking_occupancy": _parking,
    "device_availability": _availability,
}
