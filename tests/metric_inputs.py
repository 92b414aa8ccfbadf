"""Inputs of metric functions, made from plain lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import time
from typing import Any

import numpy as np

from analytics.gaps import Account
from analytics.metrics.inputs import Audit, Inputs, Observed, SeriesArrays
from analytics.metrics.spans import Spans
from analytics.results import Completeness
from analytics.windows import Window, local_days, opening_spans
from edge.wire.quantities import QUANTITIES
from edge.wire.series import Counter, Kind, Series

EVER = Spans.of([(-(2**62), 2**62)])


def claimed(account: Account) -> Completeness:
    """Return the completeness of an account that claims one."""
    assert account.completeness is not None
    return account.completeness


def arrays(series: Series, t_us: Sequence[int] | Any, values: Sequence[float] | Any) -> SeriesArrays:
    """Return rows of a series."""
    times = np.asarray(t_us, dtype=np.int64)
    none = np.zeros(times.size, dtype=np.int16)
    return SeriesArrays(series, times, none, np.asarray(values, dtype=np.float64), none)


def observed(
    quantity: str,
    t_us: Sequence[int] | Any,
    values: Sequence[float] | Any,
    *,
    device: str = "device",
    kind: Kind = Kind.INTERVAL,
    period_s: float | None = 300.0,
    counter: Counter | None = None,
    **facts: Any,
) -> Observed:
    """Return a registered series with its rows."""
    series = Series(
        device=device,
        quantity=quantity,
        unit=QUANTITIES[quantity].unit,
        kind=kind,
        period_s=period_s,
        counter=counter,
    )
    rows = arrays(series, t_us, values)
    made = Observed(
        device=device,
        quantity=quantity,
        channel="",
        agent="agent",
        point_id=f"{device}-point",
        point_kind="",
        perimeter=True,
        point_count=1,
        inverted=False,
        accuracy=None,
        registered=EVER,
        period_us=round((period_s or 300.0) * 1e6),
        parts=(rows,) if rows.t_us.size else (),
    )
    return replace(made, **facts)


def inputs(
    window: Window,
    series: Iterable[Observed],
    *,
    audits: Iterable[Audit] = (),
    limits: Mapping[str, float] | None = None,
    wanted: Spans | None = None,
    opens_at: time = time(),
    closes_at: time = time(),
    business_day_start: time = time(),
) -> Inputs:
    """Return the inputs of a metric function over a window."""
    return Inputs(
        window=window,
        days=local_days(window, business_day_start),
        midnights_us=local_days(window).bounds_us,
        opening=opening_spans(window, opens_at, closes_at),
        wanted=wanted or window.spans,
        series=tuple(series),
        audits=tuple(audits),
        limits=limits or {},
    )
