"""Answers made by hand, with every state that a page must show; no database stands behind them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from analytics.catalogue.all_metrics import METRICS
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
    LimitCheck,
    Result,
    Status,
    Text,
    TimeWindow,
)
from analytics.windows import Window, like_period_before
from edge.wire.series import Origin
from ingest.store.registry import DeviceFact, DistrictFact, StoreFact

ZONE = "Asia/Shanghai"
DAY = Window(datetime(2026, 3, 1, 16, tzinfo=UTC), datetime(2026, 3, 2, 16, tzinfo=UTC), ZONE)
DIGEST = "5f1d3c0f1c8a0b9f1e6f0e1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e"
CARBON_DIOXIDE_LIMIT = LimitCheck(
    key="carbon_dioxide.store_max",
    value=1500,
    unit="ppm",
    scheme="GB 37488-2019",
    source="GB 37488-2019, 4.2.2: 0.15 %",
    status="analogous",
)


def time_window(window: Window) -> TimeWindow:
    return TimeWindow(start=window.start, end=window.end, time_zone=window.time_zone)


def result(
    metric: str,
    value: float | None,
    window: Window = DAY,
    *,
    status: Status = Status.MEASURED,
    interval: tuple[float, float, float | None] | None = None,
    received: float = 0.98,
    before: float | None = None,
    points: tuple[int, int] = (2, 2),
    limits: tuple[LimitCheck, ...] = (),
    detail: dict[str, Any] | None = None,
    gaps: tuple[Gap, ...] = (),
) -> Result:
    known = METRICS[metric]
    change = None
    if before is not None and value is not None:
        change = Change(
            window=time_window(like_period_before(window)),
            status=Status.MEASURED,
            value=before,
            difference=value - before,
            ratio=(value - before) / before,
        )
    return Result(
        metric=metric,
        name=Text(en=known.name_en, zh=known.name_zh),
        unit=known.unit,
        facility=known.facility,
        formula_version=known.formula_version,
        status=status,
        value=value,
        interval=interval and Interval(low=interval[0], high=interval[1], level=interval[2], method="made by hand"),
        window=time_window(window),
        coverage=Coverage(points_exist=points[1], points_instrumented=points[0]),
        completeness=Completeness(
            expected=576,
            received=round(576 * received),
            ratio=received,
            floor=known.completeness_floor,
            gaps=gaps,
            gaps_total=len(gaps),
        ),
        origins=(Origin.SIMULATED,),
        registry_version=3,
        digest=DIGEST,
        limits=limits,
        change=change,
        detail=detail or {},
    )


_BARE = {
    "coverage": Coverage(points_exist=0, points_instrumented=0),
    "completeness": None,
    "origins": (),
    "digest": None,
}


def area(
    facility: Facility,
    status: Status,
    results: tuple[Result, ...] = (),
    points: tuple[int, int] = (2, 2),
    next_step: Text | None = None,
) -> AreaAnswer:
    ratios = [r.completeness.ratio for r in results if r.completeness]
    return AreaAnswer(
        facility=facility,
        name=AREA_NAMES[facility],
        status=status,
        coverage=Coverage(points_exist=points[1], points_instrumented=points[0]),
        completeness_ratio=min(ratios, default=None),
        results=results,
        next_step=next_step,
    )


def traffic(window: Window = DAY, entries: int = 1612) -> AreaAnswer:
    hour = {"start": "2026-03-02T18:00:00+08:00", "end": "2026-03-02T19:00:00+08:00", "hours_compared": 24}
    return area(
        Facility.TRAFFIC,
        Status.MEASURED,
        (
            result("footfall_entries", entries, window, interval=(entries - 31, entries + 44, 0.95), before=1508),
            result("footfall_exits", entries - 9, window, interval=(entries - 41, entries + 37, 0.95), before=1511),
            result("net_closure", 0.99721, window, interval=(0.97, 1.0, 0.95), before=0.9811),
            result("occupancy_peak", 74, window, interval=(61, 90, 0.95), detail={"method": "clamped at zero"}),
            result("peak_hour", 203, window, detail=hour),
            result("typical_peak_hour", 18, window, before=17, detail={"mean": 203.0}),
            result("busiest_day", entries, window, detail={"date": "2026-03-02", "days_compared": 1}),
        ),
    )


def store_answer(
    store_id: str, window: Window = DAY, *, evidence: bool = False, origins: tuple[Origin, ...] = (Origin.SIMULATED,)
) -> FacilitiesAnswer:
    """Return an answer that has every state: measured, insufficient, declared, not installed."""
    gap = Gap(
        device=f"{store_id}-air-2",
        quantity="carbon_dioxide",
        channel="",
        start=datetime(2026, 3, 2, 3, tzinfo=UTC),
        end=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
        declared=False,
    )
    removed = gap.model_copy(
        update={"start": window.start, "end": datetime(2026, 3, 1, 20, tzinfo=UTC), "removed": True}
    )
    return FacilitiesAnswer(
        store_id=store_id,
        name=STORES[store_id],
        district_id="riverside",
        window=time_window(window),
        registry_version=3,
        origins=origins,
        evidence=evidence,
        note=Text(
            en="The window begins before the readings that are kept: those before 2 March 2026, 04:00 were removed.",
            zh="该时段早于现存读数：2026年3月2日 04:00 之前的读数已按保存期删除。",
        ),
        areas=(
            traffic(window),
            area(
                Facility.SHELVES,
                Status.MEASURED,
                (
                    result("on_shelf_availability", 0.9641, window, interval=(0.958, 0.969, None), before=0.952),
                    result("out_of_stock_duration", 41.5, window, interval=(29.0, 66.0, 0.95), before=48.0),
                ),
                (40, 40),
            ),
            area(
                Facility.LABELS,
                Status.DECLARED,
                points=(0, 1200),
                next_step=Text(
                    en="Connect the label gateway, or take the labels out of the registry.",
                    zh="请接入价签基站，或在登记中删除这些价签。",
                ),
            ),
            area(
                Facility.ENERGY,
                Status.MEASURED,
                (result("energy_use", 241.37, window, interval=(240.9, 241.9, None), before=262.8, points=(1, 1)),),
                (1, 1),
            ),
            area(
                Facility.AIR,
                Status.INSUFFICIENT,
                (
                    result(
                        "carbon_dioxide_compliance",
                        None,
                        window,
                        status=Status.INSUFFICIENT,
                        received=0.61,
                        limits=(CARBON_DIOXIDE_LIMIT,),
                        gaps=(removed, gap),
                    ),
                ),
                next_step=Text(
                    en=f"Check the power and the network of {store_id}-air-2: silent since 2 March, 11:00.",
                    zh=f"请检查 {store_id}-air-2 的电源和网络：自3月2日11:00起没有读数。",
                ),
            ),
            area(
                Facility.COLD_CHAIN,
                Status.MEASURED,
                (result("cold_chain_time_in_band", 0.99985, window, interval=(0.99, 1.0, None), before=0.9912),),
                (6, 6),
            ),
            area(
                Facility.PARKING,
                Status.NOT_INSTALLED,
                (result("parking_occupancy", None, window, status=Status.NOT_INSTALLED).model_copy(update=_BARE),),
                (0, 0),
            ),
            area(
                Facility.SCREENS,
                Status.MEASURED,
                (
                    result("screen_availability", 0.9873, window, interval=(0.985, 0.991, None), before=0.9921),
                    result("screen_plays", 1180, window, interval=(1180, 1180, None), before=1204),
                ),
            ),
            area(
                Facility.CHECKOUT,
                Status.MEASURED,
                (
                    result("checkout_availability", 0.9712, window, interval=(0.968, 0.975, None), before=0.9804),
                    result("checkout_transactions", 486, window, interval=(486, 486, None), before=471),
                    result("checkout_items_per_transaction", 4.31, window, interval=(4.31, 4.31, None), before=4.22),
                    result(
                        "checkout_share", None, window, status=Status.INSUFFICIENT, detail={"reason": "no_till_reports"}
                    ),
                ),
            ),
            area(
                Facility.SENSING,
                Status.MEASURED,
                (result("device_availability", 0.973, window, before=0.998, detail={"devices_down": 1}),),
                (17, 17),
            ),
        ),
    )


STORES = {
    "north-gate": Text(en="North Gate convenience store (simulated)", zh="北门便利店（模拟）"),
    "old-wharf": Text(en="Old Wharf supermarket (simulated)", zh="老码头超市（模拟）"),
    "lantern-hall": Text(en="Lantern Hall department store (simulated)", zh="灯笼百货（模拟）"),
}


def district_answer(window: Window = DAY) -> DistrictAnswer:
    entries = METRICS["footfall_entries"]
    energy = METRICS["energy_use"]
    return DistrictAnswer(
        district_id="riverside",
        name=Text(en="Riverside district (simulated)", zh="滨河商圈（模拟）"),
        window=time_window(window),
        registry_version=3,
        evidence=False,
        stores=tuple(store_answer(store_id, window) for store_id in STORES),
        sums=(
            DistrictSum(
                metric=entries.name,
                name=Text(en=entries.name_en, zh=entries.name_zh),
                unit=entries.unit,
                value=3224,
                stores_included=("north-gate", "old-wharf"),
                stores_excluded=("lantern-hall",),
                note=Text(en="Visits, not different visitors.", zh="为到访人次，并非不同访客数。"),
            ),
            DistrictSum(
                metric=energy.name,
                name=Text(en=energy.name_en, zh=energy.name_zh),
                unit=energy.unit,
                value=None,
                stores_included=(),
                stores_excluded=tuple(STORES),
            ),
        ),
    )


def district_fact(district_id: str = "riverside") -> DistrictFact:
    return DistrictFact(
        district_id,
        "Riverside district (simulated)",
        "滨河商圈（模拟）",
        "smart_district",
        ZONE,
        True,
        date(2026, 1, 1),
        None,
    )


def store_fact(store_id: str = "north-gate") -> StoreFact:
    name = STORES[store_id]
    return StoreFact(
        store_id=store_id,
        district_id="riverside",
        name_en=name.en,
        name_zh=name.zh,
        format="convenience_store",
        floor_area_m2=1140.0,
        area_kind="sales",
        opens_at=time(7),
        closes_at=time(23),
        capacity=160,
        time_zone=ZONE,
        business_day_start=time(0),
        simulated=True,
        valid_from=date(2026, 1, 1),
        valid_to=None,
    )


def device_fact(number: int = 1, store_id: str = "north-gate") -> DeviceFact:
    return DeviceFact(
        device_id=f"{store_id}-door-{number}",
        agent_id=f"{store_id}-agent",
        store_id=store_id,
        model="simulated counter",
        direction="normal",
        purpose="counting visitors",
        sign_posted=True,
        accuracy=None,
        calibrated_on=date(2026, 1, 10),
        valid_from=date(2026, 1, 1),
        valid_to=None,
    )
