"""Everything that the devices of a store report on one local day."""

from __future__ import annotations

from datetime import date

from edge.readings import Reading
from edge.simulator import (
    air,
    checkout,
    cold_chain,
    counted_zones,
    energy,
    labels,
    parking,
    passers,
    screens,
    sensing,
    shelves,
    tills,
    traffic,
)
from edge.simulator.local_day import LocalDay, local_day
from edge.simulator.observation import Observation
from edge.simulator.site import StorePlan


class StoreDay:
    """One day as its readings, slot by slot; the same names and day give the same readings, whatever came before."""

    def __init__(self, store: StorePlan, day: date, *, opening: bool = True) -> None:
        """Observe a day; ``opening`` adds the registers at its start, which the day before it delivers else."""
        self.day: LocalDay = local_day(store, day)
        self._observations = list(_observed(store, self.day, opening=opening))

    def slot(self, slot: int) -> list[Reading]:
        """Return the readings that become known in a slot of five minutes, 0 to ``day.slots - 1``."""
        return [reading for seen in self._observations for reading in seen.in_slot(self.day, slot)]


def _observed(store: StorePlan, day: LocalDay, *, opening: bool) -> list[Observation]:
    offline = {device.device_id: sensing.offline_slots(store, device, day) for device in store.devices}
    seen = [
        *traffic.observe(store, day),
        *shelves.observe(store, day),
        *labels.observe(store, day),
        *energy.observe(store, day, opening=opening),
        *air.observe(store, day),
        *cold_chain.observe(store, day),
        *parking.observe(store, day),
        *passers.observe(store, day),
        *tills.observe(store, day),
        *counted_zones.observe(store, day),
        *screens.observe(store, day),
        *checkout.observe(store, day),
    ]
    delivered = [
        each.without(day, offline[each.series.device]) if offline[each.series.device] else each for each in seen
    ]
    return [*delivered, *sensing.observe(store, day)]
