"""What is watched over time: the Prometheus metrics of the scheduler."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ingest.store.retention import Removed

_DURATIONS_S = (0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600)


class Counters:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        prefix = "smartstore_scheduler"
        self.leading = Gauge(f"{prefix}_leading", "Whether this process does the jobs", registry=self.registry)
        self.runs = Counter(
            f"{prefix}_runs", "Runs of a job, by how they ended", ["job", "end"], registry=self.registry
        )
        self.last_good = Gauge(
            f"{prefix}_last_good_timestamp_seconds",
            "End of a job's last run that did not fail",
            ["job"],
            registry=self.registry,
        )
        self.run_s = Histogram(
            f"{prefix}_run_seconds", "Duration of a job's runs", ["job"], buckets=_DURATIONS_S, registry=self.registry
        )
        self.until = Gauge(
            f"{prefix}_computed_until_timestamp_seconds", "End of what is computed", ["what"], registry=self.registry
        )
        self.removed_readings, self.removed_corrections, self.removed_chunks = (
            Counter(f"{prefix}_removed_{what}", text, ["retention_class"], registry=self.registry)
            for what, text in (
                ("readings", "Readings that retention removed"),
                ("corrections", "Corrections that went with them"),
                ("chunks", "Chunks that retention removed"),
            )
        )
        self.removed_before = Gauge(
            f"{prefix}_removed_before_timestamp_seconds",
            "Time before which readings are removed",
            ["retention_class"],
            registry=self.registry,
        )
        self.touched = Gauge(f"{prefix}_touched_hours", "Hours of series to be made good", registry=self.registry)
        self.alerts = Counter(
            f"{prefix}_alerts",
            "Alerts of stores, by what found them and whether they were raised, ended or withdrawn",
            ["detector", "change"],
            registry=self.registry,
        )

    def count_alert(self, detector: str, change: str) -> None:
        """Count an alert that was raised, ended or withdrawn."""
        self.alerts.labels(detector, change).inc()

    def count_removed(self, removed: Removed) -> None:
        """Count a range that retention removed."""
        of = removed.range.retention_class
        self.removed_readings.labels(of).inc(removed.readings)
        self.removed_corrections.labels(of).inc(removed.corrections)
        self.removed_chunks.labels(of).inc(removed.range.chunks)
