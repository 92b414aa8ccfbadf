"""What every page is asked: by whom in which language, and for which days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import Depends, Query, Request
from pydantic import BeforeValidator

from analytics.web.language_choice import chosen_language
from analytics.web.period import asked_days
from analytics.window_text import AskedWindow
from analytics.wording.language import Language

# A form sends a field that was left empty as an empty text.
_Day = Annotated[date | None, BeforeValidator(lambda text: text or None), Query()]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request for a page, the moment at which it came, and the days that it names (None: the latest with data)."""

    request: Request
    language: Language
    asked: AskedWindow | None
    now: datetime

    @property
    def days(self) -> tuple[date, ...]:
        """Days on which the registry's facts may be looked up, the best first."""
        return self.asked.days if self.asked else (self.now.date(),)


def page_request(request: Request, first_day: _Day = None, last_day: _Day = None) -> PageRequest:
    """Read the language and the days that a page is asked for."""
    return PageRequest(request, chosen_language(request), asked_days(first_day, last_day), datetime.now(UTC))


PageRequestDep = Annotated[PageRequest, Depends(page_request)]
"""The request for a page, for its arguments."""
