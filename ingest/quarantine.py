"""Finding what cannot be stored among what can: work that fails is cut in halves until the failing items are alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import psycopg

from edge.wire.acknowledgement import RefusalReason
from edge.wire.topics import Subject
from ingest.arrived import ArrivedBatch
from ingest.decode import Rejection, decode_payload
from ingest.delivery import Delivery
from ingest.preparation import Prepared, refusal_of
from ingest.store.sqlstates import rule_of

Item = TypeVar("Item")
Result = TypeVar("Result")

OF_THE_DATA = (psycopg.Error, ValueError, OverflowError)
"""What preparing or storing some data can raise again and again (``ValueError`` covers text that has no UTF-8)."""
_ATTEMPTS = 3
_BETWEEN_ATTEMPTS_S = 1.0


def cut_up(
    items: Sequence[Item], attempt: Callable[[Sequence[Item]], Result], pause: Callable[[float], object]
) -> Iterator[tuple[Sequence[Item], Result | Exception]]:
    """Attempt items together, and where that fails in halves and their halves, in order; each attempt stands alone.

    With k items that fail among n, it makes at most ``1 + 2 k ceil(log2 n)`` attempts, beside those that are made again
    of an item alone whose error may be chance.

    Parameters
    ----------
    attempt
        Does some of the items, all or nothing, or raises one of ``OF_THE_DATA``.
    pause
        Called with seconds before an item is attempted again.

    Yields
    ------
    Neighbouring items with what became of them: the result of their attempt, or the error of one item alone.
    """
    waiting = [items] if items else []
    while waiting:
        part = waiting.pop()
        try:
            done: Result | Exception = attempt(part) if len(part) > 1 else _alone(part, attempt, pause)
        except OF_THE_DATA as error:
            if len(part) > 1:
                waiting += _halves(part)
                continue
            done = error
        yield part, done


def _halves(items: Sequence[Item]) -> list[Sequence[Item]]:
    """Return the halves, the later one first: the last of the list is the next."""
    middle = (len(items) + 1) // 2
    return [items[middle:], items[:middle]]


def _alone(
    item: Sequence[Item], attempt: Callable[[Sequence[Item]], Result], pause: Callable[[float], object]
) -> Result:
    for _ in range(_ATTEMPTS - 1):
        try:
            return attempt(item)
        except OF_THE_DATA as error:
            if rule_of(error).certain:
                raise
            pause(_BETWEEN_ATTEMPTS_S)
    return attempt(item)


def rejected(delivery: Delivery, detail: str) -> Prepared:
    """Return the write of a message that cannot be prepared: a refusal; of a birth or will nothing is left."""
    if delivery.subject is not Subject.BATCH:
        return Prepared([], [], [delivery], {})
    found = decode_payload(delivery.payload)
    if not isinstance(found, Rejection):
        spool, sequence = (found.spool, found.sequence) if isinstance(found, ArrivedBatch) else (None, None)
        found = Rejection(RefusalReason.DATABASE_REJECTED, detail, keep=True, spool=spool, sequence=sequence)
    return Prepared([], [refusal_of(delivery, found)], [delivery], {})
