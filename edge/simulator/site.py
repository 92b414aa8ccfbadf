"""What a simulated store consists of: places, points, devices with the series they observe, and habits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time

from edge.wire.series import Series


@dataclass(frozen=True, slots=True)
class Names:
    """A name in both languages."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Floor:
    """A floor; ``level`` 0 is the ground floor."""

    floor_id: str
    level: int
    names: Names


@dataclass(frozen=True, slots=True)
class Tenant:
    """A shop inside a store."""

    tenant_id: str
    names: Names


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of a floor."""

    zone_id: str
    floor_id: str
    names: Names
    area_m2: float
    tenant_id: str = ""


@dataclass(frozen=True, slots=True)
class Door:
    """A door; ``share`` is its part of the traffic (of the visitors, where it is internal)."""

    door_id: str
    zone_id: str
    names: Names
    perimeter: bool
    share: float


@dataclass(frozen=True, slots=True)
class Point:
    """A point that exists, instrumented or not."""

    point_id: str
    facility: str
    kind: str
    zone_id: str
    door_id: str = ""
    point_count: int = 1


@dataclass(frozen=True, slots=True)
class Outage:
    """A failure of each day, from about ``from_hour`` to about ``to_hour`` local time; 0 to 24 is exact: always off."""

    from_hour: int
    to_hour: int


@dataclass(frozen=True, slots=True)
class ObservedSeries:
    """A series and the point that it observes."""

    series: Series
    point_id: str
    role: str
    point_count: int = 1


@dataclass(frozen=True, slots=True)
class Device:
    """A device; ``accuracy`` bounds its error, in the unit of the first series that it observes (None: it counts)."""

    device_id: str
    facility: str
    model: str
    purpose: str
    observed: tuple[ObservedSeries, ...]
    accuracy: float | None = None
    outage: Outage | None = None


@dataclass(frozen=True, slots=True)
class TrafficHabits:
    """Visitors of an ordinary weekday, their median stay, and the two local hours around which they come."""

    visitors_per_day: int
    stay_min: float
    peak_hours: tuple[float, float]


@dataclass(frozen=True, slots=True)
class ShelfHabits:
    """Units of a full position, units sold of one in a day, and hours between two rounds of the staff."""

    units_full: int
    units_sold_per_day: float
    round_every_h: float


@dataclass(frozen=True, slots=True)
class LabelHabits:
    """Requests of an ordinary day, and the shares of them that fail and that are never answered."""

    requests_per_day: int
    failed_share: float
    unanswered_share: float


@dataclass(frozen=True, slots=True)
class Circuit:
    """A circuit: energy of an average day, and how many times its closed-hours power it draws in opening hours."""

    name: str
    kwh_per_day: float
    open_to_closed: float


@dataclass(frozen=True, slots=True)
class AirZone:
    """Air of one zone: well mixed, fed with outdoor air at a rate, and breathed by a share of the visitors."""

    point_id: str
    volume_m3: float
    outdoor_air_m3_per_h: float
    visitor_share: float
    staff: int


@dataclass(frozen=True, slots=True)
class Cabinet:
    """A cabinet: mean temperature, and how far a defrost or a door left open drives it up, in degC."""

    point_id: str
    mean_c: float
    excursion_c: float
    excursions_per_day: int


@dataclass(frozen=True, slots=True)
class ParkingHabits:
    """Mean minutes for which a bay is empty between two cars, and for which a car stays."""

    vacant_min: float
    stay_min: float


@dataclass(frozen=True, slots=True)
class PasserHabits:
    """How many people pass the front for each visitor, without coming in."""

    passing_by_per_visitor: float


@dataclass(frozen=True, slots=True)
class TillHabits:
    """Tills, the mean time that one serves a buyer, and the share of visitors who buy."""

    tills: int
    service_s: float
    buying_share: float


@dataclass(frozen=True, slots=True)
class CountedZone:
    """A zone under a sensor: the share of the visitors who linger in it, and their median stay."""

    point_id: str
    visitor_share: float
    stay_min: float


@dataclass(frozen=True, slots=True)
class ScreenHabits:
    """Times a day that a screen goes off, and seconds for which it plays an item."""

    failures_per_day: float
    play_s: float


@dataclass(frozen=True, slots=True)
class CheckoutHabits:
    """Of one self-checkout: faults and baskets of an ordinary day, and the mean number of items in a basket."""

    faults_per_day: float
    baskets_per_day: int
    items_per_basket: float


@dataclass(frozen=True, slots=True)
class Habits:
    """How a store lives; None or empty where it lacks the facility, or where nothing is known of it."""

    traffic: TrafficHabits
    circuits: tuple[Circuit, ...]
    air_zones: tuple[AirZone, ...]
    shelves: ShelfHabits | None = None
    labels: LabelHabits | None = None
    cabinets: tuple[Cabinet, ...] = ()
    parking: ParkingHabits | None = None
    passers: PasserHabits | None = None
    tills: TillHabits | None = None
    counted_zones: tuple[CountedZone, ...] = ()
    screens: ScreenHabits | None = None
    checkout: CheckoutHabits | None = None


@dataclass(frozen=True, slots=True, eq=False)
class StorePlan:
    """A simulated store; compared and hashed by identity, so that days can be cached by it."""

    store_id: str
    seed: int
    agent_id: str
    names: Names
    format: str
    floor_area_m2: float
    area_kind: str
    opens_at: time
    closes_at: time
    capacity: int
    time_zone: str
    floors: tuple[Floor, ...]
    zones: tuple[Zone, ...]
    tenants: tuple[Tenant, ...]
    doors: tuple[Door, ...]
    points: tuple[Point, ...]
    devices: tuple[Device, ...]
    habits: Habits

    def devices_of(self, facility: str) -> Iterator[Device]:
        """Yield the devices of a facility area."""
        return (device for device in self.devices if device.facility == facility)

    def observed_at(self, kind: str) -> Iterator[tuple[Device, ObservedSeries]]:
        """Yield what is observed at the points of a kind, with the device that observes it."""
        there = {point.point_id for point in self.points if point.kind == kind}
        return ((d, each) for d in self.devices for each in d.observed if each.point_id in there)

    def points_of(self, facility: str) -> Iterator[Point]:
        """Yield the points of a facility area, instrumented or not."""
        return (point for point in self.points if point.facility == facility)


@dataclass(frozen=True, slots=True, eq=False)
class DistrictPlan:
    """A simulated district."""

    district_id: str
    seed: int
    names: Names
    kind: str
    time_zone: str
    stores: tuple[StorePlan, ...]
