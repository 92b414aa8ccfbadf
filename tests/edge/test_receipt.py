"""A receipt: accepted and withdrawn exclude each other, whatever comes first."""

from __future__ import annotations

from threading import Thread

from edge.receipt import Receipt


def test_an_acceptance_is_told_once_and_cannot_be_withdrawn() -> None:
    told: list[str] = []
    receipt = Receipt(lambda: told.append("accepted"))
    assert receipt.begin()
    receipt.settle(accepted=False)
    assert receipt.begin()
    receipt.settle(accepted=True)
    assert told == ["accepted"]
    assert receipt.wait(0)
    assert not receipt.withdraw()


def test_a_failed_attempt_ends_the_waiting_and_withdraws() -> None:
    receipt = Receipt()
    assert receipt.begin()
    receipt.settle(accepted=False)
    assert not receipt.wait(60)
    assert not receipt.begin(), "the next attempt leaves the group out"


def test_a_wait_that_is_too_long_withdraws() -> None:
    receipt = Receipt()
    assert not receipt.wait(0)
    assert not receipt.begin()


def test_a_withdrawal_waits_for_the_attempt_that_is_under_way() -> None:
    receipt = Receipt()
    assert receipt.begin()
    answers: list[bool] = []
    waiting = Thread(target=lambda: answers.append(receipt.wait(0)))
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive(), "whether it is accepted is not known yet"
    receipt.settle(accepted=True)
    waiting.join(10)
    assert answers == [True]


def test_another_thread_may_withdraw_for_the_one_that_waits() -> None:
    receipt = Receipt()
    answers: list[bool] = []
    waiting = Thread(target=lambda: answers.append(receipt.wait(60)))
    waiting.start()
    assert receipt.withdraw()
    waiting.join(10)
    assert answers == [False]
    receipt.settle(accepted=False)
    assert not receipt.begin()
