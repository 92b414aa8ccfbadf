"""Energy use from the registers of the main meters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import fsum, log10

import numpy as np

from analytics.metrics.counts import Slots, shares
from analytics.metrics.inputs import Bounds, Inputs, Observed, Outcome
from analytics.metrics.spans import Float64, Spans

FINEST_KWH = 1e-6
SUB_METER = "sub_meter"


@dataclass(frozen=True, slots=True)
class Energy:
    """Energy over a window in kWh, with hard bounds."""

    kwh: float
    low_kwh: float
    high_kwh: float

    @classmethod
    def total(cls, parts: Iterable[Energy]) -> Energy:
        """Return the sum of several meters' or times' energies."""
        every = list(parts)
        return cls(fsum(e.kwh for e in every), fsum(e.low_kwh for e in every), fsum(e.high_kwh for e in every))

    def over(self, other: Energy) -> tuple[float, float] | None:
        """Return the bounds of its ratio to another energy, None where that may be nothing."""
        return (self.low_kwh / other.high_kwh, self.high_kwh / other.low_kwh) if other.low_kwh > 0 else None


@dataclass(frozen=True, slots=True)
class Metered:
    """What some meters measured over some time; ``bounded`` unless one of them shows no increment."""

    energy: Energy
    bounded: bool
    by_meter: dict[str, float]
    resets: int


def resolution(values: Float64) -> float:
    """Return the step of a register: the greatest power of ten, from 1 to 1e-6, that divides every value.

    Examples
    --------
    >>> resolution(np.array([10.25, 10.5]))
    0.01
    """
    for digits in range(6):
        scaled = values * 10**digits
        if np.allclose(scaled, np.rint(scaled), rtol=0, atol=1e-6):
            return float(1 / 10**digits)
    return FINEST_KWH


def energy_between(slots: Slots, start_us: int, end_us: int, step_kwh: float, most_kwh: float | None = None) -> Energy:
    """Return the energy over a window from the increments of one register.

    Parameters
    ----------
    slots
        Increments in kWh between consecutive readings (``register_slots``), the nearest reading on either side of the
        window included.
    start_us, end_us
        Window in µs.
    step_kwh
        Resolution of the register in kWh; a register shows what it has counted, cut to this step.
    most_kwh
        Largest increment of one period seen; None: of these slots.

    Returns
    -------
    Energy
        kWh. An increment across an edge counts by its share of time; its bounds are nothing and all of it. A reset
        loses what was counted since the reading before: at most the largest increment of one period seen. Time before
        the first and after the last reading is bounded likewise.

    Notes
    -----
    kWh = sum of increments, never negative; a gap's increment is right, its split in time is not.

    Examples
    --------
    >>> slots = Slots(np.array([0, 900]), np.array([900, 1800]), np.array([1.0, 2.0]), np.array([False, False]))
    >>> energy_between(slots, 450, 1800, 0.5)
    Energy(kwh=2.5, low_kwh=1.5, high_kwh=3.5)
    """
    part = shares(slots, start_us, end_us)
    touched = part > 0
    whole = part == 1
    value = fsum((slots.amount * part).tolist())
    low = fsum(slots.amount[whole].tolist()) - step_kwh
    high = fsum(slots.amount[touched].tolist()) + step_kwh
    lost = int((slots.reset & touched).sum())
    if lost:
        # Each reset starts the register from an unknown place within its step, too.
        high += lost * ((_most(slots) if most_kwh is None else most_kwh) + step_kwh)
    return Energy(value, max(low, 0.0), high)


def _most(slots: Slots) -> float:
    return float(slots.amount[~slots.reset].max(initial=0.0))


def metered(inputs: Inputs, meters: Iterable[Observed], wanted: Spans) -> Metered | None:
    """Return what meters measured over some time of the window, None where none of them shows an increment.

    Parameters
    ----------
    inputs
        The window, with the local midnights at which registers may start again.
    meters
        Registers of energy in kWh.
    wanted
        Time over which to add up; each span has bounds of its own at its edges.
    """
    every = list(meters)
    found = [_meter(inputs, series, wanted) for series in every]
    known = [energy for energy, _ in found if energy is not None]
    if not known:
        return None
    by_meter = {
        series.device: energy.kwh for series, (energy, _) in zip(every, found, strict=True) if energy is not None
    }
    return Metered(Energy.total(known), len(known) == len(found), by_meter, sum(resets for _, resets in found))


def main_meters(inputs: Inputs) -> list[Observed]:
    """Return the registers of the main meters."""
    return [series for series in inputs.of("active_energy") if series.point_kind != SUB_METER]


def measure(inputs: Inputs) -> Outcome:
    """Return the energy of the main meters in kWh; detail: by_meter, resets."""
    found = metered(inputs, main_meters(inputs), inputs.window.spans)
    if found is None:
        return Outcome(None, undefined="no_increment")
    bounds = Bounds(found.energy.low_kwh, found.energy.high_kwh, None, grounds(found))
    detail = {"by_meter": found.by_meter, "resets": found.resets}
    return Outcome(found.energy.kwh, bounds if found.bounded else None, detail)


def grounds(*parts: Metered) -> str:
    """Return what the bounds of energies stand on."""
    known = ["register resolution", "increments across the window's edges"]
    return "; ".join([*known, "resets"] if any(part.resets for part in parts) else known)


def increments_of(inputs: Inputs, series: Observed) -> tuple[Slots, float]:
    """Return the increments of a register in kWh, those across its edges included, and its step."""
    values = np.concatenate([part.value for part in series.parts]) if series.parts else np.zeros(0)
    step = resolution(values)
    return _on_grid(series.slots_touching(inputs.midnights_us), step), step


def _on_grid(slots: Slots, step_kwh: float) -> Slots:
    """Return increments rounded to the register's step: a difference of two floats is off it by their rounding."""
    if step_kwh <= FINEST_KWH:
        return slots
    return replace(slots, amount=np.round(slots.amount, round(-log10(step_kwh))))


def _meter(inputs: Inputs, series: Observed, wanted: Spans) -> tuple[Energy | None, int]:
    slots, step = increments_of(inputs, series)
    due = wanted.intersect(series.registered)
    if slots.start_us.size == 0 or due.total_us == 0:
        return None, 0
    touched, most = np.zeros(slots.start_us.size, dtype=np.bool_), _most(slots)
    parts = []
    for start_us, end_us in due.pairs():  # of a year of days each has its own few slots
        near = slice(int(np.searchsorted(slots.end_us, start_us)), int(np.searchsorted(slots.start_us, end_us)))
        touched[near] |= shares(slots.where(near), start_us, end_us) > 0
        parts.append(energy_between(slots.where(near), start_us, end_us, step, most))
    energy = Energy.total(parts)
    unread_us = due.without(Spans.union(slots.start_us, slots.end_us)).total_us
    if unread_us:
        periods = -(-unread_us // series.period_us)
        ordinary = slots.end_us - slots.start_us <= 2 * series.period_us
        unread = periods * float(slots.amount[ordinary].max(initial=0.0))
        energy = replace(energy, high_kwh=energy.high_kwh + unread)
    return energy, int((slots.reset & touched).sum())
