"""An iterator that works ahead in a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")
_LOOK_S = 0.1


class _End:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def prefetched(source: Iterator[Item], most: int) -> Iterator[Item]:
    """Yield what ``source`` yields, which runs at most so many items ahead; what it raises is raised here."""
    waiting: Queue[Item | _End] = Queue(most)
    stop = Event()
    thread = Thread(target=_work, args=(source, waiting, stop), name="prefetch", daemon=True)
    thread.start()
    try:
        while not isinstance(item := waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        thread.join()


def _work(source: Iterator[Item], waiting: Queue[Item | _End], stop: Event) -> None:
    end = _End(None)
    try:
        for item in source:
            if not _put(waiting, item, stop):
                return
    except BaseException as error:
        end = _End(error)
    _put(waiting, end, stop)


def _put(waiting: Queue[Item | _End], item: Item | _End, stop: Event) -> bool:
    """Put an item in its place as soon as there is room; False where nobody wants it any more."""
    while not stop.is_set():
        try:
            waiting.put(item, timeout=_LOOK_S)
        except Full:
            continue
        return True
    return False
