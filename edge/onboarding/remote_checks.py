"""What the platform has configured: what became of it, and the settings that the agent runs with because of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from edge.configuration import ConfigurationError
from edge.onboarding.finding import Finding, ok, warning
from edge.onboarding.wording import Words
from edge.remote.held import Held, HeldFile
from edge.remote.tables import laid_over, local_tables
from edge.settings import EdgeSettings
from edge.wire.configuration import ConfigurationReport, ConfigurationState

_CHECK = "remote_configuration"
_STATES = {
    ConfigurationState.TRIAL: Words("on trial", "试运行中"),
    ConfigurationState.APPLIED: Words("applied", "已生效"),
    ConfigurationState.REFUSED: Words("refused", "已拒绝"),
    ConfigurationState.ROLLED_BACK: Words("rolled back", "已回退"),
}
_FIXES = {
    ConfigurationState.REFUSED: Words(
        "the platform has to send a corrected one (smartstore-ingest agents configure); a file that it names has to be "
        "beside the agent's own configuration",
        "请平台更正后重新下发（smartstore-ingest agents configure）；其中引用的文件须放在代理配置文件所在的目录",
    ),
    ConfigurationState.ROLLED_BACK: Words(
        "see that the device is on, reached, and has its password file here; then the platform has to send the "
        "configuration again (smartstore-ingest agents configure)",
        "请检查设备已开机、网络可达、密码文件已放在本机；然后请平台重新下发配置（smartstore-ingest agents configure）",
    ),
}
_UNREADABLE = Words("what the platform has configured cannot be read ({error})", "无法读取平台下发的配置（{error}）")
_UNREADABLE_FIX = Words(
    "give the agent's user the files beside the spool (chown) and restart it: the platform's configuration comes again",
    "请让代理的用户拥有缓存旁的文件（chown）并重启代理：平台会重新下发配置",
)
_UNUSABLE = Words(
    "number {number}, sent by the platform, does not go with what is here: {error}",
    "平台下发的配置（编号 {number}）与本机不符：{error}",
)
_UNUSABLE_FIX = Words(
    "correct the local file, or have the platform send a corrected configuration; until then the local one holds alone",
    "请更正本机配置文件，或请平台更正后重新下发；在此之前只有本机配置文件有效",
)


class InForce(NamedTuple):
    """The settings that an agent runs with, and what is to be said of their remote part."""

    settings: EdgeSettings
    findings: list[Finding]


def in_force(local: EdgeSettings, config: Path) -> InForce:
    """Return the settings that the local file and what the platform has sent give together; never writes."""
    if not local.remote_configuration.enabled:
        return InForce(local, [])
    try:
        held = HeldFile(local.spool.path).kept()
    except OSError as error:
        return InForce(local, [warning(_CHECK, _UNREADABLE.format(error=error.strerror or error), _UNREADABLE_FIX)])
    except ValueError:
        damaged = _UNREADABLE.format(error=Words("the file is damaged", "文件已损坏"))
        return InForce(local, [warning(_CHECK, damaged, _UNREADABLE_FIX)])
    findings = [] if held.report is None else [_reported(held, held.report)]
    document = held.trial or held.good
    if document is None:
        return InForce(local, findings)
    try:
        return InForce(laid_over(local_tables(local), document.toml, config.parent), findings)
    except ConfigurationError as error:
        text = _UNUSABLE.format(number=document.number, error=str(error).replace("\n", "; "))
        return InForce(local, [*findings, warning(_CHECK, text, _UNUSABLE_FIX)])


def outcome(report: ConfigurationReport, since_us: int | None) -> Words:
    """Return what became of a configuration, and since when."""
    text = Words("number {number}: {state} since {since}", "编号 {number}：自 {since} 起{state}")
    since = "-" if since_us is None else datetime.fromtimestamp(since_us / 1e6, UTC).isoformat(timespec="seconds")
    return text.format(number=report.number, state=_STATES[report.state], since=since)


def _reported(held: Held, report: ConfigurationReport) -> Finding:
    text = outcome(report, held.reported_us)
    fix = _FIXES.get(report.state)
    if fix is None:
        return ok(_CHECK, text)
    runs = Words("the local file alone", "只有本机配置文件")
    if document := held.trial or held.good:
        runs = Words("number {number}", "编号 {number}").format(number=document.number)
    told = Words("{outcome} ({why}); in force: {runs}", "{outcome}（{why}）；现行：{runs}")
    return warning(_CHECK, told.format(outcome=text, why=report.detail or "-", runs=runs), fix)
