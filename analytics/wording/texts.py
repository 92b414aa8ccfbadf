"""The texts of ``texts.toml``, each in English and Chinese under one key."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

from analytics.results import Text
from analytics.wording.language import Language


@cache
def catalogue() -> dict[str, dict[Language, str]]:
    """Return every text by its key, ``section.name``."""
    document = tomllib.loads(resources.files("analytics.wording").joinpath("texts.toml").read_text("utf-8"))
    return {
        f"{section}.{name}": {Language(code): words for code, words in both.items()}
        for section, entries in document.items()
        for name, both in entries.items()
    }


def say(key: str, language: Language, **values: object) -> str:
    """Return a text with its values filled in; an unknown key or a missing value is an error, never a blank."""
    return catalogue()[key][language].format(**values)


def either(key: str, otherwise: str, language: Language) -> str:
    """Return a text, or the fallback where the vocabulary that keys come from has grown past the catalogue."""
    both = catalogue().get(key)
    return both[language] if both else otherwise


def of(text: Text, language: Language) -> str:
    """Return the reader's side of a text, in English with a capital: it begins a line wherever it stands."""
    return text.zh if language is Language.ZH else text.en[:1].upper() + text.en[1:]


def both(key: str) -> Text:
    """Return a text without values in both languages."""
    return Text(en=catalogue()[key][Language.EN], zh=catalogue()[key][Language.ZH])
