"""The examination of an agent, in the order in which a person would look: from its file outwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edge.configuration import ConfigurationError, read_configuration
from edge.onboarding import disk_checks
from edge.onboarding.broker_line import line_findings
from edge.onboarding.clock_check import by_time_server
from edge.onboarding.finding import Finding, Grade, ok, skipped, warning, wrong
from edge.onboarding.platform_checks import platform_findings
from edge.onboarding.remote_checks import in_force
from edge.onboarding.source_checks import source_findings
from edge.onboarding.update_checks import update_findings
from edge.onboarding.wording import Words
from edge.settings import EdgeSettings
from edge.source_states import read_states
from edge.spool.records import SpoolError
from edge.spool.status import read_status

_NTP_PORT = 123
_LATE_S = 600.0


@dataclass(frozen=True, slots=True)
class Patience:
    """Whom to ask for the time, and how long to wait for answers."""

    time_server: str
    """Host, or ``host:port``; empty: nobody is asked."""
    answer_s: float = 5.0
    source_s: float = 5.0


def examined(config: Path, patience: Patience) -> Iterator[Finding]:
    """Yield what is found, each as soon as it is; a configuration that cannot be read ends it."""
    try:
        settings = read_configuration(config, EdgeSettings)
    except ConfigurationError as error:
        fix = Words(
            "correct the file; smartstore-edge init writes one to compare with",
            "请改正该文件；可用 smartstore-edge init 生成一份对照",
        )
        for line in str(error).splitlines():
            yield wrong("configuration", Words(line, f"配置有误：{line}"), fix)
        return
    count = len(settings.source)
    text = Words(f"{config} can be read; sources: {count}", f"{config} 可读；{count} 个数据源")
    yield ok("configuration", text)
    settings, remote = in_force(settings, config)
    yield from remote
    yield from _clock(patience)
    running = disk_checks.is_running(settings.spool.path)
    yield from disk_checks.disk_findings(settings.spool)
    yield from disk_checks.spool_findings(settings.spool.path)
    yield from update_findings(settings.update, config)
    yield from _uplink(settings, patience, running=running)
    states = {state.name: state for state in read_states(settings.spool.path)} if running else {}
    yield from source_findings(settings, states, patience.source_s)


def _clock(patience: Patience) -> Iterator[Finding]:
    host, _, port = patience.time_server.partition(":")
    if host:
        yield by_time_server(host, int(port) if port.isdecimal() else _NTP_PORT, patience.answer_s)


def _uplink(settings: EdgeSettings, patience: Patience, *, running: bool) -> Iterator[Finding]:
    """Yield what is found on the way to the platform, as far as the one thing is possible after the other."""
    for finding in line_findings(settings.broker, patience.answer_s):
        yield finding
        if finding.grade is Grade.WRONG:
            return
    if running:
        text = Words(
            "not tried, since the agent runs: a second connection would break its own",
            "代理正在运行，未重复登录：再次登录会中断它的连接",
        )
        yield skipped("credentials", text)
        yield _acknowledged(settings.spool.path, datetime.now(UTC))
    else:
        yield from platform_findings(settings, patience.answer_s)


def _acknowledged(spool: Path, now: datetime) -> Finding:
    """Judge the uplink of a running agent by what its spool says."""
    try:
        status = read_status(spool)
    except SpoolError as error:
        return wrong("ingest", Words(error.problem, error.problem), Words(error.fix, error.fix))
    oldest_us, now_us = status.depth.oldest_us, now.timestamp() * 1e6
    last = "-" if status.acknowledged_us is None else f"{(now_us - status.acknowledged_us) / 1e6:.0f}"
    text = Words(
        f"last acknowledgement {last} s ago, {status.depth.batches} batches wait",
        f"最近一次确认在 {last} 秒前，{status.depth.batches} 批等待确认",
    )
    if oldest_us is None or now_us - oldest_us < _LATE_S * 1e6:
        return ok("ingest", text)
    fix = Words(
        "see the agent's log for uplink_offline or batch_refused (journalctl -u smartstore-edge); readings are kept",
        "请在代理日志中查找 uplink_offline 或 batch_refused（journalctl -u smartstore-edge）；读数仍保存在本机",
    )
    return warning("ingest", text, fix)
