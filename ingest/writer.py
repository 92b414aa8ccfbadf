"""Commit a prepared write, then acknowledge it: to the broker, and to the agents. Never the other way round."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from enum import StrEnum
from threading import Event
from typing import Protocol
from uuid import UUID

import psycopg

from edge import event_log
from edge.wire.acknowledgement import Acknowledgement, RefusalReason
from ingest.answers import acknowledgements
from ingest.counters import Counters
from ingest.delivery import Delivery
from ingest.preparation import Prepared, write_of
from ingest.store import ledger
from ingest.store.connection import is_about_data
from ingest.store.entries import Entry, Write, Written
from ingest.store.link import Link
from ingest.store.refusals import Refusal

log = event_log.get(__name__)

_ATTEMPTS = 3
_BETWEEN_ATTEMPTS_S = 1.0
_OF_THE_DATA = (psycopg.Error, ValueError, OverflowError)
"""What storing some data can raise again and again (``ValueError`` covers text that has no UTF-8)."""


class Stage(StrEnum):
    """Moments of a write that an observer is told of, in this order."""

    BEFORE_COMMIT = "before_commit"
    AFTER_COMMIT = "after_commit"
    AFTER_RECEIPTS = "after_receipts"
    AFTER_ANSWERS = "after_answers"


class Answers(Protocol):
    """Where acknowledgements go."""

    def answer(self, agent: str, acknowledgement: Acknowledgement) -> None:
        """Send an acknowledgement to an agent; one that is lost on the way is asked for by a resend."""


class Writer:
    """Commits writes one after another; used by one thread."""

    def __init__(
        self,
        link: Link,
        answers: Answers,
        counters: Counters,
        stopping: Event,
        observe: Callable[[Stage], None] = lambda _: None,
    ) -> None:
        self._link = link
        self._answers = answers
        self._counters = counters
        self._stopping = stopping
        self._observe = observe

    def handle(self, prepared: Prepared) -> None:
        """Commit a write and acknowledge it; waits for as long as the database is away.

        Raises
        ------
        GivenUpError
            The process stops while the database is away: nothing of this write is acknowledged.
        """
        started_s = time.monotonic()
        parts = self._commit(prepared.write)
        self._observe(Stage.AFTER_COMMIT)
        now_us = time.time_ns() // 1000
        self._counters.write_s.observe(time.monotonic() - started_s)
        self._counters.write_batches.observe(len(prepared.write.entries))
        for written in parts:
            self._counters.count(written, now_us)
            _log_refusals(written.refused)
        self._acknowledge(prepared.deliveries)
        self._observe(Stage.AFTER_RECEIPTS)
        self._answer(parts, prepared.wanted, now_us)
        self._observe(Stage.AFTER_ANSWERS)

    def _acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            delivery.receipt()

    def _answer(self, parts: Sequence[Written], wanted: dict[tuple[str, UUID], set[str]], now_us: int) -> None:
        self._counters.wanted_tables.inc(sum(map(len, wanted.values())))
        for number, written in enumerate(parts):
            for agent, acknowledgement in acknowledgements(written, wanted if number == 0 else {}, now_us):
                self._answers.answer(agent, acknowledgement)

    def _commit(self, work: Write) -> list[Written]:
        if not work.entries and not work.refused:
            return [Written()]
        try:
            return [self._write(work)]
        except _OF_THE_DATA as error:
            log.warning("write_cut_up", batches=len(work.entries), error=str(error).strip(), fix="none needed")
            return self._one_by_one(work)

    def _write(self, work: Write) -> Written:
        return self._link.run(
            lambda connection: ledger.write(connection, work, lambda: self._observe(Stage.BEFORE_COMMIT))
        )

    def _one_by_one(self, work: Write) -> list[Written]:
        """Write each batch by itself, so that only those which the database rejects are refused."""
        parts: list[Written] = []
        rejected: list[Refusal] = []
        for entry in work.entries:
            error = self._try_alone(entry, parts)
            if error is not None:
                text = str(error).strip() or type(error).__name__
                rejected.append(entry.refusal(RefusalReason.DATABASE_REJECTED, text))
        return parts + [self._write(write_of([], [refusal])) for refusal in [*work.refused, *rejected]]

    def _try_alone(self, entry: Entry, parts: list[Written]) -> Exception | None:
        """Commit one batch; return the error where the database rejects it."""
        alone = write_of([entry], [])
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                parts.append(self._write(alone))
            except _OF_THE_DATA as error:
                if attempt == _ATTEMPTS or is_about_data(error):
                    return error
                self._stopping.wait(_BETWEEN_ATTEMPTS_S)
            else:
                break
        return None


def _log_refusals(refused: Sequence[Refusal]) -> None:
    """Log refusals without their content, one line an agent and reason, whatever their number."""
    groups: dict[tuple[str, str], list[Refusal]] = defaultdict(list)
    for refusal in refused:
        groups[refusal.agent, refusal.reason].append(refusal)
    for (agent, reason), group in groups.items():
        fix = "smartstore-ingest refusals list"
        log.warning("refused", agent=agent, reason=reason, count=len(group), detail=group[0].detail, fix=fix)
