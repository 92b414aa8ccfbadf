"""The last lock before sealing: what may not leave the device, or could not be carried by a batch, is stopped here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from edge import event_log
from edge.readings import Reading
from edge.wire.batch import DecoderRefusal
from edge.wire.decode import loosely
from edge.wire.personal_data import forbidden_names
from edge.wire.series import Series

_EARLIEST_US, _LATEST_US = -(2**61), 2**61
"""Times whose distance from each other still is an instant of the contract."""
_LARGEST_SMALLINT = 2**15 - 1
_FIX = "change the decoder so that it never passes such fields on"

log = event_log.get(__name__)


def screened_refusals(refusals: Iterable[DecoderRefusal]) -> tuple[list[DecoderRefusal], int]:
    """Return the refusals with what the deny-list stops replaced by empty texts, and how many payloads it stopped."""
    passed: list[DecoderRefusal] = []
    withheld = 0
    for refusal in refusals:
        names = forbidden_names([loosely(refusal.payload), refusal.detail])
        if names:
            withheld += 1
            log.warning("refused_payload_withheld", source=refusal.source, names=names, fix=_FIX)
        clean = {name: "" for name in ("payload", "detail") if names and getattr(refusal, name)}
        passed.append(refusal.model_copy(update=clean) if clean else refusal)
    return passed, withheld


def is_forbidden(series: Series) -> bool:
    """Tell whether a series' own names are personal data; logged, since such a series is a decoder's defect."""
    names = forbidden_names(series.model_dump(mode="json"))
    if names:
        log.warning("series_withheld", names=names, fix=_FIX)
    return bool(names)


def all_usable(readings: Sequence[Reading]) -> bool:
    """Tell, at the cost of a few passes in C, whether a batch can carry every one of these readings."""
    _, times, values, flags, ordinals = zip(*readings, strict=True)
    return (
        all(map(math.isfinite, values))
        and _EARLIEST_US <= min(times) <= max(times) <= _LATEST_US
        and min(flags) >= 0
        and max(flags) <= _LARGEST_SMALLINT
        and min(ordinals) >= 0
        and max(ordinals) <= _LARGEST_SMALLINT
    )


def unusable(reading: Reading) -> str | None:
    """Return why a batch cannot carry this reading, None where it can."""
    if not math.isfinite(reading.value):
        return "value_not_finite"
    if not _EARLIEST_US <= reading.t_us <= _LATEST_US:
        return "time_out_of_range"
    if not 0 <= reading.flags <= _LARGEST_SMALLINT:
        return "flags_out_of_range"
    if not 0 <= reading.ordinal <= _LARGEST_SMALLINT:
        return "ordinal_out_of_range"
    return None


def refused_reading(source: str, reading: Reading, reason: str, at_us: int) -> DecoderRefusal:
    """Return the record of a reading that no batch can carry."""
    return DecoderRefusal(
        source=source[:64],
        reason=reason,
        detail="the source yielded a reading outside the contract",
        payload=f"{reading.series.definition} t_us={reading.t_us} value={reading.value!r}"[:4096],
        at_us=at_us,
    )
