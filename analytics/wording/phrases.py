"""The parts of a result in words, the same on pages and in tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from math import ceil, floor

from analytics.results import Completeness, Coverage, Gap, Interval, LimitCheck, RestEstimate, Result, Status
from analytics.wording import formats, texts
from analytics.wording.language import Language
from analytics.wording.texts import either, say
from edge.wire.quantities import QUANTITIES
from edge.wire.series import Origin

_LEAST_RATIO = 0.0005
"""Relative changes that one decimal of per cent would show as none are left to the difference."""


def state(status: Status, language: Language) -> str:
    """Return a state in words."""
    return say(f"state.{status}", language)


def value(result: Result, language: Language) -> str | None:
    """Return the value with its unit, None where there is no number."""
    return None if result.value is None else formats.quantity(result.value, result.unit, language)


def interval(result: Result, language: Language) -> str | None:
    """Return the bounds of a result's true value, see ``bounds``; None where there are none."""
    return bounds(result.interval, result.value, result.unit, language)


def bounds(of: Interval | None, shown: float | None, unit: str, language: Language) -> str | None:
    """Return the bounds of a true value: a confidence interval by its level, hard bounds as certain.

    Bounds of counts are widened to whole ones. Bounds that round to the value shown say only that it is certain.
    """
    if of is None:
        return None
    ends = (floor(of.low), ceil(of.high)) if unit == "count" else (of.low, of.high)
    low, high = (formats.quantity(end, unit, language) for end in ends)
    if of.level is not None:
        return say("phrase.confidence", language, low=low, high=high, level=formats.round_percent(of.level))
    if shown is not None and low == high == formats.quantity(shown, unit, language):
        return say("phrase.certain", language)
    return say("phrase.bounds", language, low=low, high=high)


def rest(of: RestEstimate, unit: str, names: Mapping[str, str], language: Language) -> str:
    """Return the estimate of what a sum leaves out, with what it stands for and its range where that is told."""
    value = float(round(of.value)) if unit == "count" else of.value
    shown = formats.quantity(value, unit, language)
    if of.interval is not None:
        ends = (
            (floor(of.interval.low), ceil(of.interval.high)) if unit == "count" else (of.interval.low, of.interval.high)
        )
        low, high = (formats.quantity(end, unit, language) for end in ends)
        level = formats.round_percent(of.interval.level or 0.0)
        shown = say("phrase.rest_range", language, value=shown, low=low, high=high, level=level)
    separator = say("phrase.separator", language)
    parts = [
        say(key, language, names=separator.join(names.get(store, store) for store in stores))
        for key, stores in (("phrase.rest_stores", of.stores), ("phrase.rest_gaps", of.gaps_of))
        if stores
    ]
    return say("phrase.rest", language, value=shown, what=separator.join(parts), method=texts.of(of.method, language))


def miscounted(result: Result, language: Language) -> str | None:
    """Return which way the counters err where the count itself lies outside the bounds of the true value."""
    if result.value is None or result.interval is None or result.unit != "count":
        return None
    if result.value < result.interval.low:
        return say("phrase.misses_gaps" if "imputed" in result.detail else "phrase.misses", language)
    return say("phrase.counts_twice", language) if result.value > result.interval.high else None


def coverage(points: Coverage, language: Language) -> str | None:
    """Return the points instrumented of those that exist, None where none exists."""
    if points.points_exist == 0:
        return None
    have, exist = formats.number(points.points_instrumented), formats.number(points.points_exist)
    return say("phrase.points", language, have=have, exist=exist)


def received(completeness: Completeness, language: Language) -> str:
    """Return the readings received of those expected."""
    counts = {"received": formats.number(completeness.received), "expected": formats.number(completeness.expected)}
    return say("phrase.received", language, **counts)


def quantity_name(quantity: str, language: Language) -> str:
    """Return the name of a quantity; the quantity itself where the vocabulary lacks it."""
    known = QUANTITIES.get(quantity)
    if known is None:
        return quantity
    return known.name_zh if language is Language.ZH else known.name_en


def gap(missing: Gap, time_zone: str, language: Language) -> str:
    """Return what is missing of which device, from when to when, by the local clock and in UTC."""
    return say(
        "phrase.gap",
        language,
        device=missing.device,
        quantity=quantity_name(missing.quantity, language),
        start=formats.instant(missing.start, time_zone, language),
        end=formats.instant(missing.end, time_zone, language),
        utc=formats.utc_span(missing.start, missing.end),
        kind=gap_kind(missing, language),
    )


def gap_kind(missing: Gap, language: Language) -> str:
    """Return why readings are missing: removed since, declared lost, or nobody knows."""
    if missing.removed:
        return say("phrase.removed_gap", language)
    return say("phrase.declared_gap" if missing.declared else "phrase.undeclared_gap", language)


def limit(check: LimitCheck, language: Language) -> str:
    """Return a limit with its scheme and how official it is."""
    return say(
        "phrase.limit",
        language,
        bound=either(f"limit_bound.{check.key.rpartition('.')[2]}", check.key, language),
        value=formats.limit(check.value, check.unit, language),
        scheme=check.scheme,
        status=either(f"limit_status.{check.status}", check.status, language),
    )


def change(result: Result, language: Language) -> str | None:
    """Return the change on the like period before, or why there is none; None where there is nothing to compare."""
    against, unit = result.change, result.unit
    if against is None or result.value is None:
        return None
    window = formats.window(against.window, language)
    if against.difference is None:
        return say("phrase.change_missing", language, window=window, state=state(against.status, language))
    if against.difference == 0:
        return say("phrase.change_same", language, window=window)
    difference = _difference(against.difference, unit, language)
    if unit in ("ratio", "h") or against.ratio is None or abs(against.ratio) < _LEAST_RATIO:
        return say("phrase.change_plain", language, difference=difference, window=window)
    ratio = _signed(against.ratio, formats.percent(abs(against.ratio)))
    return say("phrase.change", language, difference=difference, ratio=ratio, window=window)


def origins(of: Iterable[Origin], language: Language) -> str:
    """Return the origins of readings as one phrase."""
    return say("evidence.separator", language).join(say(f"origin.{origin}", language) for origin in of)


def not_evidence(evidence: bool, of: Collection[Origin], language: Language) -> str | None:
    """Return why an answer is no evidence, None where it is."""
    if evidence:
        return None
    unproven = [origin for origin in of if origin is not Origin.MEASURED]
    if unproven:
        return say("evidence.why", language, origins=origins(unproven, language))
    return say("evidence.simulated_store" if of else "evidence.no_readings", language)


def _difference(difference: float, unit: str, language: Language) -> str:
    """Return a difference with its sign; of ratios in percentage points, which nobody takes for a relative change."""
    if unit == "ratio":
        points = _signed(difference, formats.number(abs(difference) * 100, 1))
        return say("phrase.percentage_points", language, points=points)
    if unit == "h":
        return _signed(difference, f"{formats.number(abs(difference), 0)}{formats.unit_suffix(unit, language)}")
    return _signed(difference, formats.quantity(abs(difference), unit, language))


def _signed(amount: float, magnitude: str) -> str:
    return f"+{magnitude}" if amount > 0 else f"\N{MINUS SIGN}{magnitude}"
