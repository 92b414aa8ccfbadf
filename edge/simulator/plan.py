"""The simulated district: four invented stores, from one where everything works to one where devices fail.

Simulated Store A (supermarket) has every area, and all of it works; screens and self-checkouts stand there alone.
Store B (department store) has neither cold chain nor parking, and labels that exist by declaration alone; it counts
people on the pavement, at tills, in a queue and in two zones as well. Store C (convenience store) has probes and a door
counter that are silent for most of each day. Store D (shopping centre) has four doors to the street and one inside, and
one of its two air sensors is off.
"""

from __future__ import annotations

from edge.simulator import stores
from edge.simulator.site import DistrictPlan, Names, StorePlan


def district_plan(seed: int = 1) -> DistrictPlan:
    """Return the simulated district; the seed decides what happens in it, never what it consists of."""
    return DistrictPlan(
        district_id="sim-district-1",
        seed=seed,
        names=Names("Simulated District One", "模拟商圈一"),
        kind="smart_district",
        time_zone=stores.TIME_ZONE,
        stores=(
            stores.supermarket(seed),
            stores.department_store(seed),
            stores.convenience_store(seed),
            stores.shopping_centre(seed),
        ),
    )


def store_plan(seed: int, store_id: str) -> StorePlan:
    """Return one store of the district.

    Raises
    ------
    LookupError
        If the district has no such store; the message lists those it has.
    """
    stores = {store.store_id: store for store in district_plan(seed).stores}
    if store_id not in stores:
        msg = f"no simulated store '{store_id}'; choose one of {', '.join(stores)}"
        raise LookupError(msg)
    return stores[store_id]
