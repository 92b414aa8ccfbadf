"""The templates of the pages, and what each of them may use."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from analytics.api.problems import Found
from analytics.web.reader import Reader
from analytics.wording.language import Language

STATIC = Path(__file__).parent / "static"


def render(template: str, language: Language, **values: Any) -> str:
    """Return a page; a name that the template lacks is an error, and every value is escaped."""
    page = _environment().get_template(template)
    return page.render(r=Reader(language), languages=tuple(Language), stylesheet=_stylesheet(), **values)


def problem_page(found: Found, language: Language) -> str:
    """Return the page of a problem."""
    return render("problem.html", language, title=found.title(language), detail=found.detail(language), found=found)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("analytics.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _stylesheet() -> str:
    """Return the stylesheet's address, which changes with its content."""
    digest = hashlib.sha256((STATIC / "style.css").read_bytes()).hexdigest()
    return f"/static/style.css?v={digest[:12]}"
