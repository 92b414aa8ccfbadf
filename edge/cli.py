"""``smartstore-edge``: the commands of a store's operator."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from edge import event_log
from edge.agent import limits_of
from edge.clock import system_clock
from edge.configuration import ConfigurationError, read_configuration
from edge.courses import Courses, Running
from edge.plain_names import load_tables_when_needed
from edge.remote.configurator import Configurator
from edge.run_state import RunRecord
from edge.service_manager import ServiceManager
from edge.settings import EdgeSettings
from edge.spool.records import SpoolError
from edge.spool.spool import Spool
from edge.stop_signals import on_stop_signals
from edge.update.reported import ReportedRelease

if TYPE_CHECKING:
    from argparse import ArgumentParser

OK, FAILED, MISCONFIGURED = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns 0, 1 where it failed, or 2 where the configuration or the command line is wrong."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if len(given) == 2 and given[0] == "run" and not given[1].startswith("-"):
        return _run(Path(given[1]))  # as a service: a parser would be a hundredth of what an agent may take of memory
    options = _parser(given).parse_args(given)
    if "run" in options:
        return int(options.run(options))
    return _run(options.config, until_drained=options.until_drained)


def _run(config: Path, *, until_drained: bool = False) -> int:
    try:
        return _play(read_configuration(config, EdgeSettings), config, until_drained=until_drained)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return MISCONFIGURED
    except SpoolError as error:
        print(f"{error.problem}; {error.fix}", file=sys.stderr)
        return FAILED


def _play(settings: EdgeSettings, config: Path, *, until_drained: bool) -> int:
    event_log.configure()
    load_tables_when_needed()
    clock = system_clock()
    spool = Spool.open(settings.spool.path, limits_of(settings.spool), clock)
    release = version("smartstore")
    record = RunRecord(settings.spool.path, release, clock)
    running = Running(f"smartstore-edge {release}", record, ReportedRelease(settings.update.root, clock.monotonic_s))
    courses = Courses(spool, clock, Random(), running)  # noqa: S311 - jitter, not secrets
    on_stop_signals(courses.stop)
    service = ServiceManager()
    try:
        configurator = Configurator(settings, config, clock.monotonic_s)
        done = courses.run(configurator, until_drained=until_drained, watch=service.watch)
    finally:
        service.stopping()
        spool.close()
    return OK if done else FAILED


def _parser(arguments: Sequence[str]) -> ArgumentParser:
    from argparse import ArgumentParser  # noqa: PLC0415 - as main says

    parser = ArgumentParser(prog="smartstore-edge", description="A store's agent.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="play the sources and send what they yield, until stopped")
    run.add_argument("config", type=Path, help="the agent's TOML file")
    run.add_argument("--until-drained", action="store_true", help="end when the sources have ended and all is sent")
    if arguments[:1] != ["run"]:
        _add_further(commands)
    return parser


def _add_further(commands: Any) -> None:
    """Add the commands that a running agent, in the little memory that it has, need not load."""
    from edge.commands import (  # noqa: PLC0415 - as said
        discover,
        doctor,
        enrol,
        init,
        list_decoders,
        status,
        try_map,
        update,
    )

    for command in (init, enrol, doctor, status, discover, list_decoders, try_map, update):
        command.add_parser(commands)


if __name__ == "__main__":
    sys.exit(main())
