"""An agent that sends, among good batches, everything that must not be taken in, and knows what it should be told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from uuid import UUID, uuid4

from faults.suite.truth import Key, Truth, key_of
from resending_agent import ResendingAgent
from sealed_batches import NOON_US, Row, SealingAgent, gauge
from standalone.broker import PrivateBroker

from edge.wire.acknowledgement import RefusalReason
from edge.wire.series import SeriesTable

NAME = "poisoner"
UNLUCKY = 13
"""Readings of a batch that the database rejects: the scenario adds a rule to the ledger."""
_BATCHES = 60
_STEP_US = 60_000_000


class Poisoner:
    """A sender that begins when it is told to ``speak``."""

    name = NAME

    def __init__(self, broker: PrivateBroker, victim: Callable[[], UUID]) -> None:
        self._table = SeriesTable.of([gauge(f"{NAME}-d{n}") for n in range(UNLUCKY)])
        self._sealing = SealingAgent(NAME, self._table)
        self._agent = ResendingAgent(self._sealing, broker)
        self._victim = victim
        self._truth: dict[Key, float] = {}
        self._expected: dict[str, RefusalReason] = {}
        self._raw: list[bytes] = []
        self._spoken = False

    @property
    def devices(self) -> list[tuple[str, str]]:
        return [(NAME, series.device) for series in self._table.series]

    def start(self) -> None:
        """Wait to be told: some of the poison needs what others have sent before."""

    def speak(self) -> None:
        """Send everything, good and bad in turn."""
        self._agent.send([self._sealing.seal(self._rows(_BATCHES, 3))])
        self._agent.wait_until_settled()  # what claims its number later must not come first
        for step in range(_BATCHES):
            good = self._sealing.seal(self._rows(step, 3))
            self._agent.send([good])
            if step % 3 == 0:
                poison = self._sealing.seal(self._rows(2 * _BATCHES + step, UNLUCKY))
                self._expect(poison, RefusalReason.DATABASE_REJECTED)
                self._agent.send([poison])
            if step % 6 == 1:
                self._say_raw(step)
        self._spoken = True

    def _say_raw(self, step: int) -> None:
        """Send what no spool would number, and what claims the numbers or the spool of others."""
        aside = replace(self._sealing, sequence=0, previous=None)
        strange = replace(self._sealing, spool=self._victim(), sequence=10**9 + step)
        stray = replace(self._sealing, spool=uuid4(), sequence=0, previous=None)
        beyond = stray.seal([(UNLUCKY, 0, 1.0)])
        newer = json.dumps({"type": "batch", "version": 99, "step": step}).encode()
        personal = json.dumps({"type": "batch", "version": 1, "mac": "00:11:22:33:44:55", "step": step}).encode()
        for payload, reason in (
            (b"\x00\xff neither text nor number %d" % step, RefusalReason.UNDECODABLE),
            (newer, RefusalReason.VERSION_UNKNOWN),
            (personal, RefusalReason.PERSONAL_DATA),
            (beyond, RefusalReason.SERIES_OUT_OF_TABLE),
            (aside.seal(self._rows(3 * _BATCHES + step, 2)), RefusalReason.SEQUENCE_REUSED),
            (strange.seal(self._rows(4 * _BATCHES + step, 2)), RefusalReason.SPOOL_OF_ANOTHER_AGENT),
        ):
            self._expect(payload, reason)
            self._raw.append(payload)
            self._agent.publish(payload)

    def _expect(self, payload: bytes, reason: RefusalReason) -> None:
        self._expected[sha256(payload).hexdigest()] = reason

    def _rows(self, step: int, size: int) -> list[Row]:
        rows = [(n, step * _STEP_US, float(step + n)) for n in range(size)]
        self._truth |= {key_of(self._table.series[n], NOON_US + offset): value for n, offset, value in rows}
        return rows

    def truth(self) -> Truth:
        return self._truth

    def pending(self) -> int:
        return 0

    def is_settled(self) -> bool:
        return self._spoken and not self._agent.pending and self._expected.keys() <= self._agent.refused.keys()

    def send_again(self) -> None:
        """Send again what is not answered, as agents do."""
        self._agent.publish(self._sealing.table_payload)
        for payload in [*self._agent.pending.values(), *self._raw]:
            if sha256(payload).hexdigest() not in self._agent.refused:
                self._agent.publish(payload)

    def surprises(self) -> list[str]:
        """Return what was refused otherwise than it should be."""
        refused = self._agent.refused
        return [
            f"refused as {refused.get(digest)}, not as {reason}"
            for digest, reason in self._expected.items()
            if refused.get(digest) != reason
        ] + [f"refused without need: {reason}" for digest, reason in refused.items() if digest not in self._expected]

    def close(self) -> None:
        self._agent.close()
