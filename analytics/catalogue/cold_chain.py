"""Cold chain: the metrics of this area."""

from __future__ import annotations

from analytics.catalogue.metric import Metric
from analytics.metrics import cold_chain
from analytics.results import Facility

METRICS = (
    Metric(
        "cold_chain_time_in_band", "cold chain time in band", "冷链温度达标时间占比", "ratio", Facility.COLD_CHAIN,
        frozenset({"chilled_cabinet", "frozen_cabinet"}), ("temperature",),
        "cabinet-time in band / observed cabinet-time; chilled (0, 8] degC, frozen <= -18 degC",
        "GB/T 24616-2019",
        "air sensors lag the product; defrosts count; time without readings is in neither part",
        cold_chain.measure, tolerance=1e-12,
        limits=("cold_chain.chilled_above", "cold_chain.chilled_max", "cold_chain.frozen_max"),
    ),
)  # fmt: skip
