"""``smartstore compare`` and ``smartstore explain``: a window against another, for a store or a district."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from typing import Any

from analytics.command_question import CommandError, add_window, asked_district, asked_store
from analytics.comparison.alignment import Against, Alignment
from analytics.comparison.compare import ComparisonQuestion, compare_district, compare_store
from analytics.comparison.table import render_comparison, render_district_comparison
from analytics.day_types import Holiday
from analytics.explain.explain import explain_district, explain_store
from analytics.explain.reading import DIRECTIONS
from analytics.explain.table import render_explanation
from analytics.results import ResultModel
from analytics.window_text import AskedWindow

FOOTFALL = "footfall_entries"


def add_parsers(commands: Any) -> None:
    """Add both verbs."""
    compare = commands.add_parser("compare", help="compare a metric over two windows, with what differs between them")
    _add_place(compare)
    compare.add_argument("--metric", default=FOOTFALL, metavar="NAME", help=f"the metric (default: {FOOTFALL})")
    compare.add_argument(
        "--like-for-like", action="store_true", help="only what both windows have, and what that leaves out"
    )
    compare.set_defaults(run=_compare)
    explain = commands.add_parser("explain", help="split the change of a footfall into parts that sum exactly")
    _add_place(explain)
    explain.add_argument("--metric", default=FOOTFALL, choices=list(DIRECTIONS), help="the footfall to explain")
    explain.set_defaults(run=_explain)


def _add_place(verb: argparse.ArgumentParser) -> None:
    place = verb.add_mutually_exclusive_group(required=True)
    place.add_argument("store", nargs="?", metavar="STORE", help="id of the store in the registry")
    place.add_argument("--district", metavar="ID", help="a district's stores in place of one store")
    add_window(verb)
    verb.add_argument(
        "--against", type=Against, choices=list(Against), default=Against.LIKE_PERIOD, help="what to compare with"
    )
    verb.add_argument("--base-year", type=int, metavar="YEAR", help="compare with this year (default: the year before)")
    verb.add_argument("--holiday", type=Holiday, choices=list(Holiday), help="the holiday to align by")
    verb.add_argument("--at", type=date.fromisoformat, metavar="DAY", help="the day that parts before from after")
    verb.add_argument("--against-from", metavar="TIME", help="start of the other window")
    verb.add_argument("--against-to", metavar="TIME", help="end of the other window, not included")


def _alignment(parsed: argparse.Namespace) -> Alignment:
    if (parsed.against_from is None) != (parsed.against_to is None):
        msg = "give both --against-from and --against-to"
        raise CommandError(msg)
    other = None if parsed.against_from is None else AskedWindow.read(parsed.against_from, parsed.against_to)
    return Alignment(parsed.against, parsed.base_year, parsed.holiday, parsed.at, other)


def _compare(parsed: argparse.Namespace) -> None:
    question = ComparisonQuestion(parsed.metric, _alignment(parsed), parsed.like_for_like)
    if parsed.district is None:
        with asked_store(parsed) as (c, window):
            answer = compare_store(c, parsed.store, window, question)
        _write(parsed, answer, "" if parsed.json else render_comparison(answer, parsed.lang))
        return
    with asked_district(parsed) as (c, window):
        of_district = compare_district(c, parsed.district, window, question)
    _write(parsed, of_district, "" if parsed.json else render_district_comparison(of_district, parsed.lang))


def _explain(parsed: argparse.Namespace) -> None:
    alignment = _alignment(parsed)
    if parsed.district is None:
        with asked_store(parsed) as (c, window):
            answer = explain_store(c, parsed.store, window, parsed.metric, alignment)
    else:
        with asked_district(parsed) as (c, window):
            answer = explain_district(c, parsed.district, window, parsed.metric, alignment)
    _write(parsed, answer, "" if parsed.json else render_explanation(answer, parsed.lang))


def _write(parsed: argparse.Namespace, answer: ResultModel, table: str) -> None:
    sys.stdout.write(answer.model_dump_json(indent=2) + "\n" if parsed.json else table)
