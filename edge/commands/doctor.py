"""``smartstore-edge doctor``: what is wrong with this agent and its surroundings, and what to do about it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edge.onboarding.finding import GRADES, Finding, Grade
from edge.onboarding.wording import Language, Words, add_language, language_of

_HEALTHY, _ILL = 0, 1
_TIME_SERVER = "pool.ntp.org"
_CHECKS = {
    "configuration": Words("configuration", "配置"),
    "remote_configuration": Words("remote configuration", "远程配置"),
    "clock": Words("clock", "时钟"),
    "disk": Words("disk", "磁盘"),
    "spool": Words("spool", "缓存"),
    "update": Words("update", "更新"),
    "network": Words("network", "网络"),
    "tls": Words("TLS", "TLS"),
    "broker": Words("broker", "消息服务器"),
    "credentials": Words("credentials", "凭据"),
    "rights": Words("rights", "权限"),
    "ingest": Words("ingest", "入库"),
    "source": Words("source", "数据源"),
}


def add_parser(commands: Any) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "doctor", help="check configuration, clock, disk, network, broker and each source, and say what to do"
    )
    parser.add_argument("config", type=Path, help="the agent's TOML file")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.add_argument(
        "--time-server", default=_TIME_SERVER, help="host[:port] to compare the clock with (SNTP); '' asks nobody"
    )
    parser.add_argument("--wait", type=float, default=5.0, metavar="S", help="longest wait for a source's data")
    add_language(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print each finding as soon as it is made; returns 1 where one is ``wrong``, else 0."""
    from edge.onboarding.examination import Patience, examined  # noqa: PLC0415 - loads MQTT and TLS

    patience = Patience(options.time_server, source_s=options.wait)
    return shown(examined(options.config, patience), language_of(options.lang), as_json=options.json)


def shown(findings: Iterable[Finding], language: Language, *, as_json: bool) -> int:
    """Print findings; return 1 where one is ``wrong``, else 0."""
    ill = False
    for finding in findings:
        ill = ill or finding.grade is Grade.WRONG
        sys.stdout.write((_json(finding, language) if as_json else _lines(finding, language)) + "\n")
        sys.stdout.flush()
    return _ILL if ill else _HEALTHY


def _json(finding: Finding, language: Language) -> str:
    fix = None if finding.fix is None else finding.fix.told(language)
    text = finding.text.told(language)
    return json.dumps({"check": finding.check, "grade": finding.grade, "text": text, "fix": fix}, ensure_ascii=False)


def _lines(finding: Finding, language: Language) -> str:
    subject, _, name = finding.check.partition(".")
    label = _CHECKS[subject].told(language) + (f" {name}" if name else "")
    separator = "：" if language is Language.CHINESE else ": "
    line = f"{GRADES[finding.grade].told(language):<8} {label}{separator}{finding.text.told(language)}"
    return line if finding.fix is None else f"{line}\n{'':<8} → {finding.fix.told(language)}"
