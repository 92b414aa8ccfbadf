"""How the cells of the CSV files are written: dates, times, yes and no, names, and words from a closed list.

What a value of each type may say is checked here, with a message that tells its author what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, time
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from edge.wire.model import Identifier
from edge.wire.personal_data import forbidden_names
from edge.wire.quantities import QUANTITIES
from edge.wire.series import Channel
from ingest.registry.formats import FORMATS
from ingest.registry.points import FACILITY_KINDS

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_BOOLEANS = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False, "是": True, "否": False}


def _date(value: Any) -> Any:
    # Left to itself, pydantic reads 20260131 as a number of seconds since 1970.
    if isinstance(value, str) and not _DATE.fullmatch(value):
        msg = "write the date as 2026-01-31"
        raise ValueError(msg)
    return value


def _time(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = _TIME.fullmatch(value)
    hour, minute, second = (int(part or 0) for part in match.groups()) if match else (99, 0, 0)
    if (hour, minute, second) == (24, 0, 0):
        return time(0)
    if hour > 23 or minute > 59 or second > 59:
        msg = "write the time as 09:30 (24:00 is the end of the day)"
        raise ValueError(msg)
    return time(hour, minute, second)


def _boolean(value: Any) -> Any:
    if isinstance(value, str):
        if value.lower() not in _BOOLEANS:
            msg = "write true or false"
            raise ValueError(msg)
        return _BOOLEANS[value.lower()]
    return value


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _time_zone(value: str) -> str:
    if value not in _time_zones():
        msg = f"'{value}' is not an IANA time zone; write one such as Asia/Shanghai"
        raise ValueError(msg)
    return value


def _one_of(known: Collection[str], what: str) -> AfterValidator:
    def check(value: str) -> str:
        if value not in known:
            msg = f"'{value}' is not {what}; known: {', '.join(sorted(known))}"
            raise ValueError(msg)
        return value

    return AfterValidator(check)


def _not_personal(value: str) -> str:
    if names := forbidden_names({"device": value}):
        msg = f"'{value}' holds words of the deny-list of personal data ({', '.join(names)}); choose another name"
        raise ValueError(msg)
    return value


Day = Annotated[date, BeforeValidator(_date)]
TimeOfDay = Annotated[time, BeforeValidator(_time)]
YesNo = Annotated[bool, BeforeValidator(_boolean)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
OptionalText = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
TimeZoneName = Annotated[str, AfterValidator(_time_zone)]
DeviceId = Annotated[Identifier, AfterValidator(_not_personal)]
QuantityName = Annotated[str, _one_of(QUANTITIES, "a quantity of this platform")]
Number = Annotated[int, Field(gt=0, lt=2**31)]
Area = Annotated[float, Field(gt=0)]
FormatCode = Annotated[str, _one_of(FORMATS, "a store format of GB/T 18106-2021")]
FacilityName = Annotated[str, _one_of(FACILITY_KINDS, "a facility")]
ChannelName = Annotated[Channel, AfterValidator(_not_personal)]
