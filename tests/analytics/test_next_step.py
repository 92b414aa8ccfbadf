"""What an area says to do next where several metrics have no number."""

from __future__ import annotations

from datetime import timedelta

import made_answers

from analytics.next_step import next_step
from analytics.results import Facility, Gap, Status


def test_missing_readings_go_before_having_nothing_to_relate_to() -> None:
    start = made_answers.DAY.start
    gap = Gap(
        device="shelf-1",
        quantity="stock_units",
        channel="",
        start=start,
        end=start + timedelta(hours=9),
        declared=False,
    )
    idle = made_answers.result("out_of_stock_duration", None, detail={"reason": "no_spell"}, status=Status.INSUFFICIENT)
    short = made_answers.result("on_shelf_availability", None, received=0.5, gaps=(gap,), status=Status.INSUFFICIENT)
    area = made_answers.area(Facility.SHELVES, Status.INSUFFICIENT, (idle, short))
    said = next_step(area, (), made_answers.DAY)
    assert said is not None
    assert "shelf-1" in said.en
    assert "shelf-1" in said.zh
    said = next_step(made_answers.area(Facility.SHELVES, Status.INSUFFICIENT, (idle,)), (), made_answers.DAY)
    assert said is not None
    assert "longer window" in said.en
