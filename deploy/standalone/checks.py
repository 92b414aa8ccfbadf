"""``./deploy/test``: every check and every test, with the database and broker of this machine."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from standalone.children import ends_on_signals
from standalone.data_folder import CLONE, data_folder
from standalone.database_choice import CHOICES, KIND_VARIABLE, URL_VARIABLE, choose_installation
from standalone.failure import CannotStart
from standalone.mosquitto import find_mosquitto
from standalone.named_server import NamedServer
from standalone.requirements import REQUIRE_VARIABLE, Feature, parse_required

_FOLDERS = ("analytics", "deploy", "edge", "ingest", "tests")


def main(argv: Sequence[str] | None = None) -> int:
    """Run everything and return the exit code: 0 only if every check passed."""
    options, pytest_options = _parser().parse_known_args(argv)
    try:
        os.environ[REQUIRE_VARIABLE] = ",".join(sorted(parse_required(options.require)))
        data = data_folder()
        print(f"database: {_database(data, options.database_url, options.database)}", flush=True)
        print(f"broker: {find_mosquitto(data).label}", flush=True)
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    with ends_on_signals():
        return _run_all(data, pytest_options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./deploy/test",
        description="Run every check and test. Further options go to pytest.",
        allow_abbrev=False,
    )
    parser.add_argument("--database", choices=CHOICES, help="where the private database server comes from")
    parser.add_argument("--database-url", help="use this server instead; databases are made and dropped on it")
    parser.add_argument(
        "--require",
        default=os.environ.get(REQUIRE_VARIABLE, ""),
        metavar="FEATURES",
        help=f"fail, don't skip, where one is missing; a comma-separated list of {', '.join(Feature)}",
    )
    return parser


def _database(data: Path, url: str | None, kind: str | None) -> str:
    """Settle the database for the tests' own fixtures, which read the environment; return its label."""
    url = url or (os.environ.get(URL_VARIABLE) if kind is None else None)
    if url:
        named = NamedServer(url)
        named.start()
        os.environ[URL_VARIABLE] = url
        return named.label
    os.environ.pop(URL_VARIABLE, None)
    installation = choose_installation(data, kind)
    os.environ[KIND_VARIABLE] = installation.kind
    return installation.label


def _run_all(data: Path, pytest_options: list[str]) -> int:
    programs = Path(sys.executable).parent
    caches = data / "caches"
    environment = {
        **os.environ,
        "RUFF_CACHE_DIR": str(caches / "ruff"),
        "MYPY_CACHE_DIR": str(caches / "mypy"),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(caches / "hypothesis"),
    }
    checks: dict[str, list[str | Path]] = {
        "ruff check": [programs / "ruff", "check", *_FOLDERS],
        "ruff format": [programs / "ruff", "format", "--check", *_FOLDERS],
        "mypy": [programs / "mypy"],
        "import contracts": [programs / "lint-imports", "--cache-dir", caches / "import-linter"],
        "pytest": [programs / "pytest", "-o", f"cache_dir={caches / 'pytest'}", *pytest_options],
    }
    failed = []
    for name, argv in checks.items():
        print(f"\n== {name}", flush=True)
        try:
            code = subprocess.run(argv, cwd=CLONE, env=environment, check=False).returncode
        except KeyboardInterrupt:
            return 130
        if code != 0:
            failed.append(f"{name} (exit code {code})")
    print(f"\nfailed: {', '.join(failed)}" if failed else "\nevery check passed", flush=True)
    return 1 if failed else 0
