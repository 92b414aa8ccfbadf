"""Times that devices state, as microseconds of UTC, with the flag that says how far to trust them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from edge.decoders.payload import PayloadRefusedError
from edge.wire.batch import Flag

_REPEATED_HOUR_S = 3600.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET = re.compile(r"^(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?$")


def epoch_us(seconds: float) -> int:
    """Return an epoch in seconds as microseconds; a refusal ``time`` outside the years 1970 to 2100."""
    if not 0 <= seconds < 4_102_444_800:
        raise PayloadRefusedError("time", "the epoch is not in seconds between the years 1970 and 2100")
    return round(seconds * 1_000_000)


def instant_us(moment: datetime) -> int:
    """Return an aware moment as microseconds."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def stated(text: str, zone: ZoneInfo | timezone | None, form: str | None = None) -> tuple[int, int]:
    """Return (microseconds of UTC, flags) of a time as the device states it.

    ISO 8601 unless ``form`` (of ``strptime``) is given. A naive time is local to ``zone``; in a repeated hour the first
    of the two is taken and flagged ``AMBIGUOUS_LOCAL_TIME``, in a skipped one ``CLOCK_SUSPECT``. A refusal ``time``
    where it cannot be read, or is naive and no zone is configured.
    """
    try:
        moment = datetime.strptime(text, form) if form else datetime.fromisoformat(text)
    except ValueError:
        raise PayloadRefusedError("time", "the stated time cannot be read") from None
    try:
        if moment.tzinfo is not None:
            return instant_us(moment), Flag.NONE
        if zone is None:
            raise PayloadRefusedError("time", "the stated time has no zone; name time_zone in the decoder's options")
        first, second = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
        before, after = first.utcoffset(), second.utcoffset()
        flag = Flag.NONE
        if before is not None and after is not None and before != after:
            flag = Flag.AMBIGUOUS_LOCAL_TIME if before > after else Flag.CLOCK_SUSPECT
        return instant_us(first), flag
    except OverflowError:
        raise PayloadRefusedError("time", "the stated time is outside the years that can be told") from None


def fixed_offset(text: str) -> timezone | None:
    """Return the zone of a text such as ``UTC+8:00``; None where it is not one.

    Examples
    --------
    >>> fixed_offset("UTC+8:00").utcoffset(None)
    datetime.timedelta(seconds=28800)
    """
    match = _OFFSET.match(text)
    if match is None:
        return None
    hours, minutes = int(match[2]), int(match[3] or 0)
    if hours > 14 or minutes > 59:
        return None
    shift = timedelta(hours=hours, minutes=minutes)
    return timezone(shift if match[1] == "+" else -shift)


def clock_flags(device_us: int, at_us: int, allowed_s: float, flags: int = Flag.NONE) -> int:
    """Return the flags of a stated live time, with ``CLOCK_SUSPECT`` where it is too far from the arrival.

    A time in a repeated hour may be that hour away from the arrival: its own flag says so already.
    """
    if flags & Flag.AMBIGUOUS_LOCAL_TIME:
        allowed_s += _REPEATED_HOUR_S
    return int(flags | (Flag.CLOCK_SUSPECT if abs(device_us - at_us) > allowed_s * 1_000_000 else Flag.NONE))
