"""``smartstore-edge``: the commands of a store's operator."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from random import Random
from threading import Event

from edge import event_log
from edge.agent import Agent, limits_of
from edge.clock import system_clock
from edge.commands import list_decoders, try_map
from edge.configuration import ConfigurationError, read_configuration
from edge.settings import EdgeSettings
from edge.source_states import SourceState, read_states
from edge.sources.source import Source
from edge.spool.records import SpoolError
from edge.spool.spool import Spool
from edge.spool.status import SpoolStatus, read_status
from edge.uplink import Uplink

OK, FAILED, MISCONFIGURED = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns 0, 1 where it failed, or 2 where the configuration or the command line is wrong."""
    options = _parser().parse_args(arguments)
    if "run" in options:
        return int(options.run(options))
    try:
        settings = read_configuration(options.config, EdgeSettings)
        if options.command == "run":
            return _run(settings, options.config, until_drained=options.until_drained)
        return _status(settings, as_json=options.json)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return MISCONFIGURED
    except SpoolError as error:
        print(f"{error.problem}; {error.fix}", file=sys.stderr)
        return FAILED


def _run(settings: EdgeSettings, config: Path, *, until_drained: bool) -> int:
    sources = _sources(settings, config)
    event_log.configure()
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    clock, random = system_clock(), Random()  # noqa: S311 - jitter, not secrets
    spool = Spool.open(settings.spool.path, limits_of(settings.spool), clock)
    software = f"smartstore-edge {version('smartstore')}"
    uplink = Uplink(settings, spool, clock, random, software)
    try:
        done = Agent(sources, spool, uplink, settings.spool, random).run(stop, until_drained=until_drained)
    finally:
        spool.close()
    return OK if done else FAILED


def _sources(settings: EdgeSettings, config: Path) -> list[Source]:
    sources: list[Source] = []
    for number, each in enumerate(settings.source):
        try:
            sources.append(each.build())
        except (ValueError, OSError) as error:
            msg = f"{config}: source[{number}] ({each.name}): {error}"
            raise ConfigurationError(msg) from error
    return sources


def _status(settings: EdgeSettings, *, as_json: bool) -> int:
    status, sources = read_status(settings.spool.path), read_states(settings.spool.path)
    if as_json:
        listed = [asdict(source) for source in sources]
        print(json.dumps({"agent": settings.agent.id, **asdict(status), "sources": listed}, indent=2))
    else:
        print("\n".join([*_lines(settings.agent.id, status), *(line for each in sources for line in _source(each))]))
    return OK


def _lines(agent: str, status: SpoolStatus) -> list[str]:
    depth, totals = status.depth, status.totals
    lines = [
        f"agent                 {agent}",
        f"spool                 {status.spool}",
        f"pending               {depth.batches} batches, {depth.readings} readings, {depth.bytes} bytes",
        f"oldest pending        {_instant(depth.oldest_us)}",
        f"last acknowledgement  {_instant(status.acknowledged_us)}",
        f"accepted readings     {totals.accepted_readings}",
        f"  committed           {totals.committed_readings} in {totals.committed_batches} batches",
        f"  refused             {totals.refused_readings} in {totals.refused_batches} batches",
        f"  declared lost       {totals.lost_readings} in {totals.lost_batches} batches",
        f"sealed again          {totals.resealed_batches} batches",
        f"withheld              {totals.withheld} (personal data)",
        f"chain                 {status.last_sequence} {status.last_digest or '-'}",
        f"set aside             {status.set_aside_before} {' '.join(status.set_aside_files)}".rstrip(),
    ]
    lines += [
        f"lost                  {loss.first_sequence}-{loss.last_sequence} {loss.readings} readings {loss.reason}"
        f" {_instant(loss.first_us)} to {_instant(loss.last_us)}"
        for loss in status.losses
    ]
    return lines + [
        f"head                  {head.day} {head.ledger_entries} {head.ledger_digest}" for head in status.heads
    ]


def _source(state: SourceState) -> list[str]:
    """Return what a person wants to know about a source: is it well, and if not, what is to be done."""
    health = "failing" if state.failures else "running" if state.running else "not running"
    lines = [
        f"source                {state.name}: {health}, last contact {_instant(state.contact_us)},"
        f" {state.readings} readings, {state.refusals} refused"
    ]
    if state.error is not None:
        lines.append(f"  last error          {_instant(state.error_us)} {state.error}; {state.fix}")
    return lines


def _instant(t_us: int | None) -> str:
    return "-" if t_us is None else datetime.fromtimestamp(t_us / 1e6, UTC).isoformat(timespec="seconds")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="smartstore-edge", description="A store's agent.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="play the sources and send what they yield, until stopped")
    run.add_argument("config", type=Path, help="the agent's TOML file")
    run.add_argument("--until-drained", action="store_true", help="end when the sources have ended and all is sent")
    status = commands.add_parser(
        "status", help="show the spool: pending, acknowledged, lost; also while the agent runs"
    )
    status.add_argument("config", type=Path, help="the agent's TOML file")
    status.add_argument("--json", action="store_true", help="print one JSON object")
    for command in (list_decoders, try_map):
        command.add_parser(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
