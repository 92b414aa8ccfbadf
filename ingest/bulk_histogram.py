"""A Prometheus histogram that takes the values of a whole write at once.

The client library's own takes one value a call, with a lock and a search through its buckets for each: some 2 µs, which
at thousands of batches a second and several histograms is a share of a processor. Here a write costs one search of an
array, and the metric is put together when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class BulkHistogram(Collector):
    """A histogram without labels.

    Parameters
    ----------
    bounds
        Upper bounds of the buckets, ascending, each included in its bucket; one more has none.
    """

    def __init__(self, name: str, text: str, bounds: Sequence[float], registry: CollectorRegistry) -> None:
        self._name = name
        self._text = text
        self._bounds = np.array(bounds, np.float64)
        self._counts = np.zeros(len(bounds) + 1, np.int64)
        self._sum = 0.0
        self._lock = Lock()
        registry.register(self)

    def observe(self, values: NDArray[np.float64]) -> None:
        """Count these values, each in the first bucket whose bound it does not exceed."""
        counts = np.bincount(self._bounds.searchsorted(values), minlength=len(self._counts))
        total = float(values.sum())
        with self._lock:
            self._counts += counts
            self._sum += total

    def describe(self) -> Iterator[HistogramMetricFamily]:
        """Yield the metric without values: the registry asks for its names."""
        yield HistogramMetricFamily(self._name, self._text)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield the metric as it stands, its buckets cumulative as Prometheus has them."""
        with self._lock:
            counts, total = self._counts.cumsum().tolist(), self._sum
        bounds = [*map(floatToGoString, self._bounds.tolist()), "+Inf"]
        yield HistogramMetricFamily(
            self._name, self._text, buckets=list(zip(bounds, counts, strict=True)), sum_value=total
        )
