"""Which threshold is in force in a store on which day: this release's, else what somebody set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from analytics.metrics.spans import Float64, Int64
from ingest.alert_thresholds import default_thresholds
from ingest.store.alert_thresholds import SetThreshold

_FIRST_DAY = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What is set for a store, each after those that it takes precedence over (``thresholds_of``)."""

    set_for_store: Sequence[SetThreshold] = ()

    def on(self, name: str, day: date) -> float:
        """Return the value of a threshold on a local day; an unknown name is a KeyError.

        Examples
        --------
        >>> Thresholds().on("stuck.least_h", date(2026, 3, 2))
        6.0
        """
        value = default_thresholds()[name]
        for each in self.set_for_store:
            if each.name == name and each.valid_from <= day:
                value = each.value
        return value

    def by_day(self, name: str, day: Int64) -> Float64:
        """Return the value in force on each local day, given as days since 1970-01-01."""
        days, place = np.unique(day, return_inverse=True)
        values = [self.on(name, _FIRST_DAY + timedelta(days=each)) for each in days.tolist()]
        return np.array(values, dtype=np.float64)[place]
