"""Local times of a zone to UTC, a block at a time; what a zone's change touches is left to be read one by one."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

_HOUR_US = 3_600_000_000
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_MOST_HOURS = 1_000_000


class LocalTime:
    """Converts local times of one zone, hour by hour of its clock; hours that were met are remembered."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._offsets: dict[int, int | None] = {}

    def to_utc(self, local_us: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return local times (µs since 1970, int64) as UTC, and which of them lie in hours of one offset alone."""
        hours, which = np.unique(local_us // _HOUR_US, return_inverse=True)
        found = [self._offset_us(hour) for hour in hours.tolist()]
        offsets = np.array([offset or 0 for offset in found], np.int64)
        plain = np.array([offset is not None for offset in found], bool)
        return local_us - offsets[which], plain[which]

    def _offset_us(self, hour: int) -> int | None:
        """Return the offset that holds all through an hour of the zone's clock, None where there is none such."""
        if hour not in self._offsets:
            if len(self._offsets) >= _MOST_HOURS:
                self._offsets.clear()
            self._offsets[hour] = self._looked_up(hour)
        return self._offsets[hour]

    def _looked_up(self, hour: int) -> int | None:
        try:
            edges = [_EPOCH + timedelta(hours=each) for each in (hour, hour + 1)]
            offsets = {edge.replace(tzinfo=self._zone, fold=fold).utcoffset() for edge in edges for fold in (0, 1)}
        except OverflowError:
            return None
        (offset, *others) = offsets
        return None if others or offset is None else offset // _MICROSECOND
