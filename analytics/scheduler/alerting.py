"""Alerts kept right: stores' hours are judged once they have buckets, and again where their readings changed.

What a store's judgement changes, and that it was judged, are one transaction: a run may end anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from threading import Event

from analytics.alerts.judging import BASELINE_DAYS, JUDGED, Question, judge
from analytics.alerts.reconciling import WITHDRAWN, Changes, found_in, reconcile
from analytics.alerts.store_hours import StoreHours, read_hours
from analytics.alerts.thresholds import Thresholds
from analytics.windows import HOUR_US, to_us
from ingest.store import alert_judging, alerts, registry, watermarks
from ingest.store.alert_judging import Horizon, Unjudged
from ingest.store.alert_thresholds import thresholds_of
from ingest.store.connection import Database
from ingest.store.due import Due, mark_done
from ingest.store.entries import instant
from ingest.store.known_series import Key, series_of_devices
from ingest.store.registry import StoreFact
from ingest.store.retention import ReadingsRemovedError, removed_before
from ingest.store.watermarks import HOUR

STORES_AT_ONCE = 50
FORGOTTEN_AT_ONCE = 100_000
"""Hours of imported histories that one run forgets."""
LOOK_BACK = timedelta(days=1)
"""Judged again with each new hour: what lasts for hours is an alert from its first one on."""
LONGEST_ADVANCE = timedelta(days=7)
"""Time of a store that one transaction judges anew."""
OLDEST = timedelta(days=28)
"""Late readings that are older change no alert: alerts are for those who act now."""


class Stage(StrEnum):
    """Moments of a run that an observer is told of."""

    CHANGED = "changed"
    """What a store's judgement changes is written, and not committed."""
    COMMITTED = "committed"


@dataclass(frozen=True, slots=True)
class Alerting:
    """Runs over the stores that are not judged up to date; ``stopping`` ends a run between two stores.

    ``report`` is told of each alert that was raised or cleared: its detector, and ``raised``, ``ended`` or
    ``withdrawn``.
    """

    connection: Database
    stopping: Event = field(default_factory=Event)
    observe: Callable[[Stage], None] = lambda _: None
    report: Callable[[str, str], None] = lambda _, __: None

    def run(self) -> bool:
        """Judge stores up to where there are buckets.

        Returns
        -------
        bool
            Whether there is more to do.
        """
        frontier = watermarks.watermarks(self.connection).aggregated_until
        if frontier is None:
            return False
        version = registry.current_version(self.connection)
        within = Horizon(frontier - OLDEST, frontier, version)
        alert_judging.forget_due(self.connection, within, FORGOTTEN_AT_ONCE)
        stores = alert_judging.unjudged_stores(self.connection, within, STORES_AT_ONCE)
        behind = False
        for each in stores:
            if self.stopping.is_set():
                return False
            behind |= self._judge(each, frontier, version) < frontier
        return behind or len(stores) == STORES_AT_ONCE

    def _judge(self, of: Unjudged, frontier: datetime, version: int) -> datetime:
        """Judge what is new or changed of one store; return up to where it is judged then."""
        done = min(of.judged_until or frontier - LOOK_BACK, frontier)
        end = min(frontier, max(done, frontier - OLDEST) + LONGEST_ADVANCE)
        since = max(min(done, of.first_due or done) - LOOK_BACK, end - OLDEST)
        told: list[tuple[str, str]] = []
        with self.connection.transaction():
            fact = registry.store(self.connection, of.store_id, (end - HOUR).date(), version)
            devices = [
                d.device_id for d in registry.devices(self.connection, of.store_id, since.date(), end.date(), version)
            ]
            due = alert_judging.due_of_store(self.connection, of.store_id, version, end)
            if fact is not None:
                told = self._apply(fact, devices, since, end)
            mark_done(self.connection, Due.ALERTS, due)
            alert_judging.note_judged(self.connection, of.store_id, end)
            self.observe(Stage.CHANGED)
        self.observe(Stage.COMMITTED)
        for detector, what in told:
            self.report(detector, what)
        return end

    def _apply(self, fact: StoreFact, devices: list[str], since: datetime, end: datetime) -> list[tuple[str, str]]:
        keys = sorted({s.key for s in series_of_devices(self.connection, devices) if s.quantity in JUDGED})
        hours, first = self._hours(keys, since, end, fact.time_zone)
        since_us = int(hours.start_us[first]) if first < hours.start_us.size else to_us(end)
        thresholds = Thresholds(thresholds_of(self.connection, fact.store_id))
        found = [
            each for verdict in judge(Question(hours, thresholds, first)) for each in found_in(hours.start_us, verdict)
        ]
        standing = alerts.alerts_since(self.connection, fact.store_id, instant(since_us))
        changes = reconcile(standing, found, since_us, to_us(end))
        alerts.withdraw(self.connection, [alert.alert_id for alert in changes.withdrawn])
        alerts.store_standings(self.connection, fact.store_id, changes.standings)
        open_before = {alert.alert_id for alert in standing if alert.cleared_at is None}
        return list(_told(changes, open_before))

    def _hours(self, keys: list[Key], since: datetime, end: datetime, time_zone: str) -> tuple[StoreHours, int]:
        """Return the hours to judge with those to look back on, and the place of the first to judge."""
        back = since - timedelta(days=BASELINE_DAYS + 1)  # a day more: local days begin at any hour
        try:
            hours = read_hours(self.connection, keys, to_us(back), to_us(end), time_zone)
        except ReadingsRemovedError:
            kept_us = -(-max(map(to_us, removed_before(self.connection).values())) // HOUR_US) * HOUR_US
            back_us = min(max(to_us(back), kept_us), to_us(end) - HOUR_US)
            hours = read_hours(self.connection, keys, back_us, to_us(end), time_zone)
        return hours, max(0, (to_us(since) - int(hours.start_us[0])) // HOUR_US)


def _told(changes: Changes, open_before: set[int]) -> list[tuple[str, str]]:
    """Return the detectors of what was raised or cleared, each with what became of it."""
    told = [(each.detector, "raised") for each in changes.standings if each.alert_id is None]
    told += [
        (each.detector, each.cleared_because)
        for each in changes.standings
        if each.cleared_because is not None and (each.alert_id is None or each.alert_id in open_before)
    ]
    return told + [(alert.detector, WITHDRAWN) for alert in changes.withdrawn]
