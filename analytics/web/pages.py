"""The pages: districts with their stores' facilities answers, and one store in detail."""

from __future__ import annotations

from datetime import time, timedelta

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from analytics import facilities
from analytics.api.database import Database, DatabaseDep
from analytics.api.dependencies import StoreId
from analytics.catalogue.all_metrics import METRICS
from analytics.default_window import business_day, latest_day
from analytics.errors import UnknownDistrict, UnknownStore
from analytics.web.page_answer import page_answer
from analytics.web.page_request import PageRequest, PageRequestDep
from analytics.web.period import Period
from analytics.window_text import AskedWindow
from edge.wire.model import Identifier
from ingest.store import registry

router = APIRouter(include_in_schema=False)

_MIDNIGHT = time()


@router.get("/", response_class=HTMLResponse)
def districts_page(c: DatabaseDep, page: PageRequestDep, district: Identifier | None = None) -> HTMLResponse:
    """Show the districts, and the stores of one of them by facility areas."""
    on = page.days[0]
    known = registry.districts(c, on)
    if not known and district is None:
        return page_answer(page, "no_districts.html", version=registry.current_version(c))
    fact = next((one for one in known if one.district_id == (district or known[0].district_id)), None)
    if fact is None:
        raise UnknownDistrict(district or "")
    stores = [store.store_id for store in registry.stores(c, fact.district_id, on)]
    latest = latest_day(c, stores, fact.time_zone, _MIDNIGHT, page.now)
    period = _period(page, latest, fact.time_zone, _MIDNIGHT)
    answer = facilities.district_answer(c, fact.district_id, period.window)
    values = {"districts": known, "district": fact, "answer": answer, "period": period, "has_data": latest is not None}
    return page_answer(page, "district.html", **values)


@router.get("/stores/{store_id}/page", response_class=HTMLResponse)
def store_page(c: DatabaseDep, page: PageRequestDep, store_id: StoreId) -> HTMLResponse:
    """Show one store: its facilities answer with the grounds of each figure, and its devices."""
    fact = _store(c, store_id, page)
    latest = latest_day(c, [store_id], fact.time_zone, fact.business_day_start, page.now)
    period = _period(page, latest, fact.time_zone, fact.business_day_start)
    values = {
        "store": fact,
        "district": registry.district(c, fact.district_id, period.first_day),
        "answer": facilities.store_answer(c, store_id, period.window),
        "devices": registry.devices(c, store_id, period.first_day, period.last_day + timedelta(days=1)),
        "metrics": METRICS,
        "period": period,
        "has_data": latest is not None,
    }
    return page_answer(page, "store.html", **values)


def _store(c: Database, store_id: str, page: PageRequest) -> registry.StoreFact:
    for on in page.days:
        if fact := registry.store(c, store_id, on):
            return fact
    raise UnknownStore(store_id)


def _period(page: PageRequest, latest: AskedWindow | None, time_zone: str, day_start: time) -> Period:
    """Return the days asked for, else the latest day with data, else today."""
    today = business_day(page.now, time_zone, day_start)
    asked = page.asked or latest or AskedWindow.of_days(today, today)
    return Period.of(asked, time_zone, day_start, page.now)
