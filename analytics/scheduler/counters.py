"""What is watched over time: the Prometheus metrics of the scheduler."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

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
        self.touched = Gauge(f"{prefix}_touched_hours", "Hours of series to be made good", registry=self.registry)
