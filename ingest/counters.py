"""What is watched over time: the Prometheus metrics of an ingest worker."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from edge.wire.topics import Subject
from ingest.store.entries import Written

_LATENCIES_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 86_400)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Counters:
    """The metrics of one worker, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"smartstore_ingest_{name}", text, labels, registry=self.registry)

        deliveries = counter("deliveries", "Messages from the broker", "subject")
        self.deliveries = {subject: deliveries.labels(str(subject)) for subject in Subject}
        self.batches = counter("batches_committed", "Batches committed for the first time")
        self.readings = counter("readings_committed", "Readings of batches committed for the first time")
        self.redeliveries = counter("redeliveries", "Batches that arrived again and were acknowledged again")
        self.duplicates = counter("duplicates", "Readings equal to the one stored for their series and time")
        self.corrections = counter("corrections", "Readings different from the one stored for their series and time")
        self.refusals = counter("refusals", "Payloads refused", "reason")
        self.wanted_tables = counter("wanted_tables", "Series tables asked for")
        self.overflows = counter("overflows", "Times that a full queue made the worker leave the broker")
        self.connections = counter("connections", "Connections made to the broker")
        self.write_s = Histogram(
            "smartstore_ingest_write_seconds",
            "Duration of a write from its beginning to its commit",
            buckets=_LATENCIES_S,
            registry=self.registry,
        )
        self.write_batches = Histogram(
            "smartstore_ingest_write_batches", "Batches of a write", buckets=_SIZES, registry=self.registry
        )
        self.sealed_to_commit_s = Histogram(
            "smartstore_ingest_sealed_to_commit_seconds",
            "Time from the sealing of a batch at its agent, by the agent's clock, to its commit",
            buckets=_LATENCIES_S,
            registry=self.registry,
        )

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Add a level that is asked for whenever the metrics are read."""
        Gauge(f"smartstore_ingest_{name}", text, registry=self.registry).set_function(value)

    def count(self, written: Written, committed_us: int) -> None:
        """Count what a write did; ``committed_us`` is the time of its commit."""
        self.batches.inc(len(written.committed))
        self.readings.inc(sum(len(entry.batch.series) for entry in written.committed))
        self.redeliveries.inc(len(written.redelivered))
        self.duplicates.inc(sum(conflicts.duplicates for conflicts in written.conflicts))
        self.corrections.inc(sum(conflicts.corrections for conflicts in written.conflicts))
        for refusal in written.refused:
            self.refusals.labels(str(refusal.reason)).inc()
        for entry in written.committed:
            self.sealed_to_commit_s.observe(max(0.0, (committed_us - entry.batch.sealed_us) / 1e6))
