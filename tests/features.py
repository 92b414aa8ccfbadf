"""What a run of the tests may find missing, and whether that is allowed."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest
from standalone.requirements import REQUIRE_VARIABLE, Feature, parse_required


def required() -> frozenset[Feature]:
    """Return the features that this run must have (``./deploy/test --require``)."""
    return parse_required(os.environ.get(REQUIRE_VARIABLE, ""))


def require_or_skip(feature: Feature | str, reason: str) -> NoReturn:
    """Skip the calling test because ``feature`` is missing; fail it when this run requires the feature."""
    if Feature(feature) in required():
        pytest.fail(f"{Feature(feature)} is required, but {reason}", pytrace=False)
    pytest.skip(reason)
