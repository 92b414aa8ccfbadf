"""The spool against a model of the whole account, over arbitrary histories.

Oracle: every accepted reading is in exactly one of pending, committed, refused, lost; every sequence of every id that
the spool has had likewise, or was carried on under the next id; and what is declared lost, in whatever batch it stands
and of whichever id, adds up to what was lost.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random
from uuid import UUID

from edge_tools.readings import HandClock, group, refusal
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.readings import Priority
from edge.spool.records import SpoolLimits
from edge.spool.spool import Spool
from edge.wire.acknowledgement import RENEWAL_REASONS, Acknowledgement, RefusalReason, Refused, ranges_of
from edge.wire.batch import Batch
from edge.wire.compression import deflated
from edge.wire.decode import decode
from edge.wire.model import canonical, digest
from edge.wire.series import Origin

LIMITS = SpoolLimits(max_bytes=24_000, max_age_s=1000, batch_readings=9, compress=True)


class SpoolAccount(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "spool.db"
        self.clock = HandClock()
        self.random = Random(4)
        self.spool = self.opened()
        self.accepted = 0
        self.answered: dict[str, Counter[float]] = {"committed": Counter(), "refused": Counter()}
        self.numbers: dict[UUID, list[int]] = {self.spool.spool_id: []}
        """By spool id, the sequences that were committed, refused, or carried on under the next id."""
        self.last: dict[UUID, int] = {}
        """By abandoned id, the last sequence made under it."""
        self.sealed: dict[tuple[UUID, int], str] = {}
        """Digest of every batch ever seen."""

    def opened(self) -> Spool:
        return Spool.open(
            self.path, LIMITS, self.clock.clock, lambda: UUID(int=self.random.getrandbits(128), version=4)
        )

    def teardown(self) -> None:
        self.spool.close()
        self.folder.cleanup()

    def batches(self) -> dict[int, Batch]:
        found: dict[int, Batch] = {}
        for sealed in self.spool.pending(limit=10_000):
            assert digest(sealed.payload) == sealed.sha256
            document = decode(sealed.payload)
            assert isinstance(document, Batch)
            assert sealed.payload == deflated(canonical(document))
            assert sealed.readings == len(document.value)
            assert self.spool.series_table(document.series_table) is not None
            assert self.sealed.setdefault((document.spool, document.sequence), sealed.sha256) == sealed.sha256
            found[document.sequence] = document
        return found

    def settle(self, batch: Batch, outcome: str) -> None:
        self.answered[outcome].update(batch.value)
        self.numbers[batch.spool].append(batch.sequence)

    @rule(
        sizes=st.lists(
            st.tuples(st.integers(0, 25), st.sampled_from(Origin), st.sampled_from(Priority)), min_size=1, max_size=4
        )
    )
    def accept(self, sizes: list[tuple[int, Origin, Priority]]) -> None:
        groups = []
        for size, origin, priority in sizes:
            groups.append(("counter", replace(group(self.accepted, size, origin), priority=priority)))
            self.accepted += size
        self.spool.accept(groups)
        assert self.spool.position("counter") == str(self.accepted - 1)
        self.batches()

    @rule(text=st.sampled_from(["abc", "1;2;3"]))
    def accept_a_refusal(self, text: str) -> None:
        self.spool.accept([("counter", group(self.accepted, 0, refusals=[refusal(text)]))])

    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        pending = self.batches()
        chosen = data.draw(st.sets(st.sampled_from(sorted(pending)))) if pending else set()
        trimmed = self.spool.trim(
            Acknowledgement(spool=self.spool.spool_id, committed=ranges_of(sorted(chosen)), at_us=1)
        )
        assert set(trimmed.settled) == chosen
        for sequence in chosen:
            self.settle(pending[sequence], "committed")

    @rule(low=st.integers(1, 60), high=st.integers(1, 60))
    def commit_a_range_that_may_be_wider(self, low: int, high: int) -> None:
        pending = self.batches()
        self.spool.trim(
            Acknowledgement(spool=self.spool.spool_id, committed=[(min(low, high), max(low, high))], at_us=1)
        )
        for sequence in pending.keys() - self.batches().keys():
            assert min(low, high) <= sequence <= max(low, high)
            self.settle(pending[sequence], "committed")

    @rule(data=st.data(), reason=st.sampled_from(RefusalReason))
    def refuse(self, data: st.DataObject, reason: RefusalReason) -> None:
        pending = self.batches()
        if not pending:
            return
        chosen = data.draw(st.sampled_from(sorted(pending)))
        answer = Refused(sha256=digest(deflated(canonical(pending[chosen]))), reason=reason, detail="")
        trimmed = self.spool.trim(Acknowledgement(spool=None, refused=[answer], at_us=1))
        if reason in RENEWAL_REASONS:
            assert trimmed.renewal == answer
            assert chosen in self.batches()
            self.renew(reason)
        else:
            assert trimmed.settled == [chosen]
            self.settle(pending[chosen], "refused")

    @rule()
    def answer_of_another_spool(self) -> None:
        before = self.spool.depth()
        self.spool.trim(Acknowledgement(spool=UUID(int=1), committed=[(1, 2**40)], at_us=1))
        assert self.spool.depth() == before

    @rule(reason=st.sampled_from(sorted(RENEWAL_REASONS)))
    def renew(self, reason: RefusalReason) -> None:
        abandoned, last = self.spool.spool_id, self.spool.last_sequence
        with closing(sqlite3.connect(self.path)) as db:
            payloads = [bytes(payload) for (payload,) in db.execute("select payload from batches order by sequence")]
            open_losses = db.execute(
                "select spool, first_sequence, last_sequence from losses where settled = 0"
            ).fetchall()
        intact = [decode(payload) for payload in payloads if any(payload)]
        before = [document for document in intact if isinstance(document, Batch)]
        fresh = self.spool.renew(reason)
        assert fresh != abandoned
        self.last[abandoned] = last
        self.numbers[fresh] = []
        self.numbers[abandoned] += [batch.sequence for batch in before]
        if reason is RefusalReason.SPOOL_OF_ANOTHER_AGENT:  # each loss goes on under a number of the fresh id
            for spool, first, last in open_losses:
                self.numbers[UUID(spool)] += range(first, last + 1)
        carried = [
            batch for batch in self.batches().values() if batch.resealed_from and batch.resealed_from.spool == abandoned
        ]
        assert [batch.resealed_from.sequence for batch in carried if batch.resealed_from] == [
            b.sequence for b in before
        ]
        for batch, old in zip(carried, before, strict=True):
            assert batch.resealed_from is not None
            assert batch.resealed_from.sha256 == self.sealed[abandoned, old.sequence]
            assert (batch.value, batch.refusals, batch.sealed_us) == (old.value, old.refusals, old.sealed_us)

    @rule(seconds=st.sampled_from([1, 300, 990]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule()
    def enforce_limits(self) -> None:
        self.spool.enforce_limits()
        assert self.spool.depth().bytes <= LIMITS.max_bytes
        self.batches()

    @rule()
    def reopen(self) -> None:
        self.spool.close()
        self.spool = self.opened()

    @precondition(lambda self: self.spool.depth().batches)
    @rule(data=st.data())
    def a_payload_rots(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from(sorted(self.batches())))
        with closing(sqlite3.connect(self.path, isolation_level=None)) as db:
            db.execute("update batches set payload = zeroblob(length(payload)) where sequence = ?", (chosen,))

    @invariant()
    def every_reading_once(self) -> None:
        pending = Counter(value for batch in self.batches().values() for value in batch.value)
        known = pending + self.answered["committed"] + self.answered["refused"]
        totals = self.spool.totals()
        assert all(count == 1 for count in known.values())
        assert known.keys() <= set(map(float, range(self.accepted)))
        assert totals.accepted_readings == self.accepted
        assert totals.lost_readings == self.accepted - known.total()
        assert totals.committed_readings == self.answered["committed"].total()
        assert totals.refused_readings == self.answered["refused"].total()
        assert totals.pending_readings == pending.total()

    @invariant()
    def every_sequence_once_and_every_loss_declared_once(self) -> None:
        batches = self.batches()
        present = self.spool.spool_id
        with closing(sqlite3.connect(self.path)) as db:
            losses = db.execute(
                "select spool, first_sequence, last_sequence, declared_in, settled, last_digest from losses"
            ).fetchall()
            lost_of_all: int = db.execute("select coalesce(sum(readings), 0) from losses").fetchone()[0]
        for spool_id, numbers in self.numbers.items():
            lost = [n for spool, first, last, *_ in losses if spool == str(spool_id) for n in range(first, last + 1)]
            pending = batches if spool_id == present else []
            last = self.last.get(spool_id, self.spool.last_sequence)
            assert sorted([*pending, *numbers, *lost]) == list(range(1, last + 1))
        totals = self.spool.totals()
        assert lost_of_all == totals.lost_readings
        parts = (totals.committed_batches, totals.refused_batches, totals.lost_batches, totals.resealed_batches)
        assert totals.made_batches == sum(parts) + totals.pending_batches
        assert totals.pending_batches == len(batches)
        assert self.spool.depth().bytes == sum(len(deflated(canonical(batch))) for batch in batches.values())
        declared = [
            (str(loss.spool or batch.spool), loss.first_sequence, loss.last_sequence)
            for batch in batches.values()
            for loss in batch.losses
        ]
        carried = [
            (spool, first, last)
            for spool, first, last, declared_in, settled, _ in losses
            if declared_in and not settled
        ]
        assert sorted(declared) == sorted(carried)
        assert all(loss.spool != batch.spool for batch in batches.values() for loss in batch.losses)
        ends = {last: sha256 for spool, _, last, _, _, sha256 in losses if spool == str(present)}
        for sequence, batch in batches.items():
            before = self.sealed.get((present, sequence - 1)) or ends.get(sequence - 1)
            if before is not None:
                assert batch.previous == before


SpoolAccount.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestSpoolAccount = SpoolAccount.TestCase
