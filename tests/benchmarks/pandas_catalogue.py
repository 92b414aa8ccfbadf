"""The catalogue's metrics by pandas, as an analyst would write them: the cross-check of the benchmark.

A metric is computed from the readings of its series by themselves, as a notebook does it, vectorised throughout: its
value, its completeness (readings received of those expected), and how many gaps there are. No bounds, no digest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

MINUTE = pd.Timedelta(minutes=1)


@dataclass(frozen=True)
class Checked:
    """What pandas makes of a metric."""

    value: float
    completeness: float
    gaps: int


@dataclass(frozen=True)
class StoreFrame:
    """Readings in [start, end) by (quantity, device), each a series by local time; opening hours are 09:00 to 22:00."""

    start: datetime
    end: datetime
    readings: Mapping[tuple[str, str], pd.Series[float]]

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
    return Checked(float(value), received / expected, int(gaps))


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


def _share(held: Sequence[pd.Series[bool]]) -> float:
    return sum(int(one.sum()) for one in held) / sum(len(one) for one in held)


def _on_shelf(frame: StoreFrame) -> Checked:
    stock = frame.of("stock_units")
    return _checked(frame, _share([one.between_time("09:00", "21:59") >= 1 for one in stock]), stock, opening=True)


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
    held = [
        one <= -18 if device.endswith("probe-3") else (one > 0) & (one <= 8)
        for (quantity, device), one in frame.readings.items()
        if quantity == "temperature"
    ]
    return _checked(frame, _share(held), frame.of("temperature"))


def _parking(frame: StoreFrame) -> Checked:
    bays = frame.of("bay_occupied")
    return _checked(frame, _share([bay >= 0.5 for bay in bays]), bays)


def _availability(frame: StoreFrame) -> Checked:
    states = frame.of("device_online")
    return _checked(frame, _share([state >= 0.5 for state in states]), states)


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
