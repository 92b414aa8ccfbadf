"""Wheels of the project in other versions, whole or broken on purpose, built from a copy; and environments for them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution, requires
from pathlib import Path

from standalone.data_folder import CLONE

WANTED = ["pydantic", "paho-mqtt", "pip"]
AGENT_MODULE, STATES_MODULE = "edge/courses.py", "edge/supervision.py"

_PROMPT = {"edge/update/reported.py": ("_LOOK_S = 10.0", "_LOOK_S = 0.2")}
"""Every wheel tells sooner than the real one what became of a release: tests wait for it."""

ENDS_AT_ITS_START = {
    AGENT_MODULE: (
        "        course = configurator.course()\n",
        '        raise SystemExit("broken on purpose")\n        course = configurator.course()\n',
    )
}
SOURCES_FAIL = {
    STATES_MODULE: (
        "                with _closing(",
        '                raise OSError("broken on purpose")\n                with _closing(',
    )
}
NEEDS_A_NEWER_SPOOL = {"edge/spool/schema.py": ("SCHEMA_VERSION = ", "SCHEMA_VERSION = 1000 + ")}
CANNOT_READ_THE_CONFIGURATION = {
    "edge/settings.py": ("    agent: AgentSettings\n", "    agent: AgentSettings\n    novelty: int\n")
}
Changes = dict[str, tuple[str, str]]
"""Text to be replaced once, by file."""


def build_wheel(scratch: Path, version: str, changes: Changes | None = None) -> Path:
    """Return a wheel of the agent alone, in a version of its own."""
    copy = scratch / f"copy-{version}"
    copy.mkdir(parents=True)
    for name in ("README.md", "LICENSE", "pyproject.toml"):
        shutil.copy(CLONE / name, copy / name)
    shutil.copytree(CLONE / "edge", copy / "edge", ignore=shutil.ignore_patterns("__pycache__"))
    project = (copy / "pyproject.toml").read_text()
    for pattern, text in (
        (r'(?m)^version = ".*"$', f'version = "{version}"'),
        (r'(?m)^packages = \[.*"edge".*\]$', 'packages = ["edge"]'),
        (r'(?m)^smartstore(?:-ingest)? = ".*"\n', ""),
    ):
        project, replaced = re.subn(pattern, text, project)
        assert replaced, pattern
    (copy / "pyproject.toml").write_text(project)
    for name, (old, new) in (_PROMPT | (changes or {})).items():
        text = (copy / name).read_text()
        assert old in text, f"{name} has changed: {old!r} is not in it"
        (copy / name).write_text(text.replace(old, new, 1))
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(scratch / "dist")]
    subprocess.run(build, cwd=copy, check=True, capture_output=True)
    (wheel,) = (scratch / "dist").glob(f"smartstore-{version}-*.whl")
    return wheel


def link_dependencies(folder: Path) -> Path:
    """Make a folder that shows what the agent needs, and pip, and nothing else of this interpreter."""
    folder.mkdir()
    names = list(WANTED)
    for name in names:  # grows while it is gone through
        names += [_name(each) for each in requires(name) or () if "extra ==" not in each and _name(each) not in names]
        found = distribution(name)
        tops = {Path(str(each)).parts[0] for each in found.files or ()} - {"..", "__pycache__"}
        for top in tops:
            (folder / top).symlink_to(str(found.locate_file(top)))
    return folder


def make_linked_environment(environment: Path, dependencies: Path) -> None:
    """Make an environment that sees these dependencies; in the place of wheels from an index."""
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", str(environment)], check=True)
    (packages,) = environment.glob("lib/python3*/site-packages")
    (packages / "dependencies.pth").write_text(f"{dependencies}\n")


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9_.-]", requirement)[0].replace("_", "-").lower()
