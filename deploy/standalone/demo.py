"""The demo: a whole platform on this machine, live with a page to open, or headless as a check."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from analytics.rendering import render_answer
from analytics.results import FacilitiesAnswer
from edge.sources.recording_map import RecordingError
from standalone import completeness
from standalone.children import ends_on_signals
from standalone.data_folder import data_folder
from standalone.database_choice import CHOICES, choose_server
from standalone.failure import CannotStart
from standalone.play import Play, Question, recording_play, simulated_play
from standalone.site import Site
from standalone.truth_check import disagreements

_PROGRESS_EVERY_S = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; returns 0 when it did what it was asked, 1 when a check failed or a part cannot be had."""
    options = _parser().parse_args(arguments)
    try:
        with ends_on_signals():
            return _run(options)
    except (CannotStart, RecordingError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; everything that ran is ended", flush=True)
        return 0 if not options.check else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="deploy/demo", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="play headless, print the answer and the account, and exit"
    )
    parser.add_argument(
        "--recording", type=Path, metavar="FILE", help="play a recording instead of the simulated district"
    )
    parser.add_argument("--map", type=Path, metavar="TOML", help="map of the recording (default: by its first line)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the simulated district (default 1)")
    parser.add_argument("--lang", choices=("en", "zh"), default="en", help="language of the printed answer")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write answers and account to a file")
    parser.add_argument("--database", choices=CHOICES, help="which database (default: SMARTSTORE_DATABASE, else auto)")
    parser.add_argument(
        "--database-url", metavar="URL", help="use this server: postgresql://USER@HOST:PORT/DB?passfile=FILE"
    )
    return parser


def _run(options: argparse.Namespace) -> int:
    folder = data_folder() / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    play = (
        recording_play(options.recording, options.map)
        if options.recording
        else simulated_play(options.seed, folder, live=not options.check)
    )
    server = choose_server(data_folder(), "demo", url=options.database_url, kind=options.database)
    with Site(folder, server, play.agents) as site:
        print(f"playing:  {play.title}", flush=True)
        site.start_platform(play.registry)
        print(f"database: {server.label}\nbroker:   {site.broker.label}\nweb:      {site.web}", flush=True)
        return _check(site, play, options) if options.check else _live(site, play)


def _live(site: Site, play: Play) -> int:
    for agent in site.agents:
        site.start_agent(agent, until_drained=False)
    print(f"\nopen {site.web}/ (pages) or {site.web}/docs (API); Ctrl-C stops everything\n", flush=True)
    while True:
        site.children.watch(lambda: False, _PROGRESS_EVERY_S * 5)
        _print_progress(site, play)


def _check(site: Site, play: Play, options: argparse.Namespace) -> int:
    play_through(site, play)
    answers = ask(site, play)
    found = completeness.accounts(site)
    for answer in answers:
        print(f"\n{render_answer(answer, options.lang)}")
    print(f"\ncompleteness account (readings)\n{completeness.as_table(found)}")
    problems = [problem for account in found for problem in account.problems()]
    if play.simulated:
        problems += disagreements(play, answers)
    if options.json:
        document = {"answers": [a.model_dump(mode="json") for a in answers], "account": completeness.as_json(found)}
        options.json.write_text(json.dumps(document, ensure_ascii=False, indent=1))
    for problem in problems:
        print(f"PROBLEM  {problem}")
    agreed = ", and every figure agrees with the simulator's truth" if play.simulated else ""
    print(f"\n{'FAILED' if problems else f'passed: every accepted reading is committed exactly once{agreed}'}")
    return 1 if problems else 0


def play_through(site: Site, play: Play) -> None:
    """Run every agent until its sources have ended and its spool is empty, showing progress."""
    for agent in site.agents:
        site.start_agent(agent, until_drained=True)
    began = time.monotonic()
    while not site.children.watch(lambda: _ended(site), _PROGRESS_EVERY_S):
        _print_progress(site, play)
    print(f"played and committed in {time.monotonic() - began:.1f} s", flush=True)


def ask(site: Site, play: Play) -> list[FacilitiesAnswer]:
    """Return the API's answer to each question of a play."""
    return [FacilitiesAnswer.model_validate(_facilities(site, question)) for question in play.questions]


def _facilities(site: Site, question: Question) -> Any:
    window = urlencode({"from": question.start.isoformat(), "to": question.end.isoformat()})
    return site.get(f"/stores/{question.store_id}/facilities?{window}")


def _ended(site: Site) -> bool:
    return all(not site.children[agent].running for agent in site.agents)


def _print_progress(site: Site, play: Play) -> None:
    spools = site.get("/completeness")["spools"]
    committed = sum(spool["readings_sealed"] for spool in spools)
    running = sum(site.children[agent].running for agent in site.agents)
    print(f"  {committed:>12,} readings committed, {running} of {len(play.agents)} agents playing", flush=True)
