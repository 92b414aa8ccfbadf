"""The kinds of problem that this interface answers with."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from analytics.api import examples
from analytics.api.models import ProblemKind, ProblemKinds
from analytics.api.problems import STATUS_OF, ProblemError, may_answer

router = APIRouter(tags=["problems"])

_Code = Annotated[str, Path(description="Stable code of a problem", examples=["window_naive"])]


@router.get("/problems", responses={**examples.of(examples.PROBLEM_KINDS), **may_answer()})
def list_problems() -> ProblemKinds:
    """List every kind of problem, by its code."""
    return ProblemKinds(problems=tuple(ProblemKind.of(code) for code in sorted(STATUS_OF)))


@router.get(
    "/problems/{code}",
    responses={**examples.of(examples.PROBLEM_KIND), **may_answer("invalid_request", "unknown_problem")},
)
def show_problem(code: _Code) -> ProblemKind:
    """Describe one kind of problem: what the `type` of a problem document points to."""
    if code not in STATUS_OF:
        raise ProblemError("unknown_problem", id=code)
    return ProblemKind.of(code)
