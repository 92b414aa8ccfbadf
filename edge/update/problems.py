"""Why a release is not installed: for now, or at all."""

from __future__ import annotations

from edge.onboarding.wording import Words


class UpdateProblem(Exception):  # noqa: N818 - what it is called is told by its two kinds
    """Something that keeps a release from being installed, and what to do about it."""

    def __init__(self, problem: Words, fix: Words) -> None:
        super().__init__(f"{problem.en}; {fix.en}")
        self.problem = problem
        self.fix = fix


class ReleaseDelayed(UpdateProblem):
    """What is missing can come: the next run tries again."""


class ReleaseRefused(UpdateProblem):
    """These very bytes are not installed, today or later."""


REPORT_IT = Words("announce a release that was made anew", "请发布重新制作的版本")
