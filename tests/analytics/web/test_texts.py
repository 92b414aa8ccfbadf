"""Texts are whole in both languages, each is used, and nothing that is used is missing."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

import analytics
from analytics.api.problems import STATUS_OF
from analytics.results import Status
from analytics.wording.language import Language
from analytics.wording.texts import catalogue
from edge.wire.series import Origin

ROOT = Path(analytics.__file__).parent
_LITERAL = re.compile(r"[\"']([a-z_]+\.[A-Za-z_]+)[\"']")
_BUILT = re.compile(r"[\"']([a-z_]+)\.(?:[\"'] ~|\{)")


def _sources() -> str:
    files = [*(ROOT / "web").rglob("*.html"), *ROOT.rglob("*.py")]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("key", sorted(catalogue()))
def test_a_text_says_the_same_with_the_same_values_in_both_languages(key: str) -> None:
    both = catalogue()[key]
    assert set(both) == set(Language)
    assert all(text.strip() for text in both.values())
    assert _fields(both[Language.EN]) == _fields(both[Language.ZH])


def test_every_text_that_a_page_or_table_names_exists_and_every_text_is_named() -> None:
    sources, keys = _sources(), set(catalogue())
    sections = {key.partition(".")[0] for key in keys}
    built = {section for section in _BUILT.findall(sources) if section in sections}
    named = {key for key in _LITERAL.findall(sources) if key.partition(".")[0] in sections}
    assert named - keys == set()
    assert {key for key in keys - named if key.partition(".")[0] not in built} == set()


@pytest.mark.parametrize(
    ("section", "members"),
    [("state", Status), ("state_meaning", Status), ("origin", Origin), ("problem_title", STATUS_OF)],
)
def test_every_word_of_a_vocabulary_has_its_text(section: str, members: list[str]) -> None:
    assert {f"{section}.{member}" for member in members} <= set(catalogue())
    assert {key for key in catalogue() if key.startswith(f"{section}.")} == {
        f"{section}.{member}" for member in members
    }
