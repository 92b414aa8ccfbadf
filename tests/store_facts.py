"""A store's facts as the registry gives them, made from plain values."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from analytics.facts import ONLINE, Facts, Watched
from analytics.metrics.spans import Spans
from analytics.windows import Window
from ingest.store.registry import DeviceFact, PointFact, RegisteredSeries, StoreFact

DAY = date(2026, 5, 4)
START = datetime(2026, 5, 4, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(days=1), "UTC")
STORE = StoreFact(
    "s", "d", "S", "店", "supermarket", 100.0, "gross", time(9), time(21), None, "UTC", time(), False, DAY, None
)


def point(point_id: str, facility: str, kind: str, count: int = 1, perimeter: bool | None = None) -> PointFact:
    return PointFact(point_id, facility, kind, None, None, perimeter, count, DAY, None)


def watched(device: str, quantity: str, of: PointFact, count: int = 1, valid_to: date | None = None) -> Watched:
    series = RegisteredSeries(device, quantity, "", of.point_id, count, "", "normal", None, "agent", DAY, valid_to)
    return Watched(series, "" if quantity == ONLINE else of.kind, of.perimeter, Spans.of([(0, 2**60)]))


def facts(points: list[PointFact], series: list[Watched]) -> Facts:
    names = sorted({w.series.device_id for w in series})
    devices = [DeviceFact(d, "agent", "s", "", "normal", "", False, None, None, DAY, None) for d in names]
    return Facts(STORE, WINDOW, 1, tuple(points), tuple(devices), tuple(series), (), {})
