"""What the processes export to Prometheus: names, kinds and labels, taken from their own registries."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from analytics.api.doorway import Counters as WebCounters
from analytics.scheduler.service import Scheduler
from analytics.settings import AnalyticsSettings
from ingest.service import Service
from ingest.settings import IngestSettings

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"
TARGET_LABELS = frozenset({"job", "instance"})
"""Labels that Prometheus gives to whatever it scrapes; a metric's own label of such a name becomes ``exported_...``."""
_SAMPLES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


@dataclass(frozen=True)
class Metric:
    """A metric under the name that its family has in the handbook: a counter's ends in ``_total``."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Sample:
    """A series as queries name it, with its labels once Prometheus has it."""

    name: str
    kind: str
    labels: frozenset[str]


def ingest() -> CollectorRegistry:
    """Return the registry of an ingest worker, which is not started."""
    with tempfile.TemporaryDirectory() as folder:
        password = Path(folder) / "password"
        password.write_text("none")
        settings = {"broker": {"host": "127.0.0.1", "password_file": password}, "database": {"url": NOWHERE}}
        service = Service(IngestSettings.model_validate(settings))
    service._status.stop()
    return service._counters.registry


def scheduler() -> CollectorRegistry:
    """Return the registry of a scheduler, which is not started."""
    process = Scheduler(AnalyticsSettings.model_validate({"database": {"url": NOWHERE}}))
    process._status.stop()
    return process._counters.registry


def web() -> CollectorRegistry:
    """Return the registry of the web process's counters."""
    registry = CollectorRegistry()
    WebCounters(registry)
    return registry


def metrics(registry: CollectorRegistry) -> Iterator[Metric]:
    """Yield the metrics of a registry, those without values too."""
    for collector in list(registry._collector_to_names):
        described: Any = collector.describe()  # type: ignore[attr-defined]
        for family in described:
            own = getattr(collector, "_labelnames", None)
            labels = tuple(own if own is not None else getattr(family, "_labelnames", ()))
            suffix = "_total" if family.type == "counter" else ""
            yield Metric(family.name + suffix, family.type, labels, family.documentation)


def samples(registries: Iterable[CollectorRegistry]) -> dict[str, Sample]:
    """Return the series of these registries by name."""
    found = [Sample("up", "gauge", TARGET_LABELS)]
    for registry in registries:
        for metric in metrics(registry):
            labels = frozenset(f"exported_{label}" if label in TARGET_LABELS else label for label in metric.labels)
            for suffix in _SAMPLES[metric.kind]:
                own = labels | {"le"} if suffix == "_bucket" else labels
                name = metric.name.removesuffix("_total") + suffix
                found.append(Sample(name, metric.kind, own | TARGET_LABELS))
    return {sample.name: sample for sample in found}
