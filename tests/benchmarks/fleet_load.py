"""The load of a fleet: stores that seal a batch each second at their own moment, on one thread with raw packets."""

from __future__ import annotations

import heapq
import json
import selectors
import time
from collections.abc import Callable
from hashlib import sha256
from random import Random
from uuid import uuid4

from benchmarks.load import AgentLoad
from benchmarks.raw_publisher import RawAgent, publish_packet

from edge.wire.batch import Batch
from edge.wire.model import canonical
from edge.wire.series import Counter, Kind, Origin, Reset, Series, SeriesTable, Unit
from edge.wire.topics import Subject, topic

BATCHES_OF_ALL_SERIES = 5
"""Each second another fifth of a store's series is due."""
HOUR_US = 3_600_000_000
"""A register counts one unit an hour."""
_CHANNELS = 5
_RESEND_AFTER_S = 10.0


class FleetStore:
    """One store's spool: seals batches whose text is that of the wire's own model.

    The first ``registers`` of its series are registers of energy, the others levels.
    """

    def __init__(self, agent: str, series: int, registers: int) -> None:
        self.agent = agent
        self.table = SeriesTable.of([_series(agent, n, register=n < registers) for n in range(series)])
        self._registers = registers
        self._spool = uuid4()
        self._random = Random(agent)
        self._sequence = 0
        self._previous: str | None = None
        self._boot = uuid4()
        self._groups = [list(range(n, series, BATCHES_OF_ALL_SERIES)) for n in range(BATCHES_OF_ALL_SERIES)]

    def load(self) -> AgentLoad:
        """Return what registry and connection need to know: name and table, no batch made before."""
        return AgentLoad(self.agent, self._spool, self.table, [], 0)

    def seal(self, now_us: int) -> tuple[int, bytes, int]:
        """Return sequence, payload and number of readings of the next batch."""
        self._sequence += 1
        series = self._groups[self._sequence % BATCHES_OF_ALL_SERIES]
        payload = canonical(
            Batch.model_construct(
                spool=self._spool,
                sequence=self._sequence,
                previous=self._previous,
                series_table=self.table.digest,
                origin=Origin.SIMULATED,
                boot=self._boot,
                sealed_us=now_us,
                monotonic_us=now_us,
                base_us=now_us,
                series=series,
                offset_us=[0] * len(series),
                value=[self._value(n, now_us) for n in series],
                flags=[0] * len(series),
            )
        )
        self._previous = sha256(payload).hexdigest()
        return self._sequence, payload, len(series)

    def _value(self, number: int, now_us: int) -> float:
        return round(now_us / HOUR_US if number < self._registers else self._random.gauss(20, 1), 1)


def _series(agent: str, number: int, *, register: bool) -> Series:
    return Series(
        device=f"{agent}-d{number // _CHANNELS:03}",
        quantity="active_energy" if register else "temperature",
        channel=f"c{number % _CHANNELS}",
        unit=Unit.KILOWATT_HOUR if register else Unit.CELSIUS,
        kind=Kind.CUMULATIVE if register else Kind.GAUGE,
        period_s=5.0,
        counter=Counter(reset=Reset.NEVER) if register else None,
    )


class _Connection(RawAgent):
    """A store's connection; what was sent is kept until its commit is acknowledged."""

    def __init__(
        self, store: FleetStore, address: tuple[str, int], password: str, committed: Callable[[float], None]
    ) -> None:
        super().__init__(store.load(), 16, address, password)
        self.store = store
        self._name = topic(store.agent, Subject.BATCH)
        self._committed = committed
        self._due_s: dict[int, float] = {}
        self._packets_of: dict[int, tuple[float, bytes]] = {}
        self._packet_id = 1

    @property
    def waiting(self) -> int:
        """Batches whose commit isn't acknowledged."""
        return len(self._due_s)

    def send(self, due_s: float) -> int:
        """Seal and send the batch that is due; return how many readings it holds."""
        sequence, payload, readings = self.store.seal(time.time_ns() // 1000)
        self._packet_id = self._packet_id % 65_535 + 1
        packet = publish_packet(self._name, self._packet_id, payload)
        self._due_s[sequence] = due_s
        self._packets_of[sequence] = time.monotonic(), packet
        self._out += packet
        self.flush()
        return readings

    def send_overdue(self) -> int:
        """Send again what was sent long ago and isn't acknowledged, as an agent does; return how many."""
        now_s, again = time.monotonic(), 0
        for sequence, (sent_s, packet) in list(self._packets_of.items()):
            if now_s - sent_s > _RESEND_AFTER_S:
                self._packets_of[sequence] = now_s, packet
                self._out += packet
                again += 1
        self.flush()
        return again

    def _acknowledge(self, payload: bytes) -> None:
        document = json.loads(payload)
        if document["refused"]:
            msg = f"the load was refused: {document['refused'][:1]}"
            raise RuntimeError(msg)
        for low, high in document["committed"]:
            for sequence in range(low, high + 1):
                due_s = self._due_s.pop(sequence, None)
                self._packets_of.pop(sequence, None)
                if due_s is not None:
                    self._committed(document["at_us"] / 1e6 - due_s)


class Pacer:
    """Lets each store send when its moment comes, and reads acknowledgements in between."""

    def __init__(self, stores: list[FleetStore], address: tuple[str, int], password: Callable[[str], str]) -> None:
        self._stores = stores
        self._address = address
        self._password = password
        self._selector = selectors.DefaultSelector()
        self._connections: list[_Connection] = []
        self.latencies_s: list[float] = []
        self.readings = 0
        self.behind = 0
        self.sent_again = 0

    def connect(self) -> None:
        """Connect every store and send its series table."""
        for store in self._stores:
            connection = _Connection(store, self._address, self._password(store.agent), self.latencies_s.append)
            self._connections.append(connection)
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)
            self._receive(0)
        while not all(connection.ready for connection in self._connections):
            self._receive(10)
        for connection in self._connections:
            connection.socket.setblocking(False)
            connection.fill()

    def introduce(self) -> float:
        """Have each store's first batch committed, for which its series become known; return the seconds it took."""
        begun_s = time.time()
        for connection in self._connections:
            self.readings += connection.send(begun_s)
            self._receive(0)
        self._drain(600)
        self.latencies_s.clear()
        return time.time() - begun_s

    def run(self, lasting_s: float, sample: Callable[[float, int], None], every_s: float) -> None:
        """Run the fleet, and then wait for what is on its way."""
        begun_s = time.time() + 1
        due = [(begun_s + n / len(self._connections), n) for n in range(len(self._connections))]
        heapq.heapify(due)
        next_sample_s = begun_s + every_s
        while due:
            moment_s, n = due[0]
            if moment_s - time.time() > 0:
                self._receive(min(0.05, moment_s - time.time()))
                continue
            heapq.heapreplace(due, (moment_s + 1, n)) if moment_s + 1 < begun_s + lasting_s else heapq.heappop(due)
            self.behind += time.time() - moment_s > 1
            self.readings += self._connections[n].send(moment_s)
            self._receive(0)
            if moment_s > next_sample_s:
                next_sample_s += every_s
                sample(moment_s - begun_s, sum(connection.waiting for connection in self._connections))
                self._resend()
        self._drain(60)

    def _drain(self, longest_s: float) -> None:
        deadline_s = time.time() + longest_s
        while any(connection.waiting for connection in self._connections):
            if not self._receive(1.0):
                self._resend()
            if time.time() > deadline_s:
                waiting = sum(connection.waiting for connection in self._connections)
                msg = f"{waiting} batches not committed {longest_s:g} s after the last was sealed"
                raise TimeoutError(msg)

    def _resend(self) -> None:
        self.sent_again += sum(connection.send_overdue() for connection in self._connections)

    def _receive(self, timeout_s: float) -> bool:
        ready = self._selector.select(timeout_s)
        for key, _ in ready:
            key.data.receive()
        return bool(ready)
