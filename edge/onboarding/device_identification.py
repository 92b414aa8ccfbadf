"""What a device says of itself, unasked for any password: Modbus identification, an HTTP answer, an MQTT greeting."""

from __future__ import annotations

import json
import re
import struct
import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Any, NamedTuple

from edge.onboarding.broker_talk import BrokerTalk, Login, NoAnswerError
from edge.onboarding.suggestion import Suggestion, said
from edge.onboarding.wording import Words
from edge.sources.device_lines import TcpChannel
from edge.sources.modbus_frames import FrameError
from edge.sources.modbus_lines import TcpFraming

_IDENTIFICATION = bytes([0x2B, 0x0E, 0x01, 0x00])
"""Read Device Identification, basic, from the first object (Modbus Application Protocol 1.1b3, section 6.21)."""
_IDENTIFICATION_HEAD = 7
_EXCEPTION = 0x80
_UNITS = (1, 255)
"""The unit that most devices have, and the one that a TCP device answers as itself (Modbus Messaging on TCP 1.0b)."""
_MOST_BODY = 4096
_FILL_IN = Words(
    "put the right values, then: smartstore-edge doctor", "请填入正确的值，然后运行：smartstore-edge doctor"
)


class _Mark(NamedTuple):
    """How a vendor's device is known by the head of its answer, and which source would read it."""

    pattern: re.Pattern[str]
    title: str
    kind: str
    path: str
    decoder: str


_MARKS = (
    _Mark(re.compile(r"^server: tasmota", re.I | re.M), "Tasmota", "http_poll", "/cm?cmnd=Status%2010", "tasmota"),
    _Mark(
        re.compile(r"^server: (app-webs|dnvrs-webs|dvrdvs-webs)|realm=\"(ip camera|ds-)", re.I | re.M),
        "Hikvision",
        "hikvision_alert_stream",
        "",
        "hikvision_people_counting",
    ),
    _Mark(
        re.compile(r"realm=\"axis_", re.I),
        "Axis",
        "http_poll",
        "/local/tvpc/.api?live-sum.json",
        "axis_people_counter",
    ),
    _Mark(
        re.compile(r"realm=\"ipolis", re.I),
        "Hanwha Vision",
        "http_poll",
        "/stw-cgi/eventsources.cgi?msubmenu=peoplecount&action=check",
        "hanwha_people_count",
    ),
)


def modbus(host: str, port: int, answer_s: float) -> Suggestion:
    """Return what a Modbus TCP device says of itself."""
    unit, names = _asked(host, port, answer_s)
    if unit is None:
        return Suggestion(
            Words(
                f"{host}:{port} is open, but does not answer as Modbus", f"{host}:{port} 已开放，但没有按 Modbus 应答"
            )
        )
    named = said(" ".join(names)) or "-"
    title = Words("{host}:{port} Modbus: {named}", "{host}:{port} Modbus：{named}")
    source = {"kind": "modbus_poll", "name": f"modbus-{host}", "host": host, "port": port, "unit": unit}
    options = {"map": "map.toml", "device": "to-be-named"}
    note = Words(
        "describe its registers in a map (examples: deploy/maps), then: smartstore-edge doctor",
        "请用映射文件描述寄存器（示例见 deploy/maps），然后运行：smartstore-edge doctor",
    )
    return Suggestion(
        title.format(host=host, port=port, named=named), source | {"decoder": "modbus_map"}, options, (note,)
    )


def identified(pdu: bytes) -> list[str]:
    """Return the texts of an answer to Read Device Identification, in their order; empty where it is none.

    Examples
    --------
    >>> identified(bytes.fromhex("2b0e01010000020004") + b"Acme" + bytes([1, 2]) + b"M1")
    ['Acme', 'M1']
    """
    if len(pdu) < _IDENTIFICATION_HEAD or pdu[:2] != _IDENTIFICATION[:2]:
        return []
    texts, position = [], _IDENTIFICATION_HEAD
    for _ in range(pdu[6]):
        if position + 2 > len(pdu):
            break
        length = pdu[position + 1]
        texts.append(pdu[position + 2 : position + 2 + length].decode("latin-1").strip("\0 "))
        position += 2 + length
    return texts


def http(host: str, port: int, answer_s: float) -> Suggestion:
    """Return what an HTTP server is known by."""
    where = f"http://{host}" + ("" if port == 80 else f":{port}")
    shelly = _json(_get(host, port, "/shelly", answer_s))
    if isinstance(shelly, dict) and ("gen" in shelly or "type" in shelly):
        model = said(str(shelly.get("model") or shelly.get("type") or ""))
        note = Words(
            "have it publish to the broker in the store (its pages: Settings, MQTT), under a prefix of its own",
            "请在其设置页的 MQTT 中填写店内消息服务器，并使用自己的前缀",
        )
        source = {"kind": "mqtt", "name": f"shelly-{host}", "topics": ["to-be-named/#"], "decoder": "shelly"}
        return Suggestion(Words(f"{where} Shelly {model}", f"{where} Shelly {model}"), source, {}, (note,))
    answer = _get(host, port, "/", answer_s)
    for mark in _MARKS:
        if answer is not None and mark.pattern.search(answer.head):
            source = {"kind": mark.kind, "name": f"{mark.title.split()[0].lower()}-{host}", "url": where + mark.path}
            source |= {"username": "to-be-named", "password_file": "device-password"} if mark.title != "Tasmota" else {}
            source |= {"decoder": mark.decoder}
            return Suggestion(
                Words(f"{where} {mark.title}", f"{where} {mark.title}"), source, {"device": "to-be-named"}, (_FILL_IN,)
            )
    server = said(answer.server) if answer is not None else "-"
    text = Words(
        "{where} answers over HTTP ({server}); its kind is not known", "{where} 有 HTTP 应答（{server}）；类型未知"
    )
    return Suggestion(text.format(where=where, server=server or "-"))


def mqtt(host: str, port: int, answer_s: float) -> Suggestion:
    """Return whether an MQTT broker lets everybody in."""
    try:
        with BrokerTalk(Login(host, port), answer_s) as talk:
            open_to_all = not talk.connect().is_failure
    except (OSError, NoAnswerError):
        open_to_all = False
    state = Words("lets everybody in", "允许匿名连接") if open_to_all else Words("wants a user", "需要用户名")
    text = Words(
        "{host}:{port} MQTT broker, {state}; look into it: smartstore-edge discover --broker {host}:{port}",
        "{host}:{port} MQTT 消息服务器，{state}；可查看：smartstore-edge discover --broker {host}:{port}",
    )
    return Suggestion(text.format(host=host, port=port, state=state))


def _asked(host: str, port: int, answer_s: float) -> tuple[int | None, list[str]]:
    """Return the unit that answers, None where nothing speaks Modbus, and what it says of itself."""
    for unit in _UNITS:
        try:
            with closing(TcpChannel(host, port, answer_s)) as channel:
                pdu = TcpFraming(channel).ask(unit, _IDENTIFICATION, time.monotonic() + answer_s)
        except (OSError, FrameError, struct.error):
            continue
        if pdu[:1] and pdu[0] & ~_EXCEPTION == _IDENTIFICATION[0]:
            return unit, identified(pdu)
    return None, []


class _HttpAnswer(NamedTuple):
    head: str
    server: str
    body: bytes


def _get(host: str, port: int, path: str, answer_s: float) -> _HttpAnswer | None:
    connection = HTTPConnection(host, port, timeout=answer_s)
    try:
        connection.request("GET", path, headers={"User-Agent": "smartstore-edge", "Connection": "close"})
        with connection.getresponse() as response:
            head = "\n".join(f"{name}: {value}" for name, value in response.getheaders())
            return _HttpAnswer(head, response.getheader("Server", ""), response.read(_MOST_BODY))
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def _json(answer: _HttpAnswer | None) -> Any:
    try:
        return None if answer is None else json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
