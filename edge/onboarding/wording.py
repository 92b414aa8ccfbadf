"""Texts for the person at the agent, each in English and Chinese; both stand where the text is used."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple


class Language(StrEnum):
    """A language that the commands speak."""

    ENGLISH = "en"
    CHINESE = "zh"


class Words(NamedTuple):
    """One text in both languages."""

    en: str
    zh: str

    def format(self, **values: Any) -> Words:
        """Return the text with values filled in, as ``str.format``; a value that is itself ``Words`` in its language.

        Examples
        --------
        >>> Words("disk {name} is full", "磁盘 {name} 已满").format(name="/data").zh
        '磁盘 /data 已满'
        """
        return Words(self.en.format(**_in("en", values)), self.zh.format(**_in("zh", values)))

    def told(self, language: Language) -> str:
        """Return the text in a language."""
        return self.zh if language is Language.CHINESE else self.en


def plain(text: str) -> Words:
    """Return a text that is the same in both languages: a name, a number, another program's message."""
    return Words(text, text)


def language_of(wanted: str | None, environment: Mapping[str, str] | None = None) -> Language:
    """Return the language to speak: the wanted one, else that of ``LC_ALL``, ``LC_MESSAGES`` or ``LANG``, else English.

    Examples
    --------
    >>> language_of(None, {"LANG": "zh_CN.UTF-8"}).value
    'zh'
    """
    if wanted is not None:
        return Language(wanted)
    variables = os.environ if environment is None else environment
    named = next((variables[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if variables.get(name)), "")
    return Language.CHINESE if named.lower().startswith("zh") else Language.ENGLISH


def add_language(parser: Any) -> None:
    """Give a command's parser the option ``--lang``."""
    choices = [language.value for language in Language]
    parser.add_argument("--lang", choices=choices, help="language of what is shown; that of LANG unless given")


def _in(language: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: getattr(value, language) if isinstance(value, Words) else value for name, value in values.items()}
