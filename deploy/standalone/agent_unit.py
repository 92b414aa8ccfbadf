"""The environment that an agent's unit gives it, so that what is measured runs as in production."""

from __future__ import annotations

from pathlib import Path

from standalone.data_folder import CLONE

UNIT = CLONE / "deploy" / "agent" / "smartstore-edge.service"
_CACHE = "%C"
_KEY = "Environment="


def unit_environment(cache: Path) -> dict[str, str]:
    """Return the variables of the unit; ``cache`` takes the place of the system's folder of caches."""
    lines = [line.removeprefix(_KEY) for line in UNIT.read_text().splitlines() if line.startswith(_KEY)]
    pairs = (variable.partition("=") for line in lines for variable in line.split())
    return {name: value.replace(_CACHE, str(cache)) for name, _, value in pairs}
