"""The handbook says the same in both languages, and what it has people type is what the commands understand."""

from __future__ import annotations

import argparse
import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from analytics import cli as analytics_cli
from edge import cli as edge_cli
from ingest import cli as ingest_cli

HANDBOOK = Path(__file__).parents[2] / "analytics" / "handbook"
PAGES = sorted(page.name for page in (HANDBOOK / "en").glob("*.md"))
BLOCK = re.compile(r"^```.*?^```$|^    [^\n]*$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`]+)`")
NUMBER = re.compile(r"\d[\d,.]*(?<![,.])")


def page(language: str, name: str) -> str:
    return (HANDBOOK / language / name).read_text(encoding="utf-8")


def prose(text: str) -> str:
    return BLOCK.sub("", text)


def rows(text: str) -> list[str]:
    return [line for line in prose(text).splitlines() if line.startswith("|")]


def test_every_page_is_there_in_both_languages() -> None:
    assert PAGES
    assert sorted(each.name for each in (HANDBOOK / "zh").glob("*.md")) == PAGES


@pytest.mark.parametrize("name", PAGES)
class TestBothLanguages:
    def test_the_headings_have_the_same_order_and_depth(self, name: str) -> None:
        depths = [re.findall(r"^(#+) ", prose(page(language, name)), re.MULTILINE) for language in ("en", "zh")]
        assert depths[0] == depths[1]
        assert depths[0][0] == "#"

    def test_the_code_blocks_are_the_same(self, name: str) -> None:
        english, chinese = (BLOCK.findall(page(language, name)) for language in ("en", "zh"))
        assert chinese == english

    def test_every_name_in_the_english_text_is_in_the_chinese(self, name: str) -> None:
        """The Chinese text has more of them: it says in words what the blocks' comments say in English."""
        english, chinese = (set(INLINE.findall(prose(page(language, name)))) for language in ("en", "zh"))
        assert english - chinese == set()

    def test_the_tables_have_the_same_rows_with_the_same_figures(self, name: str) -> None:
        english, chinese = (rows(page(language, name)) for language in ("en", "zh"))
        figures = [[sorted(NUMBER.findall(row)) for row in table] for table in (english, chinese)]
        assert figures[0] == figures[1]

    def test_a_paragraph_is_one_line_in_chinese(self, name: str) -> None:
        """A line's end is shown as a space, which does not belong between two Chinese characters."""
        lines = prose(page("zh", name)).splitlines()
        pairs = pairwise(lines)
        begins = ("#", "|", "- ")
        assert [(a, b) for a, b in pairs if a and b and not b.startswith(begins)] == []


def test_the_table_of_devices_is_the_same() -> None:
    english, chinese = (rows(page(language, "decoders.md"))[1:] for language in ("en", "zh"))
    assert chinese == english


def commands() -> list[str]:
    """Return the command lines of the code blocks, without their comments."""
    blocks = [block for name in PAGES for block in BLOCK.findall(page("en", name))]
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith(("smartstore ", "smartstore-edge ", "smartstore-ingest "))]


def ingest_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(required=True)
    for group in ingest_cli.GROUPS:
        group.add_parser(verbs)
    return parser


@pytest.mark.parametrize("line", commands())
def test_the_commands_are_understood(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    program, *words = shlex.split(line, comments=True)
    parsers = {
        "smartstore": analytics_cli._parser,
        "smartstore-edge": lambda: edge_cli._parser(words),
        "smartstore-ingest": ingest_parser,
    }
    parser = parsers[program]()
    try:
        assert parser.parse_args(words)
    except SystemExit:
        pytest.fail(capsys.readouterr().err)
