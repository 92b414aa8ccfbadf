"""The histogram that takes many values at once says what the client library's own says of the same values."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from ingest.bulk_histogram import BulkHistogram

BOUNDS = (0.5, 1, 2.5, 10, 86_400)
VALUES = st.one_of(st.sampled_from(BOUNDS), st.floats(0, 1e6)).map(float)


def scraped(registry: CollectorRegistry) -> list[str]:
    """Return the lines of a scrape without the time of creation, which says when the process started."""
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]


@given(st.lists(st.lists(VALUES, max_size=6), max_size=5))
def test_a_scrape_is_the_library_s(groups: list[list[float]]) -> None:
    registries = CollectorRegistry(), CollectorRegistry()
    many = BulkHistogram("latency_seconds", "How long", BOUNDS, registries[0])
    single = Histogram("latency_seconds", "How long", buckets=BOUNDS, registry=registries[1])
    for group in groups:
        many.observe(np.array(group))
        for value in group:
            single.observe(value)
    (ours, sums), (theirs, their_sums) = (split(scraped(registry)) for registry in registries)
    assert ours == theirs
    np.testing.assert_allclose(sums, their_sums, rtol=1e-12)


def split(lines: list[str]) -> tuple[list[str], list[float]]:
    """Part the sum, which depends on the order of additions in its last digit, from the rest."""
    sums = [float(line.split()[1]) for line in lines if line.startswith("latency_seconds_sum ")]
    return [line for line in lines if not line.startswith("latency_seconds_sum ")], sums
