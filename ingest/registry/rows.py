"""One model a table of the site model: what a line of each CSV file says, checked as far as a line alone can be.

Rows are immutable and comparable; their fields are the columns of the table of the same name, without the versions.
"""

from __future__ import annotations

from datetime import date, time
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge.wire.model import AgentName, Identifier
from ingest.registry.cells import (
    Area,
    ChannelName,
    Day,
    DeviceId,
    FacilityName,
    FormatCode,
    Name,
    Number,
    OptionalText,
    QuantityName,
    TimeOfDay,
    TimeZoneName,
    YesNo,
)
from ingest.registry.points import FACILITY_KINDS


class RegistryRow(BaseModel):
    """A fact, valid from a day up to, not including, another (None: no end known); days are local dates."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, str_strip_whitespace=True)

    table: ClassVar[str]
    """Name of the table and, with ``.csv``, of the file."""
    key: ClassVar[tuple[str, ...]]
    """The columns that name what the fact is about; facts of one key must not overlap in time."""

    valid_from: Day
    valid_to: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            msg = "valid_to must be after valid_from (it is the first day on which the fact no longer holds)"
            raise ValueError(msg)
        return self

    def identity(self) -> tuple[str, ...]:
        """Return the values of the key."""
        return tuple(getattr(self, column) for column in self.key)

    def holds_on(self, day: date) -> bool:
        """Return whether the fact is valid on a day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


class Named(RegistryRow):
    """A fact about something that has a name in both languages."""

    name_en: Name
    name_zh: Name


class Place(Named):
    """A district or a store; a simulated one says so in its names, so that none passes for a real site."""

    time_zone: TimeZoneName
    simulated: YesNo = False

    @model_validator(mode="after")
    def _plainly_simulated(self) -> Self:
        if self.simulated and ("simulated" not in self.name_en.lower() or "模拟" not in self.name_zh):
            msg = "a simulated place must say so: name_en must contain 'Simulated' and name_zh '模拟'"
            raise ValueError(msg)
        return self


class District(Place):
    """A line of districts.csv."""

    table: ClassVar[str] = "districts"
    key: ClassVar[tuple[str, ...]] = ("district_id",)

    district_id: Identifier
    kind: Literal["smart_district", "pedestrian_street", "fifteen_minute_circle"]


class Store(Place):
    """A line of stores.csv; a store that closes at or before the time it opens closes on the next day."""

    table: ClassVar[str] = "stores"
    key: ClassVar[tuple[str, ...]] = ("store_id",)

    store_id: Identifier
    district_id: Identifier
    format: FormatCode
    floor_area_m2: Area
    area_kind: Literal["gross", "sales", "leasable"]
    opens_at: TimeOfDay
    closes_at: TimeOfDay
    capacity: Number | None = None
    business_day_start: TimeOfDay = time(0)


class Tenant(Named):
    """A line of tenants.csv."""

    table: ClassVar[str] = "tenants"
    key: ClassVar[tuple[str, ...]] = ("tenant_id",)

    tenant_id: Identifier
    store_id: Identifier


class Floor(Named):
    """A line of floors.csv; level 0 is the ground floor."""

    table: ClassVar[str] = "floors"
    key: ClassVar[tuple[str, ...]] = ("floor_id",)

    floor_id: Identifier
    store_id: Identifier
    level: Annotated[int, Field(ge=-20, le=200)]


class Zone(Named):
    """A line of zones.csv."""

    table: ClassVar[str] = "zones"
    key: ClassVar[tuple[str, ...]] = ("zone_id",)

    zone_id: Identifier
    store_id: Identifier
    floor_id: Identifier | None = None
    tenant_id: Identifier | None = None
    area_m2: Area | None = None


class Door(Named):
    """A line of doors.csv; only perimeter doors count towards the store's footfall."""

    table: ClassVar[str] = "doors"
    key: ClassVar[tuple[str, ...]] = ("door_id",)

    door_id: Identifier
    store_id: Identifier
    zone_id: Identifier | None = None
    perimeter: YesNo


class Point(RegistryRow):
    """A line of points.csv: a point that exists, whether a device observes it or not."""

    table: ClassVar[str] = "points"
    key: ClassVar[tuple[str, ...]] = ("point_id",)

    point_id: Identifier
    store_id: Identifier
    facility: FacilityName
    kind: str
    zone_id: Identifier | None = None
    door_id: Identifier | None = None
    point_count: Number = 1

    @model_validator(mode="after")
    def _kind_of_facility(self) -> Self:
        kinds = FACILITY_KINDS[self.facility]
        if self.kind not in kinds:
            msg = f"kind '{self.kind}' is not one of facility {self.facility}; known: {', '.join(sorted(kinds))}"
            raise ValueError(msg)
        if self.kind == "door_line" and self.door_id is None:
            msg = "a door_line needs door_id: footfall sums the perimeter doors"
            raise ValueError(msg)
        if self.kind == "counted_zone" and self.zone_id is None:
            msg = "a counted_zone needs zone_id: its person-time is shared out over the zone's area"
            raise ValueError(msg)
        return self


class Agent(RegistryRow):
    """A line of agents.csv."""

    table: ClassVar[str] = "agents"
    key: ClassVar[tuple[str, ...]] = ("agent_id",)

    agent_id: AgentName
    description: OptionalText = ""
    approved: YesNo


class Device(RegistryRow):
    """A line of devices.csv; ``accuracy`` is in the unit of the device's gauge."""

    table: ClassVar[str] = "devices"
    key: ClassVar[tuple[str, ...]] = ("device_id",)

    device_id: DeviceId
    agent_id: AgentName
    store_id: Identifier
    model: OptionalText = ""
    direction: Literal["normal", "inverted"] = "normal"
    purpose: OptionalText = ""
    sign_posted: YesNo = False
    accuracy: Annotated[float, Field(ge=0)] | None = None
    calibrated_on: Day | None = None


class RegisteredSeriesRow(RegistryRow):
    """A line of registered_series.csv: a series, and a point that it observes."""

    table: ClassVar[str] = "registered_series"
    key: ClassVar[tuple[str, ...]] = ("device_id", "quantity", "channel", "point_id")

    device_id: DeviceId
    quantity: QuantityName
    channel: ChannelName = ""
    point_id: Identifier
    point_count: Number = 1
    role: OptionalText = ""


class Audit(RegistryRow):
    """A line of audits.csv: a manual count beside a device's own, made on ``valid_from``."""

    table: ClassVar[str] = "audits"
    key: ClassVar[tuple[str, ...]] = ("audit_id",)

    audit_id: Identifier
    device_id: DeviceId
    quantity: QuantityName
    manual_count: Number
    device_count: Annotated[int, Field(ge=0, lt=2**31)]
