"""Whether each source works: by what the running agent says of it, else by trying it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from edge.onboarding.finding import Finding, ok, warning, wrong
from edge.onboarding.source_trial import Trial, tried
from edge.onboarding.wording import Words
from edge.settings import EdgeSettings
from edge.source_states import SourceState

_LONG_SILENCE_S = 3600.0
_SEE_TO_IT = Words("see to the device or file, and to this source's keys", "请检查设备或文件，以及该数据源的配置项")
_HINTS = {
    "recording": Words("check path and map", "请检查 path 和 map"),
    "file_tail": Words("check path, and the agent's right to read there", "请检查路径，以及代理的读取权限"),
    "http_poll": Words(
        "check url, username and password_file, and that the device is on",
        "请检查 url、username 和 password_file，以及设备是否开机",
    ),
    "http_push": Words("check interface and port", "请检查 interface 和 port"),
    "hikvision_alert_stream": Words(
        "check url, username and password_file, and that the camera is on",
        "请检查 url、username 和 password_file，以及摄像机是否开机",
    ),
    "modbus_poll": Words(
        "check host and port, or serial, baud and parity; unit; the wiring; and that the device is on",
        "请检查 host 和 port，或 serial、baud 和 parity；unit；接线；以及设备是否开机",
    ),
    "dlt645_poll": Words(
        "check host and port, or serial, baud and parity; address; the wiring; and that the meter is on",
        "请检查 host 和 port，或 serial、baud 和 parity；address；接线；以及电能表是否通电",
    ),
    "bacnet_poll": Words(
        "check host and port, that the device is on, and that no firewall keeps UDP from it",
        "请检查 host 和 port、设备是否开机，以及防火墙是否阻断 UDP",
    ),
    "mqtt": Words(
        "check host, port, username, password_file and topics, and that the broker runs",
        "请检查 host、port、username、password_file 和 topics，以及本地消息服务器是否运行",
    ),
}
_SILENT_FIX = Words(
    "where the device should have sent by now: check that it is on, and that it sends to here",
    "若设备此时应已发送数据：请检查设备是否开机，以及是否发送到本机",
)


def source_findings(settings: EdgeSettings, states: Mapping[str, SourceState], longest_s: float) -> Iterator[Finding]:
    """Yield a finding for each source.

    Parameters
    ----------
    states
        What the agent that runs now says of its sources; a source that is not in it is tried.
    longest_s
        How long to wait for a source that is tried.
    """
    for source in settings.source:
        state = states.get(source.name)
        yield _tried(source, longest_s) if state is None else _of_state(source.kind, state, time.time())


def _tried(source: Any, longest_s: float) -> Finding:
    check = f"source.{source.name}"
    trial = tried(source, longest_s)
    if trial.error is not None:
        return wrong(check, _failed(trial.error), _fix(source.kind, trial.fix))
    if not trial.heard:
        text = Words("can be used, but nothing came within {seconds:g} s", "可用，但 {seconds:g} 秒内没有收到数据")
        return warning(check, text.format(seconds=longest_s), _SILENT_FIX)
    return _of_content(check, trial)


def _of_content(check: str, trial: Trial) -> Finding:
    if trial.refusals and not trial.readings:
        text = Words("the decoder refuses what came ({reason})", "解码器拒绝收到的内容（{reason}）")
        fix = Words(
            "check decoder and its options, and what the device is set to send; of a map: smartstore-edge try",
            "请检查 decoder 及其选项，以及设备的发送设置；使用映射文件时请用 smartstore-edge try 试验",
        )
        return wrong(check, text.format(reason=trial.refusals[0]), fix)
    if trial.refusals:
        text = Words(
            "{readings} readings came, and {refused} refusals ({reason})",
            "收到 {readings} 条读数，{refused} 条被拒绝（{reason}）",
        )
        told = text.format(readings=trial.readings, refused=len(trial.refusals), reason=trial.refusals[0])
        return warning(check, told, _SEE_TO_IT)
    if not trial.readings:
        return ok(check, Words("was heard of, with nothing to read in it", "已有通信，其中没有可读的读数"))
    return ok(check, Words(f"{trial.readings} readings came", f"收到 {trial.readings} 条读数"))


def _of_state(kind: str, state: SourceState, now_s: float) -> Finding:
    check = f"source.{state.name}"
    if state.failures:
        return wrong(check, _failed(state.error or "-"), _fix(kind, state.fix))
    if state.contact_us is None:
        text = Words("nothing has come since the agent started", "代理启动以来没有收到数据")
        return warning(check, text, _SILENT_FIX)
    silent_s = max(0.0, now_s - state.contact_us / 1e6)
    text = Words(
        f"last data {silent_s:.0f} s ago; {state.readings} readings since the agent started",
        f"最近数据在 {silent_s:.0f} 秒前；代理启动以来 {state.readings} 条读数",
    )
    if silent_s > _LONG_SILENCE_S and state.running:
        return warning(check, text, _SILENT_FIX)
    return ok(check, text)


def _failed(error: str) -> Words:
    return Words(error, f"无法工作：{error}")


def _fix(kind: str, said: str | None) -> Words:
    """Return what the source itself says is to be done, in Chinese what is to be done about sources of its kind."""
    hint = _HINTS.get(kind, _SEE_TO_IT)
    return hint if said is None else Words(said, f"{hint.zh}（{said}）")
