"""Cold chain: the metrics of this area."""

from __future__ import annotations

from analytics.catalogue.metric import Metric
from analytics.metrics import cold_chain, excursions, kinetic_temperature
from analytics.results import Facility

_CABINETS = frozenset({"chilled_cabinet", "frozen_cabinet"})
_BANDS = "GB/T 24616-2019 for the bands; hold time by this project"
_EXCURSION_CASES = (
    "a stretch out of band shorter than the hold time is none; a gap ends one; defrosts count; a door sensor at the "
    "cabinet says whether its door was open from the hold time before on; windows cut what crosses their edges"
)
_KINETIC = "(dH/R) / -ln(sum t exp(-dH/(R T)) / sum t), T in K, dH 83.144 kJ/mol, R 8.314472; the warmest cabinet's"
_KINETIC_CASES = "time without readings is left out, and then there are no bounds; hides short excursions"

METRICS = (
    Metric(
        "cold_chain_time_in_band", "cold chain time in band", "冷链温度达标时间占比", "ratio", Facility.COLD_CHAIN,
        _CABINETS, ("temperature",),
        "cabinet-time in band / observed cabinet-time; chilled (0, 8] degC, frozen <= -18 degC",
        "GB/T 24616-2019",
        "air sensors lag the product; defrosts count; time without readings is in neither part",
        cold_chain.measure, tolerance=1e-12, limits=cold_chain.BAND_LIMITS,
    ),
    Metric(
        "cold_chain_excursions", "cold chain excursions", "冷链温度超限次数", "count", Facility.COLD_CHAIN,
        _CABINETS, ("temperature", "door_open"),
        "number of stretches out of band that last at least the hold time, over cabinets",
        _BANDS, _EXCURSION_CASES,
        excursions.measure_number, limits=(*cold_chain.BAND_LIMITS, excursions.HOLD), summable=True,
    ),
    Metric(
        "cold_chain_excursion_time", "time of cold chain excursions", "冷链温度超限时长", "min", Facility.COLD_CHAIN,
        _CABINETS, ("temperature", "door_open"),
        "sum over cabinets of the minutes of excursions; degree-minutes beyond the band in the detail",
        _BANDS, _EXCURSION_CASES,
        excursions.measure_time, tolerance=1e-12, limits=(*cold_chain.BAND_LIMITS, excursions.HOLD),
    ),
    Metric(
        "chilled_kinetic_temperature", "mean kinetic temperature, chilled", "冷藏平均动力学温度", "degC",
        Facility.COLD_CHAIN, frozenset({"chilled_cabinet"}), ("temperature",),
        _KINETIC, "USP <1079.2>", _KINETIC_CASES, kinetic_temperature.measure_chilled, tolerance=1e-9,
    ),
    Metric(
        "frozen_kinetic_temperature", "mean kinetic temperature, frozen", "冷冻平均动力学温度", "degC",
        Facility.COLD_CHAIN, frozenset({"frozen_cabinet"}), ("temperature",),
        _KINETIC, "USP <1079.2>", _KINETIC_CASES, kinetic_temperature.measure_frozen, tolerance=1e-9,
    ),
)  # fmt: skip
