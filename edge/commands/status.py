"""``smartstore-edge status``: the spool, the remote configuration and the sources, also while the agent runs."""

from __future__ import annotations

import argparse
import json
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from edge.configuration import ConfigurationError, read_configuration
from edge.onboarding.remote_checks import outcome
from edge.onboarding.wording import Words, add_language, language_of, plain
from edge.remote.held import Held, HeldFile
from edge.run_state import RunState, read_run_state
from edge.settings import EdgeSettings
from edge.source_states import SourceState, read_states
from edge.spool.records import SpoolError
from edge.spool.status import SpoolStatus, read_status
from edge.update.reported import journal_path, read_report
from edge.wire.release import ReleaseReport

_SHOWN, _UNREADABLE, _UNUSABLE = 0, 1, 2
_LABEL_WIDTH = 22
_NO_SPOOL = Words("{problem}; {fix}", "无法读取缓存：{problem}；{fix}")
_IN_BATCHES = Words("{readings} in {batches} batches", "{readings} 条，{batches} 批")


class _Line(NamedTuple):
    label: Words
    text: Words


def add_parser(commands: Any) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "status",
        help="show the spool: pending, acknowledged, lost; the remote configuration; the sources; also while it runs",
    )
    parser.add_argument("config", type=Path, help="the agent's TOML file")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_language(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Show the state; returns 0, 1 where the spool cannot be read, 2 where the configuration is wrong."""
    language = language_of(options.lang)
    try:
        settings = read_configuration(options.config, EdgeSettings)
        status, sources = read_status(settings.spool.path), read_states(settings.spool.path)
        held = _held(settings)
        state, release = read_run_state(settings.spool.path), read_report(journal_path(settings.update.root))
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return _UNUSABLE
    except SpoolError as error:
        sys.stderr.write(_NO_SPOOL.format(problem=error.problem, fix=error.fix).told(language) + "\n")
        return _UNREADABLE
    if options.json:
        listed = [asdict(source) for source in sources]
        configuration = _as_json(held)
        document = {"agent": settings.agent.id, **asdict(status), "configuration": configuration, "sources": listed}
        document |= {"run": state and asdict(state), "release": release and release.model_dump(mode="json")}
        shown = json.dumps(document, indent=2)
    else:
        lines = [*_spool(settings.agent.id, status), *_configuration(held), *_program(state, release)]
        lines += [line for each in sources for line in _source(each)]
        shown = "\n".join(_padded(line.label.told(language)) + line.text.told(language) for line in lines)
    sys.stdout.write(shown + "\n")
    return _SHOWN


def _spool(agent: str, status: SpoolStatus) -> Iterator[_Line]:
    depth, totals = status.depth, status.totals
    pending = Words(
        f"{depth.batches} batches, {depth.readings} readings, {depth.bytes} bytes",
        f"{depth.batches} 批，{depth.readings} 条读数，{depth.bytes} 字节",
    )
    yield _Line(Words("agent", "代理"), plain(agent))
    yield _Line(Words("spool", "缓存"), plain(status.spool))
    yield _Line(Words("pending", "待确认"), pending)
    yield _Line(Words("oldest pending", "最早的待确认"), plain(_instant(depth.oldest_us)))
    yield _Line(Words("last acknowledgement", "最近一次确认"), plain(_instant(status.acknowledged_us)))
    yield _Line(Words("accepted readings", "已接收读数"), plain(str(totals.accepted_readings)))
    for label, readings, batches in (
        (Words("  committed", "  已入库"), totals.committed_readings, totals.committed_batches),
        (Words("  refused", "  被拒收"), totals.refused_readings, totals.refused_batches),
        (Words("  declared lost", "  已申报丢失"), totals.lost_readings, totals.lost_batches),
    ):
        yield _Line(label, _IN_BATCHES.format(readings=readings, batches=batches))
    batches = totals.resealed_batches
    yield _Line(Words("sealed again", "重新封装"), Words(f"{batches} batches", f"{batches} 批"))
    yield _Line(
        Words("withheld", "已扣留"), Words(f"{totals.withheld} (personal data)", f"{totals.withheld}（个人信息）")
    )
    yield _Line(Words("chain", "链"), plain(f"{status.last_sequence} {status.last_digest or '-'}"))
    set_aside = f"{status.set_aside_before} {' '.join(status.set_aside_files)}".rstrip()
    yield _Line(Words("set aside", "已搁置的损坏文件"), plain(set_aside))
    yield from _history(status)


def _history(status: SpoolStatus) -> Iterator[_Line]:
    for loss in status.losses:
        span = f"{loss.first_sequence}-{loss.last_sequence}"
        span = span if loss.spool == status.spool else f"{loss.spool} {span}"
        first, last = _instant(loss.first_us), _instant(loss.last_us)
        english = f"{span} {loss.readings} readings {loss.reason} {first} to {last}"
        yield _Line(
            Words("lost", "丢失"), Words(english, f"{span} {loss.readings} 条读数 {loss.reason} {first} 至 {last}")
        )
    for head in status.heads:
        yield _Line(Words("head", "账本头"), plain(f"{head.day} {head.ledger_entries} {head.ledger_digest}"))


def _held(settings: EdgeSettings) -> Held:
    """Return what is kept of the platform's configurations; nothing where it cannot be read, which ``doctor`` tells."""
    if not settings.remote_configuration.enabled:
        return Held()
    try:
        return HeldFile(settings.spool.path).kept()
    except (OSError, ValueError):
        return Held()


def _as_json(held: Held) -> dict[str, object] | None:
    return None if held.report is None else held.report.model_dump(mode="json") | {"since_us": held.reported_us}


def _configuration(held: Held) -> Iterator[_Line]:
    label = Words("remote configuration", "远程配置")
    yield _Line(label, plain("-") if held.report is None else outcome(held.report, held.reported_us))
    if held.report is not None and held.report.detail:
        yield _Line(Words("  reason", "  原因"), plain(held.report.detail))


def _program(state: RunState | None, release: ReleaseReport | None) -> Iterator[_Line]:
    """Say which version ran last, what its uplink did, and what became of the release dealt with last."""
    if state is not None:
        text = Words("{version}, uplink {mode}, last sign of life {at}", "{version}，上行 {mode}，最近的运行迹象 {at}")
        text = text.format(version=state.version, mode=state.mode, at=_instant(state.written_us))
        yield _Line(Words("version", "版本"), text)
    if release is not None:
        yield _Line(Words("release", "新版本"), plain(f"{release.version} {release.state} {release.detail}".rstrip()))


def _source(state: SourceState) -> Iterator[_Line]:
    """Say what a person wants to know about a source: is it well, and if not, what is to be done."""
    if state.failures:
        health = Words("failing", "故障")
    elif state.running:
        health = Words("running", "运行中")
    else:
        health = Words("not running", "未运行")
    text = Words(
        "{name}: {health}, last contact {contact}, {readings} readings, {refusals} refused",
        "{name}：{health}，最近通信 {contact}，读数 {readings} 条，拒收 {refusals} 条",
    )
    contact = _instant(state.contact_us)
    yield _Line(
        Words("source", "数据源"),
        text.format(name=state.name, health=health, contact=contact, readings=state.readings, refusals=state.refusals),
    )
    if state.error is not None:
        said = f"{_instant(state.error_us)} {state.error}; {state.fix}"
        yield _Line(Words("  last error", "  最近的错误"), plain(said))


def _padded(label: str) -> str:
    """Return a label as wide as the others; a Chinese character takes two places of a terminal."""
    width = sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in label)
    return label + " " * max(1, _LABEL_WIDTH - width)


def _instant(t_us: int | None) -> str:
    return "-" if t_us is None else datetime.fromtimestamp(t_us / 1e6, UTC).isoformat(timespec="seconds")
