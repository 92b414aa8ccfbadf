"""The text table: aligned in a terminal, whole, and without a number where there is none."""

from __future__ import annotations

import unicodedata

import made_answers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.rendering import render_answer, table
from analytics.wording.language import Language


def _cells(text: str) -> int:
    return sum(1 + (unicodedata.east_asian_width(c) in {"W", "F"}) for c in text)


@pytest.mark.parametrize("language", Language)
def test_every_area_has_its_row(language: Language) -> None:
    answer = made_answers.store_answer("north-gate")
    lines = render_answer(answer, language).splitlines()
    for area in answer.areas:
        name = area.name.zh if language is Language.ZH else area.name.en
        assert any(line.startswith(f"{name}  ") for line in lines), name


def test_the_states_are_told_and_no_number_is_invented() -> None:
    lines = render_answer(made_answers.store_answer("north-gate"), "en").splitlines()
    rows = {line.split("  ")[0]: line for line in lines if "  " in line.strip()}
    assert "Not enough data" in rows["Air"]
    assert "61.0%" in rows["Air"]
    assert "0/1200" in rows["Shelf labels"]
    assert rows["Parking"].split() == ["Parking", "Not", "installed", "–", "–", "–", "0/0", "–"]


def test_limits_changes_and_steps_are_listed() -> None:
    text = render_answer(made_answers.store_answer("north-gate"), "en")
    assert (
        "Carbon dioxide within limit: at most 1,500 ppm, GB 37488-2019 (by analogy) [GB 37488-2019, 4.2.2: 0.15 %]"
        in text
    )
    assert "Entries of the peak hour: 2 March 2026, 18:00 to 19:00" in text
    assert "Footfall, entries: +104 (+6.9%) against Monday 23 February 2026" in text
    assert "Air: Check the power and the network of north-gate-air-2" in text
    assert "Not evidence: These figures stand on simulated readings." in text


_CELL = st.text(st.characters(categories=("L", "N"), max_codepoint=0x9FFF), min_size=1, max_size=12).filter(
    lambda text: not any(unicodedata.combining(c) for c in text)
)


@given(st.lists(st.tuples(_CELL, _CELL, _CELL), min_size=1, max_size=5))
def test_columns_begin_in_the_same_cell_of_a_terminal(rows: list[tuple[str, str, str]]) -> None:
    lines = table(("a", "b", "c"), rows).splitlines()
    starts = [0, *(i + 2 for i in range(len(lines[1])) if lines[1][i : i + 2] == "  ")]
    assert len(lines) == len(rows) + 2
    for line, row in zip(lines[2:], rows, strict=True):
        for start, cell in zip(starts, row, strict=True):
            before, taken = 0, 0
            while before < start and taken < len(line):
                before += _cells(line[taken])
                taken += 1
            assert before == start
            assert line[taken:].startswith(cell)
