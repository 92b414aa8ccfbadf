"""``smartstore``: the interfaces for district operators and evaluators, served or answered in the terminal."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import psycopg
import uvicorn

from analytics import alerts_command, comparison_commands, compute_command, facilities, settings
from analytics.api.app import create_app
from analytics.api.models import Catalogue, CatalogueEntry
from analytics.catalogue.all_metrics import METRICS
from analytics.command_question import CommandError, add_config, add_question, asked_district, asked_store
from analytics.completeness_answer import By
from analytics.completeness_ledger import Question, store_completeness
from analytics.completeness_table import render_completeness
from analytics.district_table import render_district
from analytics.errors import UnknownDevice, UnknownDistrict, UnknownMetric, UnknownStore
from analytics.rendering import render_answer, render_catalogue
from analytics.scheduler.service import Scheduler
from analytics.window_text import WindowRefusedError
from analytics.wording.language import Language
from analytics.wording.texts import say
from edge import event_log
from edge.configuration import ConfigurationError
from edge.stop_signals import on_stop_signals

log = event_log.get(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code: 0 done, 1 failed, 2 wrongly asked (argparse)."""
    parser = _parser()
    parsed = parser.parse_args(arguments)
    try:
        parsed.run(parsed)
    except (CommandError, ConfigurationError, UnknownDevice, UnknownDistrict, UnknownMetric, UnknownStore) as error:
        return _failed(str(error))
    except WindowRefusedError as error:
        return _failed(say(f"problem_detail.{error.code}", Language.EN, **error.values))
    except psycopg.errors.UndefinedTable:
        return _failed("the database has no schema yet: run 'smartstore-ingest migrate'")
    except psycopg.OperationalError as error:
        return _failed(f"the database doesn't answer ({str(error).strip()}): start it, or correct [database] url")
    except OSError as error:
        return _failed(str(error))
    return 0


def _failed(text: str) -> int:
    print(f"smartstore: {text}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="smartstore", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="serve the API and the pages")
    add_config(serve)
    serve.set_defaults(run=_serve)

    scheduler = commands.add_parser(
        "scheduler", help="keep what is computed from readings up to date, and old readings small"
    )
    add_config(scheduler)
    scheduler.set_defaults(run=_scheduler)

    answer = commands.add_parser("facilities", help="answer the smart facilities of a store over a window")
    add_question(answer)
    answer.set_defaults(run=_facilities)

    district = commands.add_parser("district", help="answer a district's sums over its stores, and what they leave out")
    add_question(district, "district")
    district.set_defaults(run=_district)

    ledger = commands.add_parser(
        "completeness", help="say what was expected of a store's devices and agents, and what became of it"
    )
    add_question(ledger)
    ledger.add_argument("--by", type=By, choices=list(By), default=By.DEVICE, help="what a row is of")
    ledger.add_argument("--device", metavar="DEVICE", help="only this device; batches are left out then")
    ledger.set_defaults(run=_completeness)

    compute_command.add_parser(commands)
    comparison_commands.add_parsers(commands)
    alerts_command.add_parser(commands)

    metrics = commands.add_parser("metrics", help="list the metrics, or show one")
    metrics.add_argument("name", nargs="?", metavar="NAME")
    metrics.add_argument(
        "--lang", type=Language, choices=list(Language), default=Language.EN, help="language of the names"
    )
    metrics.add_argument("--json", action="store_true", help="write them as the API gives them")
    metrics.set_defaults(run=_metrics)
    return parser


def _serve(parsed: argparse.Namespace) -> None:
    configured = settings.load(parsed.config)
    event_log.configure()
    app = create_app(configured)
    log.info("web_starting", address=f"http://{configured.web.host}:{configured.web.port}/")
    uvicorn.run(
        app,
        host=configured.web.host,
        port=configured.web.port,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )


def _scheduler(parsed: argparse.Namespace) -> None:
    configured = settings.load(parsed.config)
    event_log.configure()
    scheduler = Scheduler(configured)
    on_stop_signals(scheduler.request_stop)
    scheduler.start()
    scheduler.wait()
    if not scheduler.stop():
        msg = "the scheduler could not go on: its log says why"
        raise CommandError(msg)


def _facilities(parsed: argparse.Namespace) -> None:
    with asked_store(parsed) as (c, window):
        answer = facilities.store_answer(c, parsed.store, window)
    print(answer.model_dump_json(indent=2) if parsed.json else render_answer(answer, parsed.lang), end="\n")


def _district(parsed: argparse.Namespace) -> None:
    with asked_district(parsed) as (c, window):
        answer = facilities.district_answer(c, parsed.district, window)
    print(answer.model_dump_json(indent=2) if parsed.json else render_district(answer, parsed.lang), end="\n")


def _completeness(parsed: argparse.Namespace) -> None:
    with asked_store(parsed) as (c, window):
        question = Question(parsed.by, datetime.now(UTC), parsed.device)
        answer = store_completeness(c, parsed.store, window, question)
    print(answer.model_dump_json(indent=2) if parsed.json else render_completeness(answer, parsed.lang), end="\n")


def _metrics(parsed: argparse.Namespace) -> None:
    if parsed.name is not None and parsed.name not in METRICS:
        raise UnknownMetric(parsed.name)
    chosen = tuple(METRICS.values()) if parsed.name is None else (METRICS[parsed.name],)
    entries = tuple(CatalogueEntry.of(metric) for metric in chosen)
    if not parsed.json:
        print(render_catalogue(entries, parsed.lang), end="")
        return
    shown = Catalogue(metrics=entries) if parsed.name is None else entries[0]
    print(json.dumps(shown.model_dump(mode="json"), ensure_ascii=False, indent=2))
