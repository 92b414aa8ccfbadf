"""Which device is silent when, and the agent's view of it.

Failures begin and end with a slot, the rhythm in which the agent looks after its devices; so the states that it
publishes lose nothing of the truth.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from edge.simulator.draws import keyed_random
from edge.simulator.local_day import SLOT_S, SLOT_US, LocalDay
from edge.simulator.observation import Observation, sampled
from edge.simulator.site import Device, StorePlan
from edge.wire.series import Kind, Series, Unit

_SLOTS_PER_HOUR = 3600 // SLOT_S
_JITTER_SLOTS = 6


def offline_slots(store: StorePlan, device: Device, day: LocalDay) -> range:
    """Return the slots of a day in which a device is silent."""
    outage = device.outage
    if outage is None:
        return range(0)
    if (outage.from_hour, outage.to_hour) == (0, 24):
        return range(day.slots)
    rng = keyed_random(store.seed, store.store_id, "sensing", device.device_id, day.date)
    first, last = (
        hour * _SLOTS_PER_HOUR + rng.randint(-_JITTER_SLOTS, _JITTER_SLOTS)
        for hour in (outage.from_hour, outage.to_hour)
    )
    return range(max(first, 0), min(max(last, 0), day.slots))


def online_series(device: Device) -> Series:
    """Return the series in which the agent says whether a device is reachable (1) or not (0)."""
    return Series(
        device=device.device_id, quantity="device_online", unit=Unit.STATE, kind=Kind.STATE, period_s=float(SLOT_S)
    )


def true_online_us(store: StorePlan, day: LocalDay, start_us: int, end_us: int) -> tuple[int, int]:
    """Return (online device-time, device-time) in the part of a window within a day."""
    low, high = max(start_us, day.start_us), min(end_us, day.end_us)
    offline = 0
    for device in store.devices:
        silent = offline_slots(store, device, day)
        begin_us, end_silent_us = (day.start_us + slot * SLOT_US for slot in (silent.start, silent.stop))
        offline += max(min(end_silent_us, high) - max(begin_us, low), 0)
    return len(store.devices) * (high - low) - offline, len(store.devices) * (high - low)


def true_outages_us(store: StorePlan, days: list[LocalDay], start_us: int, end_us: int) -> list[tuple[int, int]]:
    """Return from when to when devices were silent, of the failures that began within a window.

    One that goes on until the end of the last day given ends there.
    """
    found = []
    for device in store.devices:
        spans = [
            (day.start_us + of.start * SLOT_US, day.start_us + of.stop * SLOT_US)
            for day in days
            if (of := offline_slots(store, device, day))
        ]
        joined: list[tuple[int, int]] = []
        for begin_us, silent_until_us in spans:
            if joined and joined[-1][1] == begin_us:
                joined[-1] = joined[-1][0], silent_until_us
            else:
                joined.append((begin_us, silent_until_us))
        found += [span for span in joined if start_us < span[0] <= end_us]
    return found


def observe(store: StorePlan, day: LocalDay) -> Iterator[Observation]:
    """Yield the state of each device at the start of each slot, also while it is silent."""
    starts = range(day.start_us, day.end_us, SLOT_US)
    for device in store.devices:
        silent = offline_slots(store, device, day)
        yield sampled(online_series(device), starts, array("d", (slot not in silent for slot in range(day.slots))))
