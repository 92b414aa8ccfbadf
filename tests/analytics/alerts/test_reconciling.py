"""What becomes of alerts when time is judged again: against a plain model of flagged hours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from analytics.alerts.reconciling import Changes, Found, reconcile
from analytics.windows import HOUR_US, to_us
from ingest.store.alerts import StoredAlert
from ingest.store.entries import instant

BASE_US = to_us(datetime(2026, 1, 1, tzinfo=UTC))
HOURS = 24
RAISED = datetime(2026, 1, 3, tzinfo=UTC)


def at(hour: int) -> datetime:
    return instant(BASE_US + hour * HOUR_US)


def found(start: int, end: int, measured: float = 1.0) -> Found:
    return Found("stuck", "m/t/", BASE_US + start * HOUR_US, BASE_US + end * HOUR_US, measured, None)


def alert(number: int, start: int, end: int, cleared: str | None = None) -> StoredAlert:
    at_clear = None if cleared is None else RAISED
    return StoredAlert(
        number, "s", "stuck", "m/t/", at(start), at(end), RAISED, 1.0, None, None, None, None, at_clear, cleared
    )


def judge(standing: list[StoredAlert], new: list[Found], start: int, end: int) -> Changes:
    return reconcile(standing, new, BASE_US + start * HOUR_US, BASE_US + end * HOUR_US)


class Kept:
    """Alerts as the database would keep them."""

    def __init__(self) -> None:
        self.alerts: dict[int, StoredAlert] = {}

    @property
    def standing(self) -> list[StoredAlert]:
        return [each for each in self.alerts.values() if each.cleared_because != "withdrawn"]

    def apply(self, changes: Changes) -> None:
        for each in changes.withdrawn:
            self.alerts[each.alert_id] = alert(each.alert_id, 0, 1, "withdrawn")
        for new in changes.standings:
            number = new.alert_id or len(self.alerts) + 1
            start, end = ((to_us(t) - BASE_US) // HOUR_US for t in (new.started_at, new.ended_at))
            self.alerts[number] = alert(number, start, end, new.cleared_because)


def runs(hours: set[int]) -> Iterator[tuple[int, int]]:
    for hour in sorted(hours):
        if hour - 1 not in hours:
            end = hour
            while end in hours:
                end += 1
            yield hour, end


ROUNDS = st.lists(st.tuples(st.sets(st.integers(0, HOURS - 1)), st.integers(0, 6), st.integers(0, 6)), max_size=6)


@given(ROUNDS)
def test_the_alerts_are_the_runs_of_the_hours_as_they_were_judged_last(
    rounds: list[tuple[set[int], int, int]],
) -> None:
    kept, until, truth = Kept(), 0, set[int]()
    for hours, back, on in rounds:
        start, end = max(0, until - back), min(HOURS, until + on)
        if end <= start:
            continue
        truth = {hour for hour in truth if not start <= hour < end} | {h for h in hours if start <= h < end}
        until = end
        new = [found(max(a, start), min(b, end)) for a, b in runs({h for h in hours if start <= h < end})]
        changes = judge(kept.standing, new, start, end)
        kept.apply(changes)
        spans = sorted((to_us(a.started_at), to_us(a.ended_at), a.cleared_at is None) for a in kept.standing)
        assert spans == [(to_us(at(a)), to_us(at(b)), b == end) for a, b in runs(truth)]
        again = judge(kept.standing, new, start, end)
        assert (again.standings, again.withdrawn) == ((), ())


def test_what_goes_on_stays_one_alert_and_what_ends_is_cleared() -> None:
    (raised,) = judge([], [found(3, 6)], 0, 6).standings
    assert (raised.alert_id, raised.cleared_because) == (None, None)
    (extended,) = judge([alert(7, 3, 6)], [found(6, 8)], 6, 8).standings
    assert (extended.alert_id, extended.started_at, extended.cleared_because) == (7, at(3), None)
    (ended,) = judge([alert(7, 3, 8)], [], 8, 9).standings
    assert (ended.alert_id, ended.ended_at, ended.cleared_because) == (7, at(8), "ended")


def test_late_readings_withdraw_split_and_open_again() -> None:
    gone = judge([alert(7, 3, 6, "ended")], [], 0, 9)
    assert [each.alert_id for each in gone.withdrawn] == [7]
    first, second = judge([alert(7, 3, 9, "ended")], [found(3, 5), found(7, 9)], 0, 12).standings
    assert (first.alert_id, second.alert_id) == (7, None)
    joined = judge([alert(7, 3, 5, "ended"), alert(8, 7, 9, "ended")], [found(3, 9)], 0, 12)
    assert [each.alert_id for each in joined.standings] == [7]
    assert [each.alert_id for each in joined.withdrawn] == [8]
    (again,) = judge([alert(7, 3, 5, "ended")], [found(3, 12)], 0, 12).standings
    assert (again.alert_id, again.cleared_because) == (7, None)


def test_the_figures_are_those_of_the_worst_hour() -> None:
    (both,) = judge([alert(7, 3, 6)], [found(6, 8, measured=9.0)], 6, 8).standings
    assert both.measured == 9.0
    (old,) = judge([alert(7, 3, 6)], [found(6, 8, measured=0.5)], 6, 8).standings
    assert old.measured == 1.0
