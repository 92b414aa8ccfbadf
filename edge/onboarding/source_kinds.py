"""The kinds of sources that a configuration may hold, and what each needs to be told, read off their models."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from pydantic_core import PydanticUndefined

from edge.onboarding.wording import Words
from edge.sources.kinds import KINDS

TITLES = {
    "mqtt": Words("subscribe to a broker in the store", "订阅店内的 MQTT 消息服务器"),
    "http_push": Words("let devices post over HTTP", "接收设备的 HTTP 推送"),
    "http_poll": Words("ask a device over HTTP", "通过 HTTP 轮询设备"),
    "hikvision_alert_stream": Words("listen to a Hikvision camera's alert stream", "接收海康威视摄像机的事件流"),
    "modbus_poll": Words("ask a Modbus device (TCP or serial)", "轮询 Modbus 设备（TCP 或串口）"),
    "dlt645_poll": Words("ask an electricity meter by DL/T 645", "按 DL/T 645 轮询电能表"),
    "bacnet_poll": Words("ask a BACnet/IP device (with the extra bacnet)", "轮询 BACnet/IP 设备（需安装 bacnet 扩展）"),
    "file_tail": Words("follow a file or a folder of exports", "跟踪文件或导出目录"),
    "recording": Words("play a recording", "播放录制的数据"),
    "simulated_store": Words("play a simulated store, to try things out", "播放模拟门店，用于试用"),
}
"""What a person would call the kinds."""

_ASKED = {
    "http_push": ("interface",),
    "mqtt": ("host",),
    "modbus_poll": ("transport", "host", "serial", "unit"),
    "dlt645_poll": ("host", "port", "serial"),
    "simulated_store": ("days", "follow"),
}
"""Keys that have a default, or are needed in some cases only, and are worth asking for all the same."""


def needed(kind: str) -> list[str]:
    """Return the keys of a kind of source that must be given, ``name`` first."""
    fields = KINDS[kind].model_fields
    return [key for key, field in fields.items() if field.is_required()]


def asked(kind: str) -> list[str]:
    """Return the keys that a person is asked for: the needed ones, and a few more."""
    return [*needed(kind), *(key for key in _ASKED.get(kind, ()) if key not in needed(kind))]


def offered(kind: str, key: str) -> tuple[str, ...]:
    """Return the values that a key is limited to; empty where it is not."""
    annotation = KINDS[kind].model_fields[key].annotation
    return tuple(map(str, get_args(annotation))) if get_origin(annotation) is Literal else ()


def defaults(kind: str) -> dict[str, Any]:
    """Return the plain optional keys of a kind of source with their defaults: numbers, words and truth values."""
    return {
        key: field.default
        for key, field in KINDS[kind].model_fields.items()
        if key != "kind"
        and field.default is not PydanticUndefined
        and isinstance(field.default, str | int | float)
        and field.default != ""
    }


def decoder_needs(decoder: str) -> list[str]:
    """Return the options that a decoder must be given."""
    from edge.decoders.registry import DECODERS  # noqa: PLC0415 - many modules, loaded where one is asked for only

    found = DECODERS.get(decoder)
    return [] if found is None else [key for key, field in found.options.model_fields.items() if field.is_required()]
