"""Scheduling against a model of the network: any loss, any order, and the rules hold at every moment."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from edge.readings import Priority
from edge.window import Window


class Network:
    """Pending sequences, and what the window had sent."""

    def __init__(self, size: int, rate: float, backlog: int) -> None:
        self.now_s = 100.0
        self.pending = set(range(1, backlog + 1))
        self.last = backlog
        self.boundary = backlog
        self.urgent: set[int] = set()
        self.sent: list[tuple[float, int]] = []
        self.sent_again: list[tuple[float, int]] = []
        self.window = Window(size, 10.0, rate, Random(3))
        self.window.begin(self.now_s, backlog)

    def first_pending(self, after: int, up_to: int, priority: Priority) -> int | None:
        of_priority = self.urgent if priority is Priority.HIGH else set(range(self.last + 1)) - self.urgent
        return min((sequence for sequence in self.pending & of_priority if after < sequence <= up_to), default=None)

    def send(self) -> None:
        for sequence in self.window.overdue(self.now_s):
            self.sent_again.append((self.now_s, sequence))
            self.window.sent_again(sequence, self.now_s)
        while (fresh := self.window.next(self.now_s, self.first_pending)) is not None:
            self.sent.append((self.now_s, fresh))

    def seal(self, *, urgent: bool = False) -> None:
        self.last += 1
        self.pending.add(self.last)
        self.urgent |= {self.last} if urgent else set()

    def rank(self, sequence: int) -> tuple[bool, bool, int]:
        """Return by what batches that wait together are to be sent: live, then urgent, then the oldest."""
        return sequence <= self.boundary, sequence not in self.urgent, sequence

    def answer(self, sequences: set[int]) -> None:
        self.pending -= sequences
        self.window.settle(sequences)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.floats(0.01, 40)),
        st.tuples(st.just("seal"), st.integers(1, 4)),
        st.tuples(st.just("seal urgent"), st.integers(1, 2)),
        st.tuples(st.just("answer"), st.integers(0, 20)),
        st.tuples(st.just("drop"), st.integers(0, 20)),
    ),
    max_size=60,
)


@given(steps, st.integers(1, 5), st.floats(0.5, 50), st.integers(0, 30), st.sets(st.integers(1, 30)))
def test_the_window_holds_and_live_goes_first_and_of_each_what_is_urgent(
    steps: list[tuple[str, float]], size: int, rate: float, backlog: int, urgent: set[int]
) -> None:
    network = Network(size, rate, backlog)
    network.urgent = urgent & network.pending
    for what, amount in steps:
        unsettled = sorted({sequence for _, sequence in network.sent} & network.pending)
        if what == "wait":
            network.now_s += amount
        elif what.startswith("seal"):
            for _ in range(int(amount)):
                network.seal(urgent=what == "seal urgent")
        elif what == "answer":
            network.answer(set(unsettled[: int(amount)]))
        else:
            network.pending -= set(sorted(network.pending)[: int(amount)])  # dropped behind the window's back
        sent_before = len(network.sent)
        network.send()
        assert network.window.in_flight <= size
        fresh = [sequence for _, sequence in network.sent[sent_before:]]
        assert fresh == sorted(fresh, key=network.rank)
        waiting = network.pending - {s for _, s in network.sent}
        assert not fresh or not waiting or network.rank(fresh[-1]) < min(map(network.rank, waiting))
    firsts = [sequence for _, sequence in network.sent]
    assert len(firsts) == len(set(firsts))


@given(st.floats(0.5, 100), st.lists(st.floats(0.001, 2), min_size=1, max_size=100))
def test_the_backlog_drains_at_its_rate_at_most(rate: float, waits: list[float]) -> None:
    network = Network(1000, rate, 500)
    network.send()
    for wait_s in waits:
        network.now_s += wait_s
        network.send()
    elapsed_s = network.now_s - 100.0
    assert len(network.sent) <= elapsed_s * rate + max(1.0, rate / 10) + 1e-6


def test_an_unanswered_batch_is_sent_again_with_growing_pauses_that_never_fall_short_of_the_timeout() -> None:
    network = Network(1, 10.0, 1)
    for _ in range(200_000):
        network.send()
        network.now_s += 0.05
        if len(network.sent_again) == 9:
            break
    times = [network.sent[0][0], *(at for at, _ in network.sent_again)]
    pauses = [after - before for before, after in pairwise(times)]
    for attempt, pause_s in enumerate(pauses):
        shortest = 10.0 * 2 ** min(attempt, 5)
        assert shortest <= pause_s <= shortest * 1.5 + 0.1


@given(st.integers(1, 40), st.integers(1, 16))
def test_everything_is_sent_once_answers_come(backlog: int, size: int) -> None:
    network = Network(size, 5.0, backlog)
    for _ in range(2000):
        network.send()
        network.answer({sequence for _, sequence in network.sent} & network.pending)
        wait_s = network.window.wait_s(network.now_s, 0.5)
        network.now_s += max(wait_s, 0.001)
        if not network.pending:
            break
    assert not network.pending
    assert [sequence for _, sequence in network.sent] == list(range(1, backlog + 1))


def test_wanted_batches_are_due_at_once_and_only_those_in_flight() -> None:
    network = Network(2, 1000.0, 5)
    network.send()
    network.now_s += 0.1
    network.send()
    assert [sequence for _, sequence in network.sent] == [1, 2]
    assert network.window.overdue(network.now_s) == []
    network.window.make_due([2, 5], network.now_s)
    assert network.window.overdue(network.now_s) == [2]


def test_a_postponed_batch_waits_a_timeout_more_without_doubling() -> None:
    network = Network(1, 1000.0, 1)
    network.send()
    network.now_s += 20
    assert network.window.overdue(network.now_s) == [1]
    network.window.postpone(1, network.now_s)
    assert network.window.overdue(network.now_s + 9.9) == []
    assert network.window.overdue(network.now_s + 15.1) == [1]


def test_a_new_connection_starts_with_everything_as_backlog() -> None:
    network = Network(2, 1000.0, 3)
    network.send()
    network.window.begin(network.now_s, 3)
    assert network.window.in_flight == 0
    assert network.window.next(network.now_s, network.first_pending) == 1
