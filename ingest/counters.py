"""What is watched over time: the Prometheus metrics of an ingest worker.

The handbook's page ``metrics`` says of each what it means and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from edge.wire.acknowledgement import RefusalReason
from edge.wire.batch import LossReason
from edge.wire.topics import Subject
from ingest.agent_lags import AgentLags
from ingest.bulk_histogram import BulkHistogram
from ingest.store.entries import Entry, Written

_PREFIX = "smartstore_ingest"
_COMMITS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_LATENCIES_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_DELAYS_S = (*_LATENCIES_S, 3600, 86_400, 7 * 86_400, 30 * 86_400)
"""Up to the age that an agent keeps batches for."""
_BATCHES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_READINGS = (*_BATCHES, 2000, 5000)


class Counters:
    """The metrics of one worker, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        deliveries = self._counter("deliveries", "Messages from the broker", "subject")
        self.deliveries = {subject: deliveries.labels(str(subject)) for subject in Subject}
        self.batches = self._counter("batches_committed", "Batches committed for the first time")
        self.readings = self._counter("readings_committed", "Readings of batches committed for the first time")
        self.redeliveries = self._counter("redeliveries", "Batches that arrived again and were acknowledged again")
        self.duplicates = self._counter("duplicates", "Readings equal to the one stored for their series and time")
        self.corrections = self._counter(
            "corrections", "Readings different from the one stored for their series and time"
        )
        self.past_retention = self._counter(
            "readings_past_retention", "Readings committed and not stored: the rows of their time are removed"
        )
        self.chain_breaks = self._counter(
            "chain_breaks", "Batches that do not name the digest of the batch before them in the ledger"
        )
        refusals = self._counter("refusals", "Payloads refused", "reason")
        self.refusals = {reason: refusals.labels(str(reason)) for reason in RefusalReason}
        self.decoder_refusals = self._counter(
            "decoder_refusals", "Payloads that decoders of agents refused, told of in committed batches"
        )
        lost = self._counter(
            "readings_declared_lost", "Readings that agents declare lost in committed batches", "reason"
        )
        self.lost = {reason: lost.labels(str(reason)) for reason in LossReason}
        self.wanted_tables = self._counter("wanted_tables", "Series tables asked for")
        self.overflows = self._counter("overflows", "Times that a full queue made the worker leave the broker")
        self.connections = self._counter("connections", "Connections made to the broker")
        self.write_s = self._histogram(
            "write_seconds", "Duration of a write from its beginning to its commit", _LATENCIES_S
        )
        self.commit_s = self._histogram("commit_seconds", "Duration of the COMMIT alone", _COMMITS_S)
        self.write_batches = self._histogram("write_batches", "Batches of a write", _BATCHES)
        self.batch_readings = self._bulk("batch_readings", "Readings of a committed batch", _READINGS)
        self.received_to_commit_s = self._bulk(
            "received_to_commit_seconds",
            "Time from the receipt of a batch by the worker to its commit, both by the server's clock",
            _LATENCIES_S,
        )
        self.sealed_to_commit_s = self._bulk(
            "sealed_to_commit_seconds",
            "Time from the sealing of a batch, by its agent's clock, to its commit, by the server's; 0 where that is "
            "negative",
            _DELAYS_S,
        )
        self.lags = AgentLags(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, bounds: Sequence[float]) -> Histogram:
        return Histogram(f"{_PREFIX}_{name}", text, buckets=bounds, registry=self.registry)

    def _bulk(self, name: str, text: str, bounds: Sequence[float]) -> BulkHistogram:
        return BulkHistogram(f"{_PREFIX}_{name}", text, bounds, self.registry)

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Add a level that is asked for whenever the metrics are read."""
        Gauge(f"{_PREFIX}_{name}", text, registry=self.registry).set_function(value)

    def watch_total(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Add a total, which only grows, that is asked for whenever the metrics are read."""
        self.registry.register(_Total(f"{_PREFIX}_{name}", text, value))

    def count(self, written: Written, committed_us: int) -> None:
        """Count what a write did; ``committed_us`` is the time of its commit."""
        if written.committed:
            self._count_committed(written.committed, committed_us)
        self.redeliveries.inc(len(written.redelivered))
        self.chain_breaks.inc(len(written.chain_breaks))
        self.duplicates.inc(sum(conflicts.duplicates for conflicts in written.conflicts))
        self.corrections.inc(sum(conflicts.corrections for conflicts in written.conflicts))
        self.past_retention.inc(written.past_retention)
        for refusal in written.refused:
            self.refusals[RefusalReason(refusal.reason)].inc()

    def _count_committed(self, entries: Sequence[Entry], committed_us: int) -> None:
        """Count a write's batches: thousands a second, so by arrays, and nothing is asked of each that need not be."""
        n = len(entries)
        readings = np.fromiter((len(entry.batch.series) for entry in entries), np.float64, n)
        sealed_us = np.fromiter((entry.batch.sealed_us for entry in entries), np.int64, n)
        received_us = np.fromiter((entry.received_us for entry in entries), np.int64, n)
        self.batches.inc(n)
        self.readings.inc(float(readings.sum()))
        self.batch_readings.observe(readings)
        self.sealed_to_commit_s.observe(np.maximum(committed_us - sealed_us, 0) / 1e6)
        self.received_to_commit_s.observe(np.maximum(committed_us - received_us, 0) / 1e6)
        agents = (entry.agent for entry in entries)
        self.lags.committed(zip(agents, np.minimum(sealed_us, received_us).tolist(), strict=True))
        for entry in entries:
            for loss in entry.batch.losses:
                self.lost[loss.reason].inc(loss.readings)
            if entry.batch.refusals:
                self.decoder_refusals.inc(len(entry.batch.refusals))


class _Total(Collector):
    """A counter whose value is kept elsewhere."""

    def __init__(self, name: str, text: str, value: Callable[[], float]) -> None:
        self._name = name
        self._text = text
        self._value = value

    def describe(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(self._name, self._text)

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(self._name, self._text, value=self._value())
