import re
from datetime import date
from pathlib import Path

import pytest

from analytics.catalogue.all_metrics import METRICS
from analytics.limits import read_limits, shipped_limits

ENTRY = """
[[limit]]
key = "air.warmth"
value = {value}
unit = "{unit}"
scheme = "house"
source = "a source that is named"
status = "{status}"
valid_from = {valid_from}
"""


def written(path: Path, *entries: dict[str, object]) -> Path:
    default = {"value": 1.0, "unit": "degC", "status": "project", "valid_from": "2020-01-01"}
    path.write_text("".join(ENTRY.format(**{**default, **entry}) for entry in entries), encoding="utf-8")
    return path


def test_every_limit_of_the_catalogue_is_shipped_and_none_is_called_official() -> None:
    limits = shipped_limits()
    used = {key for metric in METRICS.values() for key in metric.limits}
    assert used == limits.keys
    for key in used:
        found = limits.on(key, date(2026, 1, 1))
        assert found is not None
        assert found.status == ("project" if found.scheme == "smartstore" else "analogous")
        assert found.check().source == found.source


def test_a_limit_is_in_force_from_its_day_until_the_next(tmp_path: Path) -> None:
    limits = read_limits(written(tmp_path / "l.toml", {"value": 2.0, "valid_from": "2024-06-01"}, {}))
    values = [limits.on("air.warmth", day) for day in (date(2019, 12, 31), date(2024, 5, 31), date(2024, 6, 1))]
    assert [value and value.value for value in values] == [None, 1.0, 2.0]
    with pytest.raises(KeyError):
        limits.on("air.cold", date(2024, 1, 1))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"status": "national"}], "limit 1 (air.warmth): status"),
        ([{"value": '"warm"'}], "limit 1 (air.warmth): value"),
        ([{}, {}], "two entries from 2020-01-01"),
        ([{}, {"unit": "K", "valid_from": "2021-01-01"}], "changes its unit"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, entries: list[dict[str, object]], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        read_limits(written(tmp_path / "limits.toml", *entries))
