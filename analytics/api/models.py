"""Answers of the API beside the results: facts of the registry, the metric catalogue, the completeness account."""

from __future__ import annotations

from datetime import date, time

from pydantic import BaseModel, ConfigDict, Field

from analytics.api.problems import STATUS_OF, type_of
from analytics.catalogue.metric import Metric
from analytics.results import Facility, Text
from analytics.wording.texts import both
from ingest.store import registry
from ingest.store.account import SpoolAccount


class ApiModel(BaseModel):
    """A part of an answer: frozen, closed to unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class District(ApiModel):
    """A smart district, pedestrian street or 15-minute circle."""

    district_id: str
    name: Text
    kind: str
    time_zone: str
    simulated: bool
    valid_from: date
    valid_to: date | None

    @classmethod
    def of(cls, fact: registry.DistrictFact) -> District:
        """Return a fact of the registry as the API gives it."""
        return cls(
            district_id=fact.district_id,
            name=Text(en=fact.name_en, zh=fact.name_zh),
            kind=fact.kind,
            time_zone=fact.time_zone,
            simulated=fact.simulated,
            valid_from=fact.valid_from,
            valid_to=fact.valid_to,
        )


class DistrictList(ApiModel):
    """The districts valid on a day."""

    on: date
    registry_version: int
    districts: tuple[District, ...]


class Store(ApiModel):
    """A store; times are local, and the business day starts at ``business_day_start``."""

    store_id: str
    district_id: str
    name: Text
    format: str = Field(description="Retail format after GB/T 18106-2021")
    floor_area_m2: float
    area_kind: str = Field(description="gross, sales or leasable")
    opens_at: time
    closes_at: time
    capacity: int | None
    time_zone: str
    business_day_start: time
    simulated: bool
    valid_from: date
    valid_to: date | None

    @classmethod
    def of(cls, fact: registry.StoreFact) -> Store:
        """Return a fact of the registry as the API gives it."""
        return cls(
            store_id=fact.store_id,
            district_id=fact.district_id,
            name=Text(en=fact.name_en, zh=fact.name_zh),
            format=fact.format,
            floor_area_m2=fact.floor_area_m2,
            area_kind=fact.area_kind,
            opens_at=fact.opens_at,
            closes_at=fact.closes_at,
            capacity=fact.capacity,
            time_zone=fact.time_zone,
            business_day_start=fact.business_day_start,
            simulated=fact.simulated,
            valid_from=fact.valid_from,
            valid_to=fact.valid_to,
        )


class StoreList(ApiModel):
    """The stores valid on a day."""

    on: date
    registry_version: int
    stores: tuple[Store, ...]


class Device(ApiModel):
    """A device of a store, the agent that speaks for it, and what its readings may be used for."""

    device_id: str
    agent_id: str
    model: str
    direction: str
    purpose: str
    sign_posted: bool
    accuracy: float | None = Field(description="In the unit of its gauge")
    calibrated_on: date | None
    valid_from: date
    valid_to: date | None

    @classmethod
    def of(cls, fact: registry.DeviceFact) -> Device:
        """Return a fact of the registry as the API gives it."""
        return cls(
            device_id=fact.device_id,
            agent_id=fact.agent_id,
            model=fact.model,
            direction=fact.direction,
            purpose=fact.purpose,
            sign_posted=fact.sign_posted,
            accuracy=fact.accuracy,
            calibrated_on=fact.calibrated_on,
            valid_from=fact.valid_from,
            valid_to=fact.valid_to,
        )


class DeviceList(ApiModel):
    """The devices of a store that are valid on a day."""

    store_id: str
    on: date
    registry_version: int
    devices: tuple[Device, ...]


class CatalogueEntry(ApiModel):
    """A metric: what it is called, how it is computed, and from when on it gives a number."""

    metric: str
    name: Text
    facility: Facility
    unit: str
    formula: str
    formula_version: int
    source: str
    edge_cases: str
    point_kinds: tuple[str, ...] = Field(description="Kinds of point that it concerns; empty: every registered device")
    quantities: tuple[str, ...] = Field(description="What it is computed from; empty: every quantity")
    completeness_floor: float
    tolerance: float = Field(description="Relative tolerance of a recomputation; 0: exact")
    summable: bool = Field(description="Whether a district's figure is the sum of its stores'")

    @classmethod
    def of(cls, metric: Metric) -> CatalogueEntry:
        """Return a metric of the catalogue as the API gives it."""
        return cls(
            metric=metric.name,
            name=Text(en=metric.name_en, zh=metric.name_zh),
            facility=metric.facility,
            unit=metric.unit,
            formula=metric.formula,
            formula_version=metric.formula_version,
            source=metric.source,
            edge_cases=metric.edge_cases,
            point_kinds=tuple(sorted(metric.point_kinds)),
            quantities=metric.quantities,
            completeness_floor=metric.completeness_floor,
            tolerance=metric.tolerance,
            summable=metric.summable,
        )


class Catalogue(ApiModel):
    """Every metric, by facility area."""

    metrics: tuple[CatalogueEntry, ...]


class SpoolEntry(ApiModel):
    """What became of one spool's batches: highest_sequence = committed + refused + declared_lost + missing."""

    agent: str
    spool: str
    highest_sequence: int
    committed: int
    refused: int
    declared_lost: int
    missing: int
    readings_sealed: int
    duplicates: int
    corrections: int
    chain_breaks: int

    @classmethod
    def of(cls, account: SpoolAccount) -> SpoolEntry:
        """Return a spool's account as the API gives it."""
        return cls(
            agent=account.agent,
            spool=str(account.spool),
            highest_sequence=account.highest_sequence,
            committed=account.committed,
            refused=account.refused,
            declared_lost=account.declared_lost,
            missing=account.missing,
            readings_sealed=account.readings_sealed,
            duplicates=account.duplicates,
            corrections=account.corrections,
            chain_breaks=account.chain_breaks,
        )


class Account(ApiModel):
    """The completeness account: every batch that an agent numbered, once in exactly one column."""

    complete: bool = Field(description="No batch is missing and no chain of digests is broken")
    spools: tuple[SpoolEntry, ...]


class Live(ApiModel):
    """The process answers."""

    status: str = "live"


class Ready(ApiModel):
    """The database is reachable and has this release's schema."""

    status: str = "ready"
    schema_version: int


class ProblemKind(ApiModel):
    """A kind of problem: its code never changes its meaning."""

    code: str
    type: str
    status: int
    title: Text

    @classmethod
    def of(cls, code: str) -> ProblemKind:
        """Return the kind that has this code."""
        return cls(code=code, type=type_of(code), status=STATUS_OF[code], title=both(f"problem_title.{code}"))


class ProblemKinds(ApiModel):
    """Every kind of problem."""

    problems: tuple[ProblemKind, ...]
