"""The inbox: bounded, ordered, never blocking who offers."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from edge.wire.topics import Subject
from ingest.delivery import WRITE_BYTES, Delivery, Inbox


def delivery(size: int, number: int = 0) -> Delivery:
    return Delivery("a", Subject.BATCH, bytes(size), number)


@given(
    st.lists(st.one_of(st.integers(0, 60).map(lambda n: ("offer", n)), st.integers(1, 5).map(lambda n: ("take", n))))
)
def test_bounds_and_order(steps: list[tuple[str, int]]) -> None:
    inbox, waiting, number = Inbox(most_messages=6, most_bytes=100), list[Delivery](), 0
    for step, size in steps:
        if step == "offer":
            number += 1
            one = delivery(size, number)
            room = len(waiting) < 6 and (not waiting or sum(len(d.payload) for d in waiting) + size <= 100)
            assert inbox.offer(one) is room
            waiting += [one] if room else []
        elif waiting:
            assert inbox.take(size) == waiting[:size]
            del waiting[:size]
        assert inbox.depth() == (len(waiting), sum(len(d.payload) for d in waiting))


def test_a_message_larger_than_the_bound_passes_alone() -> None:
    inbox = Inbox(most_messages=6, most_bytes=100)
    assert inbox.offer(delivery(1000))
    assert not inbox.offer(delivery(0))
    assert len(inbox.take(6)) == 1


def test_one_write_is_bounded_in_bytes() -> None:
    inbox = Inbox(most_messages=100, most_bytes=10 * WRITE_BYTES)
    for _ in range(5):
        assert inbox.offer(delivery(WRITE_BYTES // 2))
    assert [len(inbox.take(100)) for _ in range(3)] == [2, 2, 1]


def test_a_compressed_payload_counts_as_the_text_that_it_stands_for() -> None:
    inbox = Inbox(most_messages=100, most_bytes=10 * WRITE_BYTES)
    for _ in range(5):
        assert inbox.offer(Delivery("a", Subject.BATCH, b"x" * (WRITE_BYTES // 32), 0))
    assert [len(inbox.take(100)) for _ in range(3)] == [2, 2, 1]
    assert inbox.depth() == (0, 0)


def test_whoever_takes_is_woken_by_the_first_and_by_the_close() -> None:
    inbox, taken = Inbox(6, 100), list[int]()

    def take() -> None:
        while got := inbox.take(6):
            taken.extend(d.received_us for d in got)

    thread = threading.Thread(target=take)
    thread.start()
    for number in range(3):
        assert inbox.offer(delivery(1, number))
    inbox.close()
    thread.join(10)
    assert not thread.is_alive()
    assert taken == [0, 1, 2]


def test_room_is_half() -> None:
    inbox = Inbox(most_messages=4, most_bytes=1000)
    for _ in range(4):
        inbox.offer(delivery(1))
    inbox.take(1)
    assert not inbox.wait_for_room(0.0)
    inbox.take(1)
    assert inbox.wait_for_room(0.0)
