"""On change: what the platform holds is within the dead band of what was read, and no older than promised."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.readings import Reading
from edge.reporting.on_change import ChangeReport, LastReport
from edge.wire.batch import Flag
from edge.wire.series import Kind, OnChange, Series, Unit

SECOND_US = 1_000_000
RULE = OnChange(dead_band=0.5, at_least_every_s=600.0)


def sensor(period_s: float | None = 60.0) -> Series:
    return Series(device="fridge", quantity="temperature", unit=Unit.CELSIUS, kind=Kind.GAUGE, period_s=period_s)


def reported(readings: list[Reading], rule: OnChange = RULE, series: Series | None = None) -> list[list[Reading]]:
    """Return what is reported at each reading."""
    report, state = ChangeReport(series or sensor(), rule), None
    steps: list[list[Reading]] = []
    for reading in readings:
        state, due = report.step(state, reading)
        steps.append(due)
    return steps


def at(seconds: float, value: float, flags: int = 0) -> Reading:
    return Reading(sensor(), round(seconds * SECOND_US), value, flags)


values = st.floats(-50, 50).map(lambda value: round(value, 2))


@given(
    st.lists(values, min_size=1, max_size=60),
    st.sampled_from([0.0, 0.5, 3.0]),
    st.sampled_from([30.0, 60.0, 300.0, 900.0]),
)
def test_a_device_that_keeps_its_period_is_known_to_the_dead_band_at_every_reading(
    levels: list[float], dead_band: float, at_least_every_s: float
) -> None:
    readings = [at(60 * n, level) for n, level in enumerate(levels)]
    rule = OnChange(dead_band=dead_band, at_least_every_s=at_least_every_s)
    out = reported(readings, rule)
    assert len(out[0]) == 1
    last = out[0][0]
    for reading, due in zip(readings, out, strict=True):
        assert len(due) <= 1
        for each in due:
            assert each[1:] == reading[1:]
            assert each.t_us - last.t_us <= max(at_least_every_s, 60) * SECOND_US
            last = each
        assert abs(reading.value - last.value) <= dead_band
    series = last.series
    assert series.report == rule
    assert series.period_s == max(at_least_every_s, 60)
    assert (series.device, series.quantity, series.channel, series.unit) == ("fridge", "temperature", "", Unit.CELSIUS)


@given(st.lists(st.tuples(st.integers(0, 40), values, st.sampled_from([0, Flag.SUSPECT])), min_size=1, max_size=40))
def test_nothing_is_invented_and_late_history_is_never_held_back(steps: list[tuple[int, float, int]]) -> None:
    readings = [at(10 * place, value, flags) for place, value, flags in steps]
    out = reported(readings)
    newest, newest_reported = readings[0], readings[0]
    for reading, due in zip(readings[1:], out[1:], strict=True):
        if reading.t_us < newest.t_us:
            assert due[0][1:] == reading[1:]
            # The newest reading speaks last, so that the late one is not taken for what holds since.
            assert [each[1:] for each in due[1:]] == ([] if newest == newest_reported else [newest[1:]])
            newest_reported = newest
            continue
        newest = reading
        if due:
            assert [each[1:] for each in due] == [reading[1:]]
            newest_reported = reading
        else:
            assert abs(reading.value - newest_reported.value) <= 0.5
            assert reading.flags == newest_reported.flags


def test_a_silent_device_makes_no_report() -> None:
    """Silence stays silence: nothing but a reading makes a report, so a device that failed is missed."""
    steps = reported([at(60 * n, 4.0) for n in range(31)])
    times = [each.t_us // SECOND_US for due in steps for each in due]
    assert times == [0, 600, 1200, 1800]


def test_a_device_without_a_period_of_its_own_is_promised_the_rules() -> None:
    (first,) = reported([at(0, 1.0)], RULE, sensor(None))[0]
    assert first.series.period_s == 600.0


def test_states_are_reported_as_they_change() -> None:
    bay = Series(device="bay", quantity="bay_occupied", unit=Unit.STATE, kind=Kind.STATE, period_s=60.0)
    rule = OnChange(dead_band=0.0, at_least_every_s=3600.0)
    states = [0.0, 0.0, 1.0, 1.0, 0.0]
    out = reported([Reading(bay, n * 60 * SECOND_US, state) for n, state in enumerate(states)], rule, bay)
    assert [each.value for due in out for each in due] == [0.0, 1.0, 0.0]


def test_what_is_remembered_is_a_value() -> None:
    report = ChangeReport(sensor(), RULE)
    state, _ = report.step(None, at(0, 1.0))
    report.step(state, at(60, 9.0))
    assert state == LastReport(*[at(0, 1.0)._replace(series=state.read.series)] * 2)
