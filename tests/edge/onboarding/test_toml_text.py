"""What is written as TOML is read back as it was."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge.onboarding.toml_text import read_value, table_lines, value_text

TEXTS = st.text(st.characters(codec="utf-8"))
PLAIN = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXTS | st.dates() | st.times()
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=10)


@given(VALUES)
def test_values_come_back(value: Any) -> None:
    assert tomllib.loads(f"key = {value_text(value)}")["key"] == value
    assert read_value(value_text(value)) == value


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_tables_come_back(keys: dict[str, Any]) -> None:
    assert tomllib.loads("\n".join(table_lines(keys, dict.fromkeys(keys, "a note")))) == keys
    assert tomllib.loads("\n".join(table_lines(keys, {}, commented=True))) == {}


def test_what_is_no_toml_is_text() -> None:
    assert read_value("http://192.168.1.20/status") == "http://192.168.1.20/status"
    assert read_value("1\nother = 2") == "1\nother = 2"
