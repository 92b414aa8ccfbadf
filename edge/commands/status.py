"""``smartstore-edge status``: the spool and the sources, also while the agent runs."""

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
from edge.onboarding.wording import Words, add_language, language_of, plain
from edge.settings import EdgeSettings
from edge.source_states import SourceState, read_states
from edge.spool.records import SpoolError
from edge.spool.status import SpoolStatus, read_status

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
        "status", help="show the spool: pending, acknowledged, lost; and the sources; also while the agent runs"
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
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return _UNUSABLE
    except SpoolError as error:
        sys.stderr.write(_NO_SPOOL.format(problem=error.problem, fix=error.fix).told(language) + "\n")
        return _UNREADABLE
    if options.json:
        listed = [asdict(source) for source in sources]
        shown = json.dumps({"agent": settings.agent.id, **asdict(status), "sources": listed}, indent=2)
    else:
        lines = [*_spool(settings.agent.id, status), *(line for each in sources for line in _source(each))]
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
        span, first, last = (
            f"{loss.first_sequence}-{loss.last_sequence}",
            _instant(loss.first_us),
            _instant(loss.last_us),
        )
        english = f"{span} {loss.readings} readings {loss.reason} {first} to {last}"
        yield _Line(
            Words("lost", "丢失"), Words(english, f"{span} {loss.readings} 条读数 {loss.reason} {first} 至 {last}")
        )
    for head in status.heads:
        yield _Line(Words("head", "账本头"), plain(f"{head.day} {head.ledger_entries} {head.ledger_digest}"))


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
