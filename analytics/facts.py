"""What the registry says of a store over a window: points that exist, series that observe them, audits, coverage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time, timedelta

from analytics.catalogue.metric import Metric
from analytics.errors import UnknownStore
from analytics.metrics.inputs import Audit
from analytics.metrics.spans import Spans
from analytics.results import Coverage, Facility
from analytics.windows import Window, local_instant, to_us
from ingest.store import registry
from ingest.store.connection import Database
from ingest.store.known_series import Key, known_series
from ingest.store.registry import DeviceFact, PointFact, RegisteredSeries, StoreFact

ONLINE = "device_online"
_DOOR_LINE = "door_line"
_FAR_US = 2**62


@dataclass(frozen=True, slots=True)
class Watched:
    """A registered series at one state of its point and device, and the time for which that state holds."""

    series: RegisteredSeries
    point_kind: str
    perimeter: bool | None
    spans: Spans
    zone_id: str | None = None
    zone_area_m2: float | None = None

    @property
    def key(self) -> Key:
        """(device, quantity, channel)."""
        return self.series.device_id, self.series.quantity, self.series.channel


@dataclass(frozen=True, slots=True)
class Facts:
    """The registry's facts of one store over a window, of one version, and which of its series ever reported."""

    store: StoreFact
    window: Window
    version: int
    points: tuple[PointFact, ...]
    devices: tuple[DeviceFact, ...]
    watched: tuple[Watched, ...]
    audits: tuple[Audit, ...]
    known: dict[Key, str]
    """Definition of each series that ever reported."""

    def watched_by(self, metric: Metric) -> tuple[Watched, ...]:
        """Return the series that a metric is computed from."""
        return tuple(w for w in self.watched if _concerns(w, metric))

    def coverage_of(self, metric: Metric) -> Coverage:
        """Return the points that concern a metric, and how many of them are instrumented for it."""
        if metric.facility is Facility.SENSING:
            return self.coverage_of_area(Facility.SENSING)
        points = [p for p in self.points if p.kind in metric.point_kinds and (not metric.perimeter_only or p.perimeter)]
        return self._coverage(points, frozenset(metric.quantities))

    def coverage_of_area(self, facility: Facility) -> Coverage:
        """Return all points of an area (all devices, for sensing), and how many of them are instrumented."""
        if facility is Facility.SENSING:
            watched = {w.series.device_id for w in self.watched if w.series.quantity == ONLINE}
            return Coverage(points_exist=len({d.device_id for d in self.devices}), points_instrumented=len(watched))
        return self._coverage([p for p in self.points if p.facility == facility], None)

    def _coverage(self, points: Iterable[PointFact], quantities: frozenset[str] | None) -> Coverage:
        """Count points: of each, the greatest number that a quantity's series stand for, at most those that exist."""
        counts: dict[tuple[str, Key], int] = defaultdict(int)
        for watched in self.watched:
            if watched.series.quantity != ONLINE and (quantities is None or watched.series.quantity in quantities):
                series = watched.series.point_id, watched.key
                counts[series] = max(counts[series], watched.series.point_count)
        stands_for: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for (point_id, (_, quantity, _)), count in counts.items():
            stands_for[point_id][quantity] += count
        exist: dict[str, int] = {}
        for point in points:
            exist[point.point_id] = max(exist.get(point.point_id, 0), point.point_count)
        instrumented = sum(min(count, max(stands_for[point].values(), default=0)) for point, count in exist.items())
        return Coverage(points_exist=sum(exist.values()), points_instrumented=instrumented)


def _concerns(watched: Watched, metric: Metric) -> bool:
    if metric.quantities and watched.series.quantity not in metric.quantities:
        return False
    if watched.point_kind in metric.beside:
        return watched.point_kind != _DOOR_LINE or bool(watched.perimeter)
    of_kind = not metric.point_kinds or watched.point_kind in metric.point_kinds
    return of_kind and (not metric.perimeter_only or bool(watched.perimeter))


def store_in(c: Database, store_id: str, window: Window, version: int) -> StoreFact:
    """Return the store as it is valid on the window's first day, else on its last.

    Raises
    ------
    UnknownStore
        If it is valid on neither.
    """
    found = registry.store(c, store_id, window.first_date, version) or registry.store(
        c, store_id, window.last_date, version
    )
    if found is None:
        raise UnknownStore(store_id)
    return found


def gather(c: Database, store: StoreFact, window: Window, version: int) -> Facts:
    """Read the facts of a store; the window's local days are the store's own."""
    own = Window(window.start, window.end, store.time_zone)
    since, until = own.first_date, own.last_date + timedelta(days=1)
    points = registry.points(c, store.store_id, since, until, version)
    devices = registry.devices(c, store.store_id, since, until, version)
    series = registry.registered_series(c, store.store_id, since, until, version)
    keys = {(s.device_id, s.quantity, s.channel) for s in series} | {(d.device_id, ONLINE, "") for d in devices}
    known = known_series(c, sorted(keys))
    audits = registry.audits(c, sorted({d.device_id for d in devices}), until, version)
    return Facts(
        store=store,
        window=own,
        version=version,
        points=tuple(points),
        devices=tuple(devices),
        watched=tuple(_watched(series, points, own)) + tuple(_online(devices, series, known, own)),
        audits=tuple(Audit(a.device_id, a.quantity, a.manual_count, a.device_count, a.valid_from) for a in audits),
        known=known,
    )


def _watched(series: list[RegisteredSeries], points: list[PointFact], window: Window) -> Iterable[Watched]:
    """Yield each registered series at each state of its point; time that a key has already is not given twice."""
    states = defaultdict(list)
    for point in points:
        states[point.point_id].append(point)
    taken: dict[Key, Spans] = defaultdict(lambda: Spans.of([]))
    for each in series:
        key = (each.device_id, each.quantity, each.channel)
        for point in states[each.point_id]:
            spans = valid_spans(each.valid_from, each.valid_to, window).intersect(
                valid_spans(point.valid_from, point.valid_to, window)
            )
            # The state of a device concerns the device, not the points that it is registered at.
            spans = spans.without(taken[key])
            taken[key] = Spans.of([*taken[key].pairs(), *spans.pairs()])
            if spans.start.size:
                kind = "" if each.quantity == ONLINE else point.kind
                yield Watched(each, kind, point.perimeter, spans, point.zone_id, point.zone_area_m2)


def _online(
    devices: list[DeviceFact], series: list[RegisteredSeries], known: dict[Key, str], window: Window
) -> Iterable[Watched]:
    """Yield the state of each device whose agent reports it, registered at a point or not."""
    registered = {s.device_id for s in series if s.quantity == ONLINE}
    for device in devices:
        if device.device_id in registered or (device.device_id, ONLINE, "") not in known:
            continue
        as_registered = RegisteredSeries(
            device_id=device.device_id,
            quantity=ONLINE,
            channel="",
            point_id="",
            point_count=1,
            role="",
            direction="normal",
            accuracy=None,
            agent_id=device.agent_id,
            valid_from=device.valid_from,
            valid_to=device.valid_to,
        )
        yield Watched(as_registered, "", None, valid_spans(device.valid_from, device.valid_to, window))


def valid_spans(valid_from: date | None, valid_to: date | None, window: Window) -> Spans:
    """Return the time of a fact that is valid from one local day to another; None: without an end."""
    start, end = (
        fallback if on is None else to_us(local_instant(on, time(), window.zone))
        for on, fallback in ((valid_from, -_FAR_US), (valid_to, _FAR_US))
    )
    return Spans.of([(start, end)])
