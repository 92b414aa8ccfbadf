"""What the detectors find in the labelled recordings; ``./deploy/benchmark detection`` prints all of it."""

from pathlib import Path

import pandas as pd
import pytest
from detection_tools.recorded import NAB_FILES, SENSORS, calit2, event_findings, nab_alarms, room_accuracy
from scipy import stats


def test_more_of_the_labelled_events_are_hit_with_no_more_detections_than_the_simple_rule_makes(
    recordings: Path,
) -> None:
    rows = list(event_findings(calit2(recordings)))
    assert [(simple.detections, simple.hits, simple.hits_within_half_an_hour) for simple, *_ in rows] == [
        (144, 19, 26),
        (87, 16, 22),
        (59, 13, 19),
        (44, 11, 17),
    ]
    assert [[found.hits for found in ours] for _, *ours in rows] == [[25, 28], [18, 25], [15, 24], [12, 18]]
    for simple, *ours in rows:
        assert all(found.detections <= simple.detections for found in ours)


def test_the_simple_rule_is_that_of_an_independent_computation(recordings: Path) -> None:
    table = pd.read_csv(recordings / "calit2" / "CalIt2.data.csv")
    table = table[table["flow"] == 9]
    end = pd.to_datetime(table["date"] + " " + table["time_stamp"], format="%m/%d/%y %H:%M:%S")
    count = pd.Series(table["count"].to_numpy(), index=end - pd.Timedelta(minutes=30)).sort_index()
    index = count.index
    assert isinstance(index, pd.DatetimeIndex)
    like = count.groupby([index.day_of_week, index.hour * 60 + index.minute]).transform("median")
    flagged = pd.Series(stats.poisson.sf(count - 1, like.clip(lower=0.5)) < 1e-3, index=index)
    runs = int((flagged & ~flagged.shift(fill_value=False)).sum())
    labels = pd.read_csv(recordings / "calit2" / "CalIt2.events.csv")
    hit = 0
    for day, first, last in zip(labels["date"], labels["time_start"], labels["time_end"], strict=True):
        start, close = pd.Timestamp(f"{day} {first}"), pd.Timestamp(f"{day} {last}")
        touched = (index < close) & (index + pd.Timedelta(minutes=30) > start)
        hit += bool(flagged[touched].any())
    simple = list(event_findings(calit2(recordings)))[1][0]
    assert (runs, hit) == (simple.detections, simple.hits) == (87, 16)


@pytest.mark.parametrize(
    ("name", "hit", "most_false_a_week"),
    [
        (NAB_FILES[0], [0, 2, 1, 2], [0.1, 0.8, 0.4, 0.8]),
        (NAB_FILES[1], [3, 2, 2, 2], [1.0, 0.4, 0.8, 0.6]),
        (NAB_FILES[2], [5, 3, 5, 3], [0.5, 0.8, 0.5, 0.4]),
    ],
)
def test_windows_with_a_known_cause(
    recordings: Path, name: str, hit: list[int], most_false_a_week: list[float]
) -> None:
    found = nab_alarms(recordings, name)
    assert [alarms.windows_hit for alarms in found] == hit
    assert all(a.false_alarms_a_week <= most for a, most in zip(found, most_false_a_week, strict=True))


def test_the_rooms_occupancy_is_told_as_well_as_by_the_authors(recordings: Path) -> None:
    assert room_accuracy(recordings, SENSORS) == pytest.approx((0.9790, 0.9876), abs=5e-5)
    assert room_accuracy(recordings, ("Temperature",)) == pytest.approx((0.8533, 0.8364), abs=5e-5)
