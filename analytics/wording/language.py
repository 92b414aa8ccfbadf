"""The languages of pages and tables, and which one a reader gets."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """A language of the interface; the value is what ``?lang=`` and ``--lang`` take."""

    EN = "en"
    ZH = "zh"

    @property
    def tag(self) -> str:
        """BCP 47 tag, for ``lang`` attributes: browsers choose Chinese glyphs by it."""
        return {"en": "en-GB", "zh": "zh-Hans"}[self.value]


def choose(asked: str | None, remembered: str | None, accept_language: str | None) -> Language:
    """Return the language asked for in the address, else the one remembered, else the browser's, else English."""
    for wish in (asked, remembered):
        if wish in tuple(Language):
            return Language(wish)
    return _preferred(accept_language or "")


def _preferred(accept_language: str) -> Language:
    """Return the first language that we have in the order of an Accept-Language field (RFC 9110 section 12.5.4)."""
    wishes: list[tuple[float, str]] = []
    for part in accept_language.split(","):
        tag, _, parameter = part.strip().partition(";")
        weight = _weight(parameter)
        if weight > 0:
            wishes.append((-weight, tag.strip().lower().partition("-")[0]))
    for _, primary in sorted(wishes, key=lambda wish: wish[0]):
        if primary in tuple(Language):
            return Language(primary)
    return Language.EN


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
