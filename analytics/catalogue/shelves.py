"""Shelves: the metrics of this area."""

from __future__ import annotations

from analytics.catalogue.metric import Basis, Metric
from analytics.metrics import picks, shelves, stockouts
from analytics.results import Facility

_POSITION = frozenset({"shelf_position"})
_STOCK = ("stock_units",)
_ECR = "ECR, on-shelf availability (ecrireland.ie/osa)"
_UNSEEN = "time without readings is in neither part; a shelf emptied and refilled between two readings isn't seen"
_STEPS_NOTE = "the least that there was: what is taken and put on between two readings cancels, so no bounds are given"

METRICS = (
    Metric(
        "on_shelf_availability", "on-shelf availability", "货架有货率", "ratio", Facility.SHELVES, _POSITION, _STOCK,
        "position-time with stock_units >= 1 / observed position-time, in opening hours",
        _ECR, _UNSEEN, shelves.measure, basis=Basis.OPENING_HOURS, tolerance=1e-12,
    ),
    Metric(
        "out_of_stock_rate", "out-of-stock rate", "货架缺货率", "ratio", Facility.SHELVES, _POSITION, _STOCK,
        "1 - on-shelf availability, in opening hours",
        "Gruen and Corsten 2008, retail out-of-stocks; " + _ECR, _UNSEEN,
        shelves.measure_out_of_stock, basis=Basis.OPENING_HOURS, tolerance=1e-12,
    ),
    Metric(
        "out_of_stock_spells", "out-of-stock spells", "缺货次数", "count", Facility.SHELVES, _POSITION, _STOCK,
        "number of spells of stock_units < 1 that began in opening hours and lasted for the shortest spell or longer",
        "Gruen and Corsten 2008, retail out-of-stocks",
        "positions empty at opening, after a gap or at the window's start did not begin here; a spell cut by close, "
        "gap or window's end counts where it had lasted long enough by then",
        stockouts.measure_spells, basis=Basis.OPENING_HOURS, limits=("shelves.shortest_spell",),
    ),
    Metric(
        "out_of_stock_duration", "duration of an out-of-stock spell, median", "缺货时长中位数", "min",
        Facility.SHELVES, _POSITION, _STOCK,
        "median of the spells' durations by Kaplan-Meier; open at close, at a gap or at the window's end: censored",
        "Gruen and Corsten 2008, retail out-of-stocks; Kaplan and Meier 1958",
        "of spells that lasted for the shortest spell or longer; none is given where too few ended to reach the median",
        stockouts.measure_duration, basis=Basis.OPENING_HOURS, tolerance=1e-12, limits=("shelves.shortest_spell",),
    ),
    Metric(
        "replenishment_latency", "time to replenish, median", "补货耗时中位数", "min",
        Facility.SHELVES, _POSITION, _STOCK,
        "median by Kaplan-Meier of the opening hours from low (<= low share of the most seen) to restored (>= restored "
        "share of it)",
        "project definition, with hysteresis; Kaplan and Meier 1958",
        "closed hours don't count: a shelf filled in them took until close; censored at a gap or the window's end",
        stockouts.measure_latency, tolerance=1e-12, limits=("shelves.low_share", "shelves.restored_share"),
    ),
    Metric(
        "units_taken", "units taken from shelves", "取货件数", "count", Facility.SHELVES, _POSITION, _STOCK,
        "sum of the falls of stock_units between successive readings",
        "zeitlos, picks by the sign of a step", _STEPS_NOTE, picks.measure_taken,
    ),
    Metric(
        "units_put_on", "units put on shelves", "放回与补货件数", "count", Facility.SHELVES, _POSITION, _STOCK,
        "sum of the rises of stock_units between successive readings",
        "zeitlos, picks by the sign of a step",
        _STEPS_NOTE + "; returns by customers and refills by staff look the same", picks.measure_put_on,
    ),
)  # fmt: skip
