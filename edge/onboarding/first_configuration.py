"""The agent's first configuration file: complete and commented."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.broker_settings import BrokerSettings
from edge.onboarding import source_kinds
from edge.onboarding.toml_text import read_value, table_lines
from edge.onboarding.wording import Language, Words
from edge.settings import SpoolSettings, UplinkSettings

_HEAD = Words(
    "# Configuration of a smartstore agent. Relative paths start at the folder of this file.\n"
    "# What begins with '# key =' holds as it is; take the '#' away to change it.\n"
    "# Afterwards: smartstore-edge doctor {path}",
    "# smartstore 代理的配置。相对路径从本文件所在目录算起。\n"
    "# 以“# 键 =”开头的是默认值；要修改请去掉“#”。\n"
    "# 写好之后：smartstore-edge doctor {path}",
)
_NOTES: dict[str, Words] = {
    "id": Words("also its MQTT user name and client id", "同时是 MQTT 用户名和客户端标识"),
    "ca_file": Words("the platform's CA certificate (PEM)", "平台的 CA 证书（PEM）"),
    "password_file": Words("readable for the agent's user alone", "只让运行代理的用户可读"),
    "max_bytes": Words("beyond either bound the oldest batches are dropped,", "超过任一上限时丢弃最早的批次，"),
    "max_age_s": Words("and declared lost", "并申报丢失"),
    "seal_after_s": Words("readings wait this long for company", "读数最多等待这么久凑成一批"),
    "batch_readings": Words("readings of a batch", "每批读数"),
    "window": Words("batches sent and not acknowledged", "已发送而未确认的批次"),
    "acknowledgement_timeout_s": Words("then a batch is sent again", "超时后重发"),
    "backlog_batches_per_s": Words("what was kept while offline goes at most so fast", "补发离线积压的最高速度"),
    "reconnect_cap_s": Words("longest pause between two attempts to connect", "两次连接之间的最长间隔"),
    "interval_s": Words("how often the device is asked", "轮询间隔"),
    "timeout_s": Words("how long an answer may take", "应答时限"),
    "decoder": Words("smartstore-edge decoders lists them", "用 smartstore-edge decoders 列出全部"),
    "topics": Words("filters", "主题过滤器"),
    "interface": Words("network interface that is listened on", "监听的网络接口"),
    "device": Words("as the registry names it", "与平台登记的名称一致"),
    "retained": Words("a retained message may be of any age", "保留消息可能很旧"),
    "speed": Words("recorded seconds a second; 0: as fast as accepted", "每秒播放的录制秒数；0 表示尽快"),
}


@dataclass(frozen=True, slots=True)
class FirstAnswers:
    """What has to be known for a first configuration; paths as they are to stand in the file."""

    agent: str
    host: str
    port: str
    spool: str
    ca_file: str | None
    password_file: str | None
    sources: Sequence[Mapping[str, Any]]
    """Keys of each ``[[source]]``, ``options`` a mapping of its own."""


def composed(answers: FirstAnswers, path: Path, language: Language) -> str:
    """Return the text of the file."""
    notes = {key: words.told(language) for key, words in _NOTES.items()}
    broker: dict[str, Any] = {"host": answers.host, "port": read_value(answers.port)}
    broker |= {"ca_file": answers.ca_file} if answers.ca_file else {}
    broker |= {"password_file": answers.password_file} if answers.password_file else {}
    lines = [_HEAD.told(language).format(path=path), ""]
    lines += _table("agent", {"id": answers.agent}, {}, notes)
    lines += _table("broker", broker, {"keep_alive_s": BrokerSettings.model_fields["keep_alive_s"].default}, notes)
    lines += _table("spool", {"path": answers.spool}, _defaults_of(SpoolSettings), notes)
    lines += _table("uplink", {}, _defaults_of(UplinkSettings), notes)
    for source in answers.sources:
        lines += _source(source, notes)
    return "\n".join(lines).rstrip("\n") + "\n"


def write(text: str, path: Path, *, force: bool) -> None:
    """Write the file, readable for its owner and group alone; raises ``FileExistsError`` unless ``force``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    target = path.with_name(f"{path.name}.new") if force else path
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_TRUNC if force else os.O_EXCL)
    with os.fdopen(os.open(target, flags, 0o640), "w", encoding="utf-8") as file:
        file.write(text)
    if force:
        target.replace(path)


def _source(source: Mapping[str, Any], notes: Mapping[str, str]) -> list[str]:
    kind = str(source["kind"])
    options = source.get("options", {})
    given = {key: value for key, value in source.items() if key != "options"}
    further = {key: value for key, value in source_kinds.defaults(kind).items() if key not in given}
    lines = _table("source", given, further, notes, array=True)
    return lines + (_table("source.options", options, {}, notes) if options else [])


def _table(
    name: str, given: Mapping[str, Any], further: Mapping[str, Any], notes: Mapping[str, str], *, array: bool = False
) -> list[str]:
    head = f"[[{name}]]" if array else f"[{name}]"
    return [head, *table_lines(given, notes), *table_lines(further, notes, commented=True), ""]


def _defaults_of(model: type[SpoolSettings | UplinkSettings]) -> dict[str, Any]:
    return {key: field.default for key, field in model.model_fields.items() if not field.is_required()}
