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


_COUNTED = (Kind.INTERVAL, Kind.CUMULATIVE, Kind.EVENT)
_UPDATES = (Kind.INTERVAL, Kind.EVENT)

QUANTITIES = MappingProxyType(
    {
        "entries": _of(Unit.COUNT, _COUNTED, "entries", "进入人次"),
        "exits": _of(Unit.COUNT, _COUNTED, "exits", "离开人次"),
        "entries_total": _of(Unit.COUNT, (Kind.CUMULATIVE,), "entries, the device's own total", "设备累计进入人次"),
        "exits_total": _of(Unit.COUNT, (Kind.CUMULATIVE,), "exits, the device's own total", "设备累计离开人次"),
        "passages": _of(Unit.COUNT, _COUNTED, "passages without a direction", "通过人次"),
        "passages_total": _of(Unit.COUNT, (Kind.CUMULATIVE,), "passages, the device's own total", "设备累计通过人次"),
        "occupancy": _of(Unit.COUNT, (Kind.GAUGE,), "persons present", "在场人数"),
        "occupancy_max": _of(Unit.COUNT, (Kind.GAUGE,), "most persons present at once", "时段在场人数峰值"),
        "zone_dwell": _of(Unit.SECOND, (Kind.GAUGE,), "mean stay in a zone", "区域平均停留时间"),
        "stock_units": _of(Unit.COUNT, (Kind.GAUGE,), "units on the shelf", "货架在架件数"),
        "shelf_mass": _of(Unit.KILOGRAM, (Kind.GAUGE,), "mass on the shelf", "货架称重"),
        "scale_mass": _of(Unit.KILOGRAM, (Kind.GAUGE,), "mass on a scale", "秤上重量"),
        "shelf_distance": _of(Unit.MILLIMETRE, (Kind.GAUGE,), "distance to the goods", "到货物距离"),
        "label_updates_requested": _of(Unit.COUNT, _UPDATES, "label updates requested", "价签更新请求"),
        "label_updates_confirmed": _of(Unit.COUNT, _UPDATES, "label updates confirmed", "价签更新确认"),
        "label_updates_failed": _of(Unit.COUNT, _UPDATES, "label updates failed", "价签更新失败"),
        "label_update_latency": _of(Unit.SECOND, (Kind.EVENT,), "time to confirm a label update", "价签更新耗时"),
        "active_energy": _of(Unit.KILOWATT_HOUR, (Kind.CUMULATIVE,), "active energy", "有功电能"),
        "active_energy_used": _of(Unit.KILOWATT_HOUR, (Kind.INTERVAL,), "active energy of an interval", "时段有功电能"),
        "active_energy_today": _of(
            Unit.KILOWATT_HOUR, (Kind.CUMULATIVE,), "active energy since midnight", "当日有功电能"
        ),
        "reactive_energy": _of(Unit.KILOVAR_HOUR, (Kind.CUMULATIVE,), "reactive energy", "无功电能"),
        "active_energy_export": _of(Unit.KILOWATT_HOUR, (Kind.CUMULATIVE,), "active energy fed back", "反向有功电能"),
        "active_power": _of(Unit.WATT, (Kind.GAUGE,), "active power", "有功功率"),
        "reactive_power": _of(Unit.VAR, (Kind.GAUGE,), "reactive power", "无功功率"),
        "apparent_power": _of(Unit.VOLT_AMPERE, (Kind.GAUGE,), "apparent power", "视在功率"),
        "voltage": _of(Unit.VOLT, (Kind.GAUGE,), "voltage", "电压"),
        "current": _of(Unit.AMPERE, (Kind.GAUGE,), "current", "电流"),
        "power_factor": _of(Unit.ONE, (Kind.GAUGE,), "power factor", "功率因数"),
        "frequency": _of(Unit.HERTZ, (Kind.GAUGE,), "frequency", "频率"),
        "water_volume": _of(Unit.CUBIC_METRE, (Kind.CUMULATIVE,), "water", "用水量"),
        "carbon_dioxide": _of(Unit.PPM, (Kind.GAUGE,), "carbon dioxide", "二氧化碳"),
        "temperature": _of(Unit.CELSIUS, (Kind.GAUGE,), "temperature", "温度"),
        "relative_humidity": _of(Unit.PERCENT, (Kind.GAUGE,), "relative humidity", "相对湿度"),
        "formaldehyde": _of(Unit.MILLIGRAM_PER_CUBIC_METRE, (Kind.GAUGE,), "formaldehyde", "甲醛"),
        "volatile_organics": _of(Unit.MICROGRAM_PER_CUBIC_METRE, (Kind.GAUGE,), "volatile organics", "挥发性有机物"),
        "air_quality_index": _of(Unit.ONE, (Kind.GAUGE,), "air quality index of the device", "设备空气质量指数"),
        "pm2_5": _of(Unit.MICROGRAM_PER_CUBIC_METRE, (Kind.GAUGE,), "particles PM2.5", "细颗粒物PM2.5"),
        "pm10": _of(Unit.MICROGRAM_PER_CUBIC_METRE, (Kind.GAUGE,), "particles PM10", "颗粒物PM10"),
        "air_pressure": _of(Unit.HECTOPASCAL, (Kind.GAUGE,), "air pressure", "气压"),
        "illuminance": _of(Unit.LUX, (Kind.GAUGE,), "illuminance", "照度"),
        "door_open": _of(Unit.STATE, (Kind.STATE,), "door open", "门开启"),
        "switch_on": _of(Unit.STATE, (Kind.STATE,), "switched on", "开关接通"),
        "water_leak": _of(Unit.STATE, (Kind.STATE,), "water leak", "漏水"),
        "alarm": _of(Unit.STATE, (Kind.STATE,), "alarm of the device", "设备告警"),
        "bay_occupied": _of(Unit.STATE, (Kind.STATE,), "bay occupied", "车位占用"),
        "vehicles_present": _of(Unit.COUNT, (Kind.GAUGE,), "vehicles present", "在场车辆数"),
        "equipment_running": _of(Unit.STATE, (Kind.STATE,), "equipment running", "设备运行"),
        "equipment_fault": _of(Unit.STATE, (Kind.STATE,), "equipment fault", "设备故障"),
        "screen_online": _of(Unit.STATE, (Kind.STATE,), "screen online", "屏幕在线"),
        "screen_plays": _of(Unit.COUNT, _COUNTED, "plays shown", "播放次数"),
        "transactions": _of(Unit.COUNT, _COUNTED, "transactions", "交易笔数"),
        "items_scanned": _of(Unit.COUNT, (Kind.INTERVAL, Kind.EVENT), "items scanned", "扫码件数"),
        "patrol_point_visited": _of(Unit.COUNT, (Kind.EVENT,), "patrol point visited", "巡检点打卡"),
        "boot": _of(Unit.COUNT, (Kind.EVENT,), "device started", "设备启动"),
        "counter_reset": _of(Unit.COUNT, (Kind.EVENT,), "counter reset", "计数器清零"),
        "running_time": _of(Unit.SECOND, (Kind.GAUGE,), "time since the device started", "设备运行时长"),
        "clock_offset": _of(Unit.SECOND, (Kind.GAUGE,), "offset of the device's clock", "设备时钟偏差"),
        "message_sequence": _of(Unit.COUNT, (Kind.CUMULATIVE,), "number of the device's message", "设备消息序号"),
        "battery": _of(Unit.PERCENT, (Kind.GAUGE,), "battery", "电量"),
        "battery_voltage": _of(Unit.VOLT, (Kind.GAUGE,), "battery voltage", "电池电压"),
        "packages_dropped": _of(Unit.COUNT, (Kind.CUMULATIVE,), "packages dropped by the device", "设备丢弃数据包"),
        "device_online": _of(Unit.STATE, (Kind.STATE,), "device online", "设备在线"),
    }
)
