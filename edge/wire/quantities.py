"""The vocabulary of quantities: one name and one unit for each, in code, tables, interfaces and pages."""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple

from edge.wire.series import Kind, Unit


class QuantityName(NamedTuple):
    """A quantity's unit, the kinds in which it is reported, and its names."""

    unit: Unit
    kinds: frozenset[Kind]
    name_en: str
    name_zh: str


def _of(unit: Unit, kinds: tuple[Kind, ...], name_en: str, name_zh: str) -> QuantityName:
    return QuantityName(unit, frozenset(kinds), name_en, name_zh)


_COUNTED = (Kind.INTERVAL, Kind.CUMULATIVE)

QUANTITIES = MappingProxyType(
    {
        "entries": _of(Unit.COUNT, _COUNTED, "entries", "进入人次"),
        "exits": _of(Unit.COUNT, _COUNTED, "exits", "离开人次"),
        "stock_units": _of(Unit.COUNT, (Kind.GAUGE,), "units on the shelf", "货架在架件数"),
        "label_updates_requested": _of(Unit.COUNT, (Kind.INTERVAL,), "label updates requested", "价签更新请求"),
        "label_updates_confirmed": _of(Unit.COUNT, (Kind.INTERVAL,), "label updates confirmed", "价签更新确认"),
        "label_updates_failed": _of(Unit.COUNT, (Kind.INTERVAL,), "label updates failed", "价签更新失败"),
        "active_energy": _of(Unit.KILOWATT_HOUR, (Kind.CUMULATIVE,), "active energy", "有功电能"),
        "carbon_dioxide": _of(Unit.PPM, (Kind.GAUGE,), "carbon dioxide", "二氧化碳"),
        "temperature": _of(Unit.CELSIUS, (Kind.GAUGE,), "temperature", "温度"),
        "relative_humidity": _of(Unit.PERCENT, (Kind.GAUGE,), "relative humidity", "相对湿度"),
        "bay_occupied": _of(Unit.STATE, (Kind.STATE,), "bay occupied", "车位占用"),
        "device_online": _of(Unit.STATE, (Kind.STATE,), "device online", "设备在线"),
    }
)
