"""Examples of the OpenAPI document: built from the models, so that they can't be wrong in shape."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from pydantic import BaseModel

from analytics.alerts.answer import Acknowledgement, Alert, AlertList, AlertState
from analytics.api import models
from analytics.catalogue.all_metrics import METRICS
from analytics.completeness_answer import BatchCounts, By, CompletenessAnswer, LedgerRow, ReadingCounts
from analytics.completeness_ledger import terms
from analytics.facilities import AREA_NAMES
from analytics.results import (
    AreaAnswer,
    Change,
    Completeness,
    Coverage,
    DistrictAnswer,
    DistrictSum,
    FacilitiesAnswer,
    Facility,
    Gap,
    Interval,
    Result,
    Status,
    Text,
    TimeWindow,
)
from analytics.wording.texts import both
from edge.wire.series import Origin


def of(example: BaseModel) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI ``responses`` entry that shows an example of success."""
    return {200: {"content": {"application/json": {"example": example.model_dump(mode="json")}}}}


_ON = date(2026, 3, 2)
_NAME = Text(en="North Gate convenience store (simulated)", zh="北门便利店（模拟）")
_ZONE = "Asia/Shanghai"
_WINDOW = TimeWindow(
    start=datetime(2026, 3, 1, 16, tzinfo=UTC), end=datetime(2026, 3, 2, 16, tzinfo=UTC), time_zone=_ZONE
)
_BEFORE = TimeWindow(
    start=datetime(2026, 2, 22, 16, tzinfo=UTC), end=datetime(2026, 2, 23, 16, tzinfo=UTC), time_zone=_ZONE
)

STORE = models.Store(
    store_id="north-gate",
    district_id="riverside",
    name=_NAME,
    format="convenience_store",
    floor_area_m2=140.0,
    area_kind="sales",
    opens_at=time(7),
    closes_at=time(23),
    capacity=60,
    time_zone=_ZONE,
    business_day_start=time(0),
    simulated=True,
    valid_from=date(2026, 1, 1),
    valid_to=None,
)
STORE_LIST = models.StoreList(on=_ON, registry_version=1, stores=(STORE,))
DISTRICT = models.District(
    district_id="riverside",
    name=Text(en="Riverside district (simulated)", zh="滨河商圈（模拟）"),
    kind="smart_district",
    time_zone=_ZONE,
    simulated=True,
    valid_from=date(2026, 1, 1),
    valid_to=None,
)
DISTRICT_LIST = models.DistrictList(on=_ON, registry_version=1, districts=(DISTRICT,))
DEVICE_LIST = models.DeviceList(
    store_id="north-gate",
    on=_ON,
    registry_version=1,
    devices=(
        models.Device(
            device_id="north-gate-door-1",
            agent_id="north-gate-agent",
            model="simulated counter",
            direction="normal",
            purpose="counting visitors",
            sign_posted=True,
            accuracy=None,
            calibrated_on=date(2026, 1, 10),
            valid_from=date(2026, 1, 1),
            valid_to=None,
        ),
    ),
)
RESULT = Result(
    metric="footfall_entries",
    name=Text(en="footfall, entries", zh="客流进入人次"),
    unit="count",
    facility=Facility.TRAFFIC,
    formula_version=1,
    status=Status.MEASURED,
    value=612,
    interval=Interval(low=588, high=637, level=0.95, method="audited accuracy, Wilson"),
    window=_WINDOW,
    coverage=Coverage(points_exist=2, points_instrumented=2),
    completeness=Completeness(
        expected=576,
        received=564,
        ratio=564 / 576,
        floor=0.9,
        gaps=(
            Gap(
                device="north-gate-door-1",
                quantity="entries",
                channel="",
                start=datetime(2026, 3, 2, 3, tzinfo=UTC),
                end=datetime(2026, 3, 2, 4, tzinfo=UTC),
                declared=True,
            ),
        ),
        gaps_total=1,
    ),
    origins=(Origin.SIMULATED,),
    registry_version=1,
    digest="5f1d3c0f1c8a0b9f1e6f0e1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e",
    change=Change(window=_BEFORE, status=Status.MEASURED, value=590, difference=22, ratio=22 / 590),
)
STORE_ANSWER = FacilitiesAnswer(
    store_id="north-gate",
    name=_NAME,
    district_id="riverside",
    window=_WINDOW,
    registry_version=1,
    origins=(Origin.SIMULATED,),
    evidence=False,
    areas=(
        AreaAnswer(
            facility=Facility.TRAFFIC,
            name=AREA_NAMES[Facility.TRAFFIC],
            status=Status.MEASURED,
            coverage=Coverage(points_exist=2, points_instrumented=2),
            completeness_ratio=564 / 576,
            results=(RESULT,),
            next_step=None,
        ),
        AreaAnswer(
            facility=Facility.PARKING,
            name=AREA_NAMES[Facility.PARKING],
            status=Status.NOT_INSTALLED,
            coverage=Coverage(points_exist=0, points_instrumented=0),
            completeness_ratio=None,
            results=(),
            next_step=None,
        ),
        AreaAnswer(
            facility=Facility.SCREENS,
            name=AREA_NAMES[Facility.SCREENS],
            status=Status.DECLARED,
            coverage=Coverage(points_exist=3, points_instrumented=0),
            completeness_ratio=None,
            results=(),
            next_step=None,
        ),
    ),
)
DISTRICT_ANSWER = DistrictAnswer(
    district_id="riverside",
    name=DISTRICT.name,
    window=_WINDOW,
    registry_version=1,
    evidence=False,
    stores=(STORE_ANSWER,),
    sums=(
        DistrictSum(
            metric="footfall_entries",
            name=RESULT.name,
            unit="count",
            value=612,
            interval=Interval(
                low=588, high=637, level=0.95, method="sum over stores: confidence intervals as independent"
            ),
            stores_included=("north-gate",),
            stores_excluded=(),
        ),
    ),
)
CATALOGUE_ENTRY = models.CatalogueEntry.of(METRICS["footfall_entries"])
CATALOGUE = models.Catalogue(metrics=(CATALOGUE_ENTRY,))
ACCOUNT = models.Account(
    complete=True,
    spools=(
        models.SpoolEntry(
            agent="north-gate-agent",
            spool="0b5c1d3e-6f1a-4b7e-9a3d-2f4c5b6a7d8e",
            highest_sequence=1440,
            committed=1439,
            refused=0,
            declared_lost=1,
            missing=0,
            readings_sealed=143_900,
            duplicates=0,
            corrections=0,
            chain_breaks=0,
        ),
    ),
)
_READINGS = ReadingCounts(
    expected=576,
    absent=12,
    absent_declared_lost=10,
    absent_refused=0,
    absent_unexplained=2,
    received=564,
    late=30,
    duplicates=1,
    corrections=0,
    ratio=564 / 576,
)
COMPLETENESS = CompletenessAnswer(
    store_id="north-gate",
    district_id="riverside",
    name=_NAME,
    window=_WINDOW,
    by=By.DEVICE,
    registry_version=1,
    without_expectation=0,
    total=LedgerRow(
        readings=_READINGS,
        batches=BatchCounts(
            sealed=1440,
            committed=1439,
            refused=0,
            declared_lost=1,
            missing=0,
            readings=565,
            duplicates=1,
            corrections=0,
            refused_payloads=0,
        ),
    ),
    rows=(
        LedgerRow(
            store_id="north-gate",
            agent_id="north-gate-agent",
            device_id="north-gate-door-1",
            readings=_READINGS,
            batches=None,
        ),
    ),
    terms=terms(),
)
PROBLEM_KIND = models.ProblemKind.of("window_naive")
PROBLEM_KINDS = models.ProblemKinds(problems=(PROBLEM_KIND,))

ALERTS = AlertList(
    store_id="north-gate",
    registry_version=1,
    with_cleared=False,
    alerts=(
        Alert(
            alert_id=12,
            store_id="north-gate",
            detector="stuck",
            name=both("alert_name.stuck"),
            device_id="north-gate-chilled-1",
            quantity="temperature",
            channel="",
            state=AlertState.ACKNOWLEDGED,
            started_at=datetime(2026, 3, 2, 1, tzinfo=UTC),
            ended_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
            raised_at=datetime(2026, 3, 2, 8, 1, tzinfo=UTC),
            measured=4.0,
            expected=None,
            acknowledged=Acknowledgement(at=datetime(2026, 3, 2, 9, tzinfo=UTC), by="kim", why="battery ordered"),
            cleared_at=None,
            cleared_because=None,
            what_to_do=both("alert_to_do.stuck"),
        ),
    ),
)
