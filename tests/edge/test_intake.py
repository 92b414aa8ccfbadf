from __future__ import annotations

from threading import Thread

from edge_tools.readings import group

from edge.intake import Intake
from edge.readings import ReadingGroup
from edge.receipt import Receipt
from edge.wire.series import Origin


def test_groups_come_out_in_their_order_with_the_sources_name() -> None:
    intake = Intake(100)
    for number in range(3):
        assert intake.put("a", group(number, 1))
    gathered = intake.gather(3, 1.0, 1.0)
    assert [(source, each.position) for source, each in gathered] == [("a", "0"), ("a", "1"), ("a", "2")]


def test_a_full_intake_makes_the_source_wait_until_groups_are_accepted() -> None:
    intake = Intake(10)
    assert intake.put("a", group(0, 8))
    done: list[bool] = []
    source = Thread(target=lambda: done.append(intake.put("a", group(8, 8))))
    source.start()
    gathered = intake.gather(1, 0.0, 1.0)
    source.join(0.2)
    assert source.is_alive(), "taken but not accepted: the room is not free yet"
    intake.accepted(gathered)
    source.join(10)
    assert done == [True]


def test_a_group_larger_than_the_room_passes_alone() -> None:
    intake = Intake(3)
    assert intake.put("a", group(0, 10))
    assert len(intake.gather(1, 0.0, 0.0)) == 1


def test_an_idle_intake_answers_with_nothing() -> None:
    assert Intake(3).gather(1, 0.0, 0.0) == []


def test_a_closed_intake_takes_nothing_and_gives_what_it_has() -> None:
    intake = Intake(10)
    assert intake.put("a", group(0, 5))
    intake.close()
    assert not intake.put("a", group(5, 1))
    assert len(intake.gather(100, 60.0, 60.0)) == 1
    assert not intake.wait_until_accepted("a")


def test_a_source_waits_for_its_own_groups_only() -> None:
    intake = Intake(10)
    intake.put("a", group(0, 1))
    assert intake.wait_until_accepted("b")
    intake.accepted(intake.gather(1, 0.0, 0.0))
    assert intake.wait_until_accepted("a")
    assert intake.is_empty()


def receipted(receipt: Receipt) -> ReadingGroup:
    return ReadingGroup((), Origin.MEASURED, "", receipt=receipt)


def test_a_group_with_a_receipt_waits_for_company_only_for_a_moment() -> None:
    intake = Intake(10)
    intake.put("patient", group(0, 1))
    gathered: list[int] = []
    gathering = Thread(target=lambda: gathered.append(len(intake.gather(100, 3600.0, 3600.0))))
    gathering.start()
    gathering.join(0.1)
    assert gathering.is_alive()
    intake.put("pushed", receipted(Receipt()))
    gathering.join(10)
    assert gathered == [2]
    intake.put("patient", group(1, 1))
    lingering = Thread(target=lambda: gathered.append(len(intake.gather(100, 3600.0, 3600.0))))
    lingering.start()
    lingering.join(0.4)
    assert lingering.is_alive(), "the hurry was that of the first gathering"
    intake.close()
    lingering.join(10)


def test_abandoned_groups_are_told_to_those_who_wait() -> None:
    intake, receipt = Intake(10), Receipt()
    intake.put("patient", group(0, 1))
    intake.put("pushed", receipted(receipt))
    intake.abandon()
    assert not receipt.wait(60)
