"""A district's figure: the measured sum over the stores that qualify, and apart an estimate of what it leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum, sqrt

from analytics.catalogue.metric import Metric
from analytics.metrics.intervals import LEVEL
from analytics.metrics.overdispersion import spread
from analytics.results import DistrictSum, Interval, RestEstimate, Result, Text

_LEAST_STORES = 3
"""Stores that must have moved from their like period for their differences to tell how far another may be off."""
_NOT_UNIQUE = Text(
    en="A sum of store counts: whoever enters two stores counts twice. It is not a number of unique visitors.",
    zh="各门店计数之和：进入两家门店的人计两次，不是去重后的访客数。",
)
_NOTES = {"footfall_entries": _NOT_UNIQUE}
_SUMMED = "sum over stores: confidence intervals as independent (squares add), hard bounds as they are"


def district_sum(metric: Metric, results: Mapping[str, Result]) -> DistrictSum:
    """Return the sum over the stores that have a value; a sum of counts stays a whole number.

    Parameters
    ----------
    results
        The metric's result of each store of the district, by store.
    """
    values = {store_id: result.value for store_id, result in results.items() if result.value is not None}
    return DistrictSum(
        metric=metric.name,
        name=Text(en=metric.name_en, zh=metric.name_zh),
        unit=metric.unit,
        value=sum(values.values()) if values else None,
        interval=sum_of_intervals([results[store_id].interval for store_id in values]),
        stores_included=tuple(values),
        stores_excluded=tuple(store_id for store_id in results if store_id not in values),
        rest=estimate_of_rest(results),
        note=_NOTES.get(metric.name),
    )


def sum_of_intervals(intervals: list[Interval | None]) -> Interval | None:
    """Return the interval of a sum over independent stores, None where one has none or there is none.

    Notes
    -----
    Confidence intervals of one level: midpoints add, half widths add as squares. Hard bounds add end by end; hard
    where all are.

    Examples
    --------
    >>> parts = [Interval(low=90, high=110, level=0.95, method=""), Interval(low=185, high=215, level=0.95, method="")]
    >>> total = sum_of_intervals([*parts, Interval(low=1, high=3, level=None, method="")])
    >>> round(total.low, 3), round(total.high, 3)
    (282.972, 321.028)
    """
    known = [interval for interval in intervals if interval is not None]
    levels = {interval.level for interval in known} - {None}
    if not known or len(known) < len(intervals) or len(levels) > 1:
        return None
    likely = [interval for interval in known if interval.level is not None]
    hard = [interval for interval in known if interval.level is None]
    centre = fsum((interval.low + interval.high) / 2 for interval in likely)
    half = sqrt(fsum(((interval.high - interval.low) / 2) ** 2 for interval in likely))
    low = centre - half + fsum(interval.low for interval in hard)
    high = centre + half + fsum(interval.high for interval in hard)
    return Interval(low=low, high=high, level=next(iter(levels), None), method=_SUMMED)


@dataclass(frozen=True, slots=True)
class _Guess:
    """An estimate and the square of its deviation at ``LEVEL``, None where nothing tells it."""

    value: float
    square: float | None


def estimate_of_rest(results: Mapping[str, Result]) -> RestEstimate | None:
    """Return the estimate of what a measured sum leaves out: excluded stores, and gaps of those in it.

    Notes
    -----
    An excluded store: its own value of the like period before, times the ratio (of sums) by which the stores that
    have both have moved since; the error from the differences between those stores (ratio estimator, Cochran 1977,
    section 6.3), told by three of them or more. A gap: what the store's own result imputes. None where neither is.
    """
    excluded = {s: r for s, r in results.items() if r.value is None and r.completeness is not None}
    before = {s: float(r.change.value) for s, r in excluded.items() if r.change is not None and r.change.value}
    gaps = {s: r.detail for s, r in results.items() if r.value is not None and r.detail.get("imputed")}
    if not before and not gaps:
        return None
    stores = _scaled(list(before.values()), _pairs(results)) if before else _Guess(0.0, 0.0)
    value = stores.value + fsum(detail["imputed"] for detail in gaps.values())
    half = None
    if stores.square is not None:
        half = sqrt(stores.square + fsum((d["imputed_high"] - d["imputed"]) ** 2 for d in gaps.values()))
    method = _method(bool(before), bool(gaps), told=stores.square is not None)
    return RestEstimate(
        value=value,
        interval=None
        if half is None
        else Interval(low=max(0.0, value - half), high=value + half, level=LEVEL, method=method.en),
        stores=tuple(before),
        gaps_of=tuple(gaps),
        stores_without=tuple(s for s, r in results.items() if r.value is None and s not in before),
        method=method,
    )


def _pairs(results: Mapping[str, Result]) -> list[tuple[float, float]]:
    """Return (before, now) of the stores that have both."""
    return [
        (float(r.change.value), float(r.value))
        for r in results.values()
        if r.value is not None and r.change is not None and r.change.value
    ]


def _scaled(before: list[float], pairs: list[tuple[float, float]]) -> _Guess:
    """Return what stores of these former values have now, if they moved as the others did."""
    asked, were = fsum(before), fsum(b for b, _ in pairs)
    ratio = fsum(now for _, now in pairs) / were if pairs else 1.0
    if len(pairs) < _LEAST_STORES:
        return _Guess(ratio * asked, None)
    freedom = len(pairs) - 1
    variance = fsum((now - ratio * b) ** 2 / b for b, now in pairs) / freedom
    return _Guess(ratio * asked, spread(LEVEL, freedom) ** 2 * variance * (asked + asked**2 / were))


def _method(of_stores: bool, of_gaps: bool, *, told: bool) -> Text:
    en, zh = [], []
    if of_stores:
        en.append("excluded stores: their like period before, moved as the stores measured in both have")
        zh.append("未计入门店：以其上一同类时段的数值，按两个时段均有数值的门店的合计变化推算")
        if not told:
            en.append(f"fewer than {_LEAST_STORES} such stores: no interval")
            zh.append(f"此类门店不足 {_LEAST_STORES} 家，不给区间")
    if of_gaps:
        en.append("gaps: imputed from like slots of other days, as counted")
        zh.append("数据缺口：按其他日期的同类时段推算（计数口径）")
    return Text(en="; ".join(en), zh="；".join(zh))
