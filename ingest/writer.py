"""Commit a prepared write, then acknowledge it: to the broker, and to the agents. Never the other way round."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from enum import StrEnum
from threading import Event
from typing import Protocol
from uuid import UUID

from edge import event_log
from edge.wire.acknowledgement import Acknowledgement, RefusalReason
from ingest.answers import acknowledgements
from ingest.counters import Counters
from ingest.delivery import acknowledge
from ingest.preparation import Prepared, write_of
from ingest.quarantine import OF_THE_DATA, cut_up
from ingest.store import ledger
from ingest.store.connection import Database
from ingest.store.entries import Entry, Key, Write, Written
from ingest.store.link import Link
from ingest.store.refusals import Refusal
from ingest.store.sqlstates import message_of

log = event_log.get(__name__)


class Stage(StrEnum):
    """Moments on the way of some messages that an observer is told of, in this order.

    A write that is cut up comes to ``BEFORE_WRITE`` and ``BEFORE_COMMIT`` once for each of its parts, and one that is
    repeated each time.
    """

    RECEIVED = "received"
    BEFORE_WRITE = "before_write"
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
        parts = self._commit(prepared)
        self._observe(Stage.AFTER_COMMIT)
        now_us = time.time_ns() // 1000
        if prepared.entries or prepared.refused:
            self._counters.write_s.observe(time.monotonic() - started_s)
            self._counters.write_batches.observe(len(prepared.entries))
        for written in parts:
            self._counters.count(written, now_us)
            _log_refusals(written.refused)
            _log_breaks(written.chain_breaks)
        acknowledge(prepared.deliveries)
        self._observe(Stage.AFTER_RECEIPTS)
        self._answer(parts, prepared.wanted, now_us)
        self._observe(Stage.AFTER_ANSWERS)

    def _answer(self, parts: Sequence[Written], wanted: dict[tuple[str, UUID], set[str]], now_us: int) -> None:
        self._counters.wanted_tables.inc(sum(map(len, wanted.values())))
        for number, written in enumerate(parts):
            for agent, acknowledgement in acknowledgements(written, wanted if number == 0 else {}, now_us):
                self._answers.answer(agent, acknowledgement)

    def _commit(self, work: Prepared) -> list[Written]:
        if not work.entries and not work.refused:
            return [Written()]
        try:
            return [self._write(work.write)]
        except OF_THE_DATA as error:
            log.warning("write_cut_up", batches=len(work.entries), error=message_of(error), fix="none needed")
            return self._cut_up(work)

    def _write(self, work: Write) -> Written:
        return self._link.run(
            lambda connection: self._attempt(connection, work),
            divisible=len(work.entries) + len(work.refused) > 1,
        )

    def _attempt(self, connection: Database, work: Write) -> Written:
        self._observe(Stage.BEFORE_WRITE)
        committing_s = 0.0

        def before_commit() -> None:
            nonlocal committing_s
            self._observe(Stage.BEFORE_COMMIT)
            committing_s = time.monotonic()

        written = ledger.write(connection, work, before_commit)
        self._counters.commit_s.observe(time.monotonic() - committing_s)
        return written

    def _cut_up(self, work: Prepared) -> list[Written]:
        """Write a rejected write in parts, so that only the batches which the database rejects are refused."""
        written: list[Written] = []
        refused = list(work.refused)
        for entries, done in cut_up(work.entries, self._write_entries, self._stopping.wait):
            if isinstance(done, Written):
                written.append(done)
            else:
                refused += [entry.refusal(RefusalReason.DATABASE_REJECTED, message_of(done)) for entry in entries]
        return written + self._keep(refused)

    def _write_entries(self, entries: Sequence[Entry]) -> Written:
        return self._write(write_of(entries, []))

    def _keep(self, refused: Sequence[Refusal]) -> list[Written]:
        """Write refusals.

        Raises
        ------
        Exception
            One of them cannot be kept, so it must not be acknowledged: the worker has to end.
        """
        written: list[Written] = []
        for _, done in cut_up(refused, lambda some: self._write(write_of([], some)), self._stopping.wait):
            if not isinstance(done, Written):
                raise done
            written.append(done)
        return written


def _log_refusals(refused: Sequence[Refusal]) -> None:
    """Log refusals without their content, one line an agent and reason, whatever their number."""
    groups: dict[tuple[str, str], list[Refusal]] = defaultdict(list)
    for refusal in refused:
        groups[refusal.agent, refusal.reason].append(refusal)
    for (agent, reason), group in groups.items():
        fix = "smartstore-ingest refusals list"
        log.warning("refused", agent=agent, reason=reason, count=len(group), detail=group[0].detail, fix=fix)


def _log_breaks(breaks: Sequence[tuple[str, Key]]) -> None:
    """Log breaks of the chain, one line a spool."""
    groups: dict[tuple[str, UUID], list[int]] = defaultdict(list)
    for agent, (spool, sequence) in breaks:
        groups[agent, spool].append(sequence)
    for (agent, spool), sequences in groups.items():
        fix = "smartstore-ingest account; the spool was restored from a copy, or its agent's software is at fault"
        log.warning(
            "chain_broken", agent=agent, spool=str(spool), sequence=min(sequences), count=len(sequences), fix=fix
        )
