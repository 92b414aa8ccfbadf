"""The one error of the launcher."""

from __future__ import annotations


class CannotStart(RuntimeError):  # noqa: N818 - reads as what it says
    """Something needed can't be had or doesn't start; the message says what to do about it."""
