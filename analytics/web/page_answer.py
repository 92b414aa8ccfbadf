"""A page as it is answered: in the reader's language, with the links to the others."""

from __future__ import annotations

from typing import Any

from fastapi.responses import HTMLResponse

from analytics.web.language_choice import remember
from analytics.web.page_request import PageRequest
from analytics.web.templates import render
from analytics.wording.language import Language


def page_answer(page: PageRequest, template: str, **values: Any) -> HTMLResponse:
    """Render a template for a request."""
    url = page.request.url
    links = {language: url.include_query_params(lang=language.value).query for language in Language}
    answer = HTMLResponse(render(template, page.language, path=url.path, language_links=links, **values))
    answer.headers["vary"] = "Accept-Language, Cookie"
    remember(page.request, answer, page.language)
    return answer
