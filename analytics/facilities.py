"""The smart facilities of a store, and of a district, over a window, as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from analytics.catalogue.all_metrics import METRICS
from analytics.catalogue.metric import Metric
from analytics.district_sums import district_sum
from analytics.errors import UnknownDistrict
from analytics.evaluate import Measured, compared
from analytics.evaluation import time_window
from analytics.gaps import Silence
from analytics.next_step import next_step
from analytics.results import (
    AreaAnswer,
    DistrictAnswer,
    FacilitiesAnswer,
    Facility,
    Result,
    Status,
    Text,
)
from analytics.windows import Window
from analytics.wording.formats import instant
from analytics.wording.language import Language
from analytics.wording.texts import say
from edge.wire.series import Origin
from ingest.store import registry
from ingest.store.connection import Database
from ingest.store.registry import DistrictFact, StoreFact

AREA_NAMES = {
    Facility.TRAFFIC: Text(en="Footfall", zh="客流"),
    Facility.SHELVES: Text(en="Shelves", zh="货架"),
    Facility.LABELS: Text(en="Shelf labels", zh="电子价签"),
    Facility.ENERGY: Text(en="Energy", zh="能耗"),
    Facility.AIR: Text(en="Air", zh="空气"),
    Facility.COLD_CHAIN: Text(en="Cold chain", zh="冷链"),
    Facility.PARKING: Text(en="Parking", zh="停车"),
    Facility.SCREENS: Text(en="Screens", zh="屏幕"),
    Facility.CHECKOUT: Text(en="Self-checkout", zh="自助收银"),
    Facility.SENSING: Text(en="Sensing devices", zh="感知设备"),
}


def store_answer(c: Database, store_id: str, window: Window) -> FacilitiesAnswer:
    """Return the smart facilities of a store over a window.

    Raises
    ------
    UnknownStore
        If the registry has no such store in this window.
    """
    return _store_answer(c, store_id, window, registry.current_version(c))


def district_answer(c: Database, district_id: str, window: Window) -> DistrictAnswer:
    """Return the smart facilities of a district over a window: its stores by areas, and sums.

    Raises
    ------
    UnknownDistrict
        If the registry has no such district in this window.
    """
    version = registry.current_version(c)
    district, stores = district_in(c, district_id, window, version)
    answers = tuple(_store_answer(c, store.store_id, window, version) for store in stores)
    return DistrictAnswer(
        district_id=district_id,
        name=Text(en=district.name_en, zh=district.name_zh),
        window=time_window(Window(window.start, window.end, district.time_zone)),
        registry_version=version,
        evidence=bool(answers) and not district.simulated and all(answer.evidence for answer in answers),
        stores=answers,
        sums=tuple(district_sum(m, _of_metric(m, answers)) for m in METRICS.values() if m.summable),
    )


def _store_answer(c: Database, store_id: str, window: Window, version: int) -> FacilitiesAnswer:
    measured = compared(c, list(METRICS.values()), store_id, window, version)
    store = measured.facts.store
    origins = tuple(sorted({origin for result in measured.results.values() for origin in result.origins}))
    return FacilitiesAnswer(
        store_id=store_id,
        name=Text(en=store.name_en, zh=store.name_zh),
        district_id=store.district_id,
        window=time_window(measured.facts.window),
        registry_version=version,
        origins=origins,
        evidence=origins == (Origin.MEASURED,) and not store.simulated,
        note=_note(measured),
        areas=tuple(_area(facility, measured) for facility in Facility),
    )


def _note(measured: Measured) -> Text | None:
    """Return from when on the readings of every metric are kept, None where that is the whole window."""
    kept_from = [
        result.detail["rows_kept_from"] for result in measured.results.values() if "rows_kept_from" in result.detail
    ]
    if not kept_from:
        return None
    latest, zone = max(map(datetime.fromisoformat, kept_from)), measured.facts.window.time_zone
    said = {language: say("retention.note", language, at=instant(latest, zone, language)) for language in Language}
    return Text(en=said[Language.EN], zh=said[Language.ZH])


def _area(facility: Facility, measured: Measured) -> AreaAnswer:
    results = tuple(result for result in measured.results.values() if result.facility is facility)
    coverage = measured.facts.coverage_of_area(facility)
    own = tuple(r for r in results if METRICS[r.metric].decides) or results
    status = _status(own)
    received = [r.completeness for r in own if r.completeness is not None]
    area = AreaAnswer(
        facility=facility,
        name=AREA_NAMES[facility],
        status=status,
        coverage=coverage,
        completeness_ratio=min((one.ratio for one in received), default=None),
        results=results,
        next_step=None,
    )
    advice = next_step(area, _silent(own, measured), measured.facts.window)
    return area.model_copy(update={"next_step": advice})


def _status(results: Sequence[Result]) -> Status:
    """Return an area's status: insufficient as soon as readings are missing for one of its metrics.

    A metric that only has nothing to relate to (no request, nobody counted) doesn't decide while another is measured.
    """
    found = {result.status for result in results}
    if Status.INSUFFICIENT in found:
        short = [r for r in results if r.completeness is not None and r.completeness.ratio < r.completeness.floor]
        return Status.INSUFFICIENT if short or Status.MEASURED not in found else Status.MEASURED
    for status in (Status.MEASURED, Status.DECLARED):
        if status in found:
            return status
    return Status.NOT_INSTALLED


def _silent(results: Sequence[Result], measured: Measured) -> list[Silence]:
    silent = {silence for result in results for silence in measured.silent[result.metric]}
    return sorted(silent, key=lambda s: (s.since_us, s.device, s.quantity, s.channel))


def _of_metric(metric: Metric, answers: Sequence[FacilitiesAnswer]) -> dict[str, Result]:
    """Return one metric's result of each store."""
    return {
        answer.store_id: result
        for answer in answers
        for area in answer.areas
        for result in area.results
        if result.metric == metric.name
    }


def district_in(c: Database, district_id: str, window: Window, version: int) -> tuple[DistrictFact, list[StoreFact]]:
    """Return the district and its stores as valid on the window's first day or its last."""
    days = dict.fromkeys((window.first_date, window.last_date))
    found = [district for day in days if (district := registry.district(c, district_id, day, version))]
    if not found:
        raise UnknownDistrict(district_id)
    stores: dict[str, StoreFact] = {}
    for day in days:
        for store in registry.stores(c, district_id, day, version):
            stores.setdefault(store.store_id, store)
    return found[0], [stores[store_id] for store_id in sorted(stores)]
