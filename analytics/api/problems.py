"""What can go wrong, as RFC 9457 problems with stable codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from analytics.wording.language import Language
from analytics.wording.texts import say

MEDIA_TYPE = "application/problem+json"

STATUS_OF: Mapping[str, int] = {
    "window_unreadable": 422,
    "window_naive": 422,
    "window_empty": 422,
    "window_in_the_future": 422,
    "window_too_long": 422,
    "quarter_hours_only": 422,
    "comparison_needs": 422,
    "comparison_no_iso_week": 422,
    "comparison_holiday_unknown": 422,
    "comparison_which_holiday": 422,
    "comparison_day_outside": 422,
    "invalid_request": 422,
    "unknown_store": 404,
    "unknown_district": 404,
    "unknown_device": 404,
    "unknown_metric": 404,
    "unknown_problem": 404,
    "not_found": 404,
    "method_not_allowed": 405,
    "foreign_host": 421,
    "database_unavailable": 503,
    "query_too_slow": 503,
    "not_ready": 503,
    "internal_error": 500,
}
"""Every code with its HTTP status; codes are part of the interface and never change their meaning."""


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str = Field(description="Relative address that describes the kind of problem")
    title: str
    status: int
    detail: str = Field(description="What is wrong with this request, and what to do")
    instance: str = Field(description="The address that was asked for")
    code: str = Field(description="Stable name of the kind, for programs")
    errors: tuple[dict[str, str], ...] | None = Field(
        default=None, description="For invalid_request: where in the request (`at`), and what is wrong (`problem`)"
    )


class ProblemError(Exception):
    """Raised by an endpoint to answer with a problem."""

    def __init__(self, code: str, **values: str) -> None:
        self.found = Found(code, values)
        super().__init__(self.found.detail())


@dataclass(frozen=True, slots=True)
class Found:
    """A problem that was met: its code, what fills its text in, and header fields that its answer needs."""

    code: str
    values: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[dict[str, str], ...] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """HTTP status."""
        return STATUS_OF[self.code]

    def title(self, language: Language = Language.EN) -> str:
        """Return what kind of problem it is."""
        return say(f"problem_title.{self.code}", language)

    def detail(self, language: Language = Language.EN) -> str:
        """Return what is wrong here and what to do."""
        return say(f"problem_detail.{self.code}", language, **self.values)

    def document(self, instance: str) -> dict[str, Any]:
        """Return the problem document of one request."""
        problem = Problem(
            type=type_of(self.code),
            title=self.title(),
            status=self.status,
            detail=self.detail(),
            instance=instance,
            code=self.code,
            errors=self.errors,
        )
        return problem.model_dump(mode="json", exclude_none=True)


def type_of(code: str) -> str:
    """Return the relative URI that names a kind of problem and describes it."""
    return f"/problems/{code}"


def may_answer(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI ``responses`` of an endpoint that can answer with these problems (and any with 500, 503)."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for code in (*codes, "database_unavailable", "internal_error"):
        entry = by_status.setdefault(STATUS_OF[code], {"description": "", "content": {MEDIA_TYPE: {"examples": {}}}})
        entry["description"] = "; ".join(
            filter(None, (entry["description"], say(f"problem_title.{code}", Language.EN)))
        )
        entry["content"][MEDIA_TYPE]["schema"] = Problem.model_json_schema()
        entry["content"][MEDIA_TYPE]["examples"][code] = {"value": _example(code)}
    return by_status


def _example(code: str) -> dict[str, Any]:
    values = {
        "name": "from",
        "text": "2026-03-02T09:00",
        "start": "2026-03-02T00:00:00+08:00",
        "end": "2026-03-02T00:00:00+08:00",
        "now": "2026-03-01T12:00:00+00:00",
        "days": "731.0",
        "most": "400",
        "id": "north-gate",
        "store": "north-gate",
        "errors": "query.from: Field required",
        "cause": "The database has no schema yet: run 'smartstore-ingest migrate'.",
        "seconds": "30",
        "against": "before_and_after",
        "week": "53",
        "year": "2003",
        "first": "2004",
        "last": "2026",
        "found": "national_day, mid_autumn_festival",
        "known": "spring_festival, national_day, mid_autumn_festival",
        "at": "2026-03-09",
    }
    errors = ({"at": "query.from", "problem": "Field required"},) if code == "invalid_request" else None
    return Found(code, values, errors).document("/stores/north-gate/facilities?from=2026-03-02T09:00&to=2026-03-02")


WINDOW_CODES = tuple(code for code in STATUS_OF if code.startswith("window_"))
"""The problems of an endpoint that takes a window."""
COMPARISON_CODES = (*WINDOW_CODES, *(code for code in STATUS_OF if code.startswith("comparison_")))
"""The problems of an endpoint that compares it with another."""
