"""What to do next about a facility area, concretely, in both languages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from analytics.gaps import Silence
from analytics.results import AreaAnswer, Coverage, Facility, Result, Status, Text
from analytics.windows import Window, from_us

MOST_NAMED = 3
_MINUTE = "%Y-%m-%d %H:%M"
_POINTS = {
    Facility.TRAFFIC: Text(en="points at which people are counted", zh="客流计数点位"),
    Facility.SHELVES: Text(en="shelf positions", zh="货架陈列位"),
    Facility.LABELS: Text(en="shelf labels", zh="电子价签"),
    Facility.ENERGY: Text(en="meters", zh="电表"),
    Facility.AIR: Text(en="air zones", zh="空气监测区域"),
    Facility.COLD_CHAIN: Text(en="cold cabinets", zh="冷柜"),
    Facility.PARKING: Text(en="parking bays", zh="停车位"),
    Facility.SCREENS: Text(en="screens", zh="屏幕"),
    Facility.CHECKOUT: Text(en="self-checkouts", zh="自助收银机"),
    Facility.SENSING: Text(en="devices", zh="设备"),
}
_REASONS = {
    "no_time_to_measure": Text(
        en="The window holds no time in which this is measured (opening hours, registered devices): choose another.",
        zh="所选时段内没有可测量的时间（营业时间或已登记设备的时间），请选择更长的时段。",
    ),
    "no_limit_in_force": Text(
        en="No limit was in force in this window: choose a later window, or add the earlier limit to limits.toml.",
        zh="该时段内尚无生效的限值：请选择更晚的时段，或在 limits.toml 中补充当时的限值。",
    ),
    "nothing_requested": Text(
        en="No label update was requested in the window: choose a window with price changes.",
        zh="该时段内没有价签更新请求：请选择包含调价的时段。",
    ),
    "nobody_counted": Text(
        en="The counters ran and counted nobody: choose a window with opening hours, or check that they see the door.",
        zh="计数器运行正常但未计到任何人：请选择包含营业时间的时段，或检查计数器是否对准出入口。",
    ),
    "no_complete_period": Text(
        en="No whole hour or day in the window was received well enough: choose a longer window or fill the gaps.",
        zh="时段内没有接收完整的整点小时或整日：请选择更长的时段或补齐缺口。",
    ),
    "no_valid_hour": Text(
        en="No whole opening hour in the window has 45 minutes of readings: choose a longer window or fill the gaps.",
        zh="时段内没有任何营业整点小时达到 45 分钟有效读数：请选择更长的时段或补齐缺口。",
    ),
    "removed_by_retention": Text(
        en="Readings of this window were removed, as [retention] in the scheduler's settings says: choose a window "
        "that begins later, or keep readings for longer from now on.",
        zh="该时段的部分读数已按调度器设置中的 [retention] 删除：请选择更晚开始的时段，或从现在起延长读数的保存期。",
    ),
}
_REASONS |= {
    "no_spell": Text(
        en="No position ran out or low in the window: choose a longer window.",
        zh="该时段内没有陈列位缺货或低库存：请选择更长的时段。",
    ),
    "nothing_ended": Text(
        en="No spell was seen to end in the window: choose a longer window.",
        zh="该时段内未见任何一次结束：请选择更长的时段。",
    ),
    "too_few_ended": Text(
        en="Too few were seen to end in the window to tell this: choose a longer window.",
        zh="该时段内见到结束的次数过少，无法得出该值：请选择更长的时段。",
    ),
    "no_latency_reported": Text(
        en="No label gateway tells how long its updates take: register label_update_latency where the gateway has it.",
        zh="没有价签基站上报更新耗时：如基站支持，请登记 label_update_latency 序列。",
    ),
    "only_vehicles_counted": Text(
        en="The car park only counts the vehicles in it: bays with a sensor each tell how many come and how long they "
        "stay.",
        zh="停车场只统计在场车辆数：逐车位安装传感器后才能得出到达数和停放时长。",
    ),
    "no_vehicle_came": Text(
        en="No vehicle came in the window: choose a window with opening hours, or check the bay sensors.",
        zh="该时段内没有车辆到达：请选择包含营业时间的时段，或检查车位传感器。",
    ),
    "no_transaction": Text(
        en="There was no transaction in the window: choose a window with opening hours.",
        zh="该时段内没有交易：请选择包含营业时间的时段。",
    ),
    "no_till_reports": Text(
        en="No till reports its transactions, so the share of self-checkout can't be told: register the tills.",
        zh="没有收银台上报交易，无法得出自助收银占比：请登记收银台。",
    ),
    "no_increment": Text(
        en="No meter shows an increment: choose a window with two readings at least, or check the main meters' line.",
        zh="电表没有增量：请选择至少包含两次读数的时段，或检查总表的线路。",
    ),
    "no_floor_area": Text(
        en="No floor area is registered for this store: enter floor_area_m2 in stores.csv and import the registry.",
        zh="该门店未登记面积：请在 stores.csv 中填写 floor_area_m2 并导入登记文件。",
    ),
    "no_visitor_count": Text(
        en="No perimeter door is counted: register entries and exits of its counters in registered_series.csv.",
        zh="没有周界出入口计数：请在 registered_series.csv 中登记其计数器的进入和离开序列。",
    ),
    "no_closed_hours": Text(
        en="The window holds no closed hours: choose a whole day; a store that never closes has no night load.",
        zh="所选时段没有非营业时间：请选择整日；全天营业的门店没有夜间负荷。",
    ),
    "no_failure": Text(
        en="No device failed in this window: choose a longer one to learn the time between failures.",
        zh="该时段没有设备故障：如需了解故障间隔，请选择更长的时段。",
    ),
    "no_repair": Text(
        en="No failure began and ended in this window: choose a longer one to learn the time to repair.",
        zh="该时段没有开始并结束的故障：如需了解修复时间，请选择更长的时段。",
    ),
    "no_delay_known": Text(
        en="No reading of this window came live, so its delay says nothing: choose a window that agents reported.",
        zh="该时段没有实时到达的读数，无法判断延迟：请选择由采集代理上报的时段。",
    ),
    "never_audited": Text(
        en="No counter has been audited: count by hand beside each counter and enter the counts in audits.csv.",
        zh="计数器未经核验：请在每台计数器旁人工计数，并将结果填入 audits.csv。",
    ),
}
_REASONS["no_opening_hours"] = _REASONS["no_time_to_measure"]
_REASONS["no_complete_hour"] = _REASONS["no_complete_period"]
_REASONS |= {
    "no_capacity": Text(
        en="The store's capacity in persons is not registered: enter it as capacity in stores.csv.",
        zh="未登记门店容量：请在 stores.csv 的 capacity 中填写可容纳人数。",
    ),
    "no_day_that_ends_empty": Text(
        en="No business day lies whole in the window and ends with the store closed: choose whole days, or set "
        "business_day_start in stores.csv to an hour at which the store is closed.",
        zh="时段内没有完整且以闭店结束的营业日：请选择整日，或将 stores.csv 的 business_day_start 设为闭店时刻。",
    ),
    "no_stay_told": Text(
        en="The zone sensors ran and told no stay: choose a window with visitors, or check that they measure dwell.",
        zh="区域传感器运行正常但未报出停留时间：请选择有顾客的时段，或检查其停留测量是否开启。",
    ),
    "sides_at_unlike_hours": Text(
        en="The two sides of a ratio were seen together for less than 90 % of the time: fill the gaps of the side that "
        "was silent, or choose another window.",
        zh="比率的双方同时有数据的时间不足 90 %：请补齐缺失一方的数据，或选择其他时段。",
    ),
    "leave_before_coming": Text(
        en="By the counts people leave before they come: a counter is mounted the other way round, or a door has "
        "none. Check the doors, and the direction of their devices in devices.csv.",
        zh="按计数结果，人先离开后进入：可能有计数器装反或出入口未计数，请检查出入口及 devices.csv 的 direction。",
    ),
    "no_door_counted": Text(
        en="No perimeter door of this store has a counter, so there are no entries to relate to: install one and "
        "register its series in registered_series.csv.",
        zh="该门店的对外出入口没有计数器，无法计算比率：请安装计数器，并在 registered_series.csv 中登记其序列。",
    ),
    "nobody_passed": Text(
        en="The pavement counter ran and saw nobody pass: choose a window with opening hours, or check its view.",
        zh="过店计数器运行正常但未计到行人：请选择包含营业时间的时段，或检查其视野。",
    ),
    "nobody_served": Text(
        en="The tills counted no receipt: choose a window with opening hours, or check the receipts feed.",
        zh="收银台没有交易记录：请选择包含营业时间的时段，或检查交易数据接入。",
    ),
    "no_zone_area": Text(
        en="The area of the counted zones is not registered: enter area_m2 in zones.csv.",
        zh="未登记计数区域的面积：请在 zones.csv 中填写 area_m2。",
    ),
    "small_cell": Text(
        en="Too few persons were in the counted zones at once for a figure to be shown: choose a longer window, or "
        "make the zones larger.",
        zh="计数区域内同时在场人数过少，不予展示：请选择更长的时段，或扩大区域。",
    ),
}


def next_step(area: AreaAnswer, silent: Sequence[Silence], window: Window) -> Text | None:
    """Return what to do next about an area; None where nothing needs doing.

    The most pressing thing alone: points to declare or to instrument, silent devices, why there is no number, points
    without a device, counters without an audit.
    """
    points = _POINTS[area.facility]
    if area.status is Status.NOT_INSTALLED:
        return Text(
            en=f"No {points.en} are registered for this store. If it has some, declare them in points.csv (devices in "
            "devices.csv) and import the registry; otherwise nothing is measured here until they are installed.",
            zh=f"该门店未登记任何{points.zh}。如已有，请在 points.csv（设备在 devices.csv）中申报并导入登记文件；"
            "如没有，安装之前此项不作测量。",
        )
    if area.status is Status.DECLARED:
        return _instrument(area.facility, area.coverage)
    if silent:
        return _silent(silent, window)
    if area.status is Status.INSUFFICIENT:
        return _why(area.results)
    if area.coverage.points_instrumented < area.coverage.points_exist:
        return _cover(area.facility, area.coverage)
    return _down(area.results) if area.facility is Facility.SENSING else _audit(area.results)


def _down(results: Sequence[Result]) -> Text | None:
    down = [each for result in results for each in result.detail.get("devices_down", ())]
    if not down:
        return None
    named = [(each["device"], datetime.fromisoformat(each["since"]).strftime(_MINUTE)) for each in down[:MOST_NAMED]]
    more = len(down) - len(named)
    en = "; ".join(f"{device} since {at}" for device, at in named) + (f"; and {more} more" if more else "")
    zh = "；".join(f"{device} 自 {at} 起" for device, at in named) + (f"；另有 {more} 台" if more else "")
    return Text(
        en=f"These devices are offline, by their agent: {en}. Check their power and line, or replace them.",
        zh=f"采集代理报告以下设备离线：{zh}。请检查其电源和线路，或更换设备。",
    )


def _instrument(facility: Facility, coverage: Coverage) -> Text:
    points, number = _POINTS[facility], coverage.points_exist
    if facility is Facility.SENSING:
        return Text(
            en=f"No agent reports whether the registered devices ({number}) are online: let the agent publish "
            "device_online for each.",
            zh=f"已登记 {number} 台设备，但没有采集代理上报其在线状态：请让采集代理为每台设备发布 device_online。",
        )
    return Text(
        en=f"{number} {points.en} exist by declaration, none is instrumented: install devices and register their "
        "series in registered_series.csv.",
        zh=f"已申报 {number} 个{points.zh}，尚无设备测量：请安装设备，并在 registered_series.csv 中登记其数据序列。",
    )


def _cover(facility: Facility, coverage: Coverage) -> Text:
    points = _POINTS[facility]
    missing, number = coverage.points_exist - coverage.points_instrumented, coverage.points_exist
    if facility is Facility.SENSING:
        return Text(
            en=f"For {missing} of {number} devices no agent says whether they are online: let one publish "
            "device_online.",
            zh=f"{number} 台设备中有 {missing} 台没有采集代理上报在线状态：请发布其 device_online。",
        )
    return Text(
        en=f"{missing} of {number} {points.en} have no device: install one there, and register its series in "
        "registered_series.csv.",
        zh=f"{number} 个{points.zh}中有 {missing} 个没有设备：请安装设备，"
        "并在 registered_series.csv 中登记其数据序列。",
    )


def _silent(silent: Sequence[Silence], window: Window) -> Text:
    devices: dict[str, Silence] = {}
    for each in silent:
        devices.setdefault(each.device, each)
    named = list(devices.values())[:MOST_NAMED]
    more = len(devices) - len(named)
    en = "; ".join(f"{s.device} of agent {s.agent} {_since_en(s, window)}" for s in named)
    zh = "；".join(f"采集代理 {s.agent} 的 {s.device}{_since_zh(s, window)}" for s in named)
    return Text(
        en=f"Check power, line and agent of the devices that are silent: {en}"
        + (f"; and {more} more." if more else "."),
        zh=f"请检查以下无数据设备的电源、线路和采集代理：{zh}" + (f"；另有 {more} 台。" if more else "。"),
    )


def _since_en(silence: Silence, window: Window) -> str:
    at = _minute(silence, window)
    return f"since {at}" if silence.ever else f"(nothing at all since {at})"


def _since_zh(silence: Silence, window: Window) -> str:
    at = _minute(silence, window)
    return f" 自 {at} 起无数据" if silence.ever else f"（自 {at} 起始终无数据）"


def _minute(silence: Silence, window: Window) -> str:
    instant: datetime = from_us(silence.since_us, window.zone)
    return instant.strftime(_MINUTE)


def _why(results: Sequence[Result]) -> Text:
    """Return why there is no number although no series is silent at the end: gaps, or nothing to relate to."""
    short = [r for r in results if r.completeness is not None and r.completeness.ratio < r.completeness.floor]
    for result in short or results:
        reason = _REASONS.get(str(result.detail.get("reason")))
        if reason is not None:
            return reason
    lacking = [r for r in results if r.status is Status.INSUFFICIENT and r.completeness and r.completeness.gaps]
    if not lacking or lacking[0].completeness is None:
        return _REASONS["no_time_to_measure"]
    gaps = lacking[0].completeness.gaps
    longest, number = gaps[0], lacking[0].completeness.gaps_total
    start, end = (at.strftime(_MINUTE) for at in (longest.start, longest.end))
    return Text(
        en=f"Readings are missing in {number} gaps, the longest of {longest.device} from {start} until {end}: check "
        "its power and line at those hours, and whether its agent still holds the readings (smartstore-edge status).",
        zh=f"共有 {number} 处数据缺口，最长的为 {longest.device}，自 {start} 至 {end}：请检查其当时的电源和线路，"
        "并查看采集代理是否仍存有这些读数（smartstore-edge status）。",
    )


def _audit(results: Sequence[Result]) -> Text | None:
    counted = [r for r in results if r.metric == "footfall_entries" and r.status is Status.MEASURED]
    if not counted or counted[0].interval is not None:
        return None
    return Text(
        en="No counter has been audited, so nobody knows how far the counts are off: count by hand beside each counter "
        "and enter the counts in audits.csv.",
        zh="计数器尚未经过人工核验，计数误差未知：请在每台计数器旁人工计数，并将结果填入 audits.csv。",
    )
