"""Which language a browser's reader gets, and how the choice is remembered."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from analytics.wording.language import Language, choose

COOKIE = "language"
_YEAR_S = 365 * 24 * 3600


def chosen_language(request: Request) -> Language:
    """Return the language of ``?lang=``, else of the cookie, else of the browser's own settings."""
    asked, remembered = request.query_params.get("lang"), request.cookies.get(COOKIE)
    return choose(asked, remembered, request.headers.get("accept-language"))


def remember(request: Request, response: Response, language: Language) -> None:
    """Keep a choice that was made by ``?lang=``."""
    if request.query_params.get("lang") == language:
        response.set_cookie(COOKIE, language, max_age=_YEAR_S, httponly=True, samesite="lax")
