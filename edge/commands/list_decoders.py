"""``smartstore-edge decoders``: which devices the agent can read, and what each decoder was made from."""

from __future__ import annotations

import argparse
import sys
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("decoders", help="list the decoders: devices, what each was made from, its source")
    parser.set_defaults(run=run)


def run(_options: argparse.Namespace) -> int:
    """Print the decoders by name; always succeeds."""
    from edge.decoders.registry import DECODERS  # noqa: PLC0415 - other commands start without the decoders

    for name, decoder in sorted(DECODERS.items()):
        sys.stdout.write(f"{name}\n  {decoder.title}\n  made from {decoder.made_from.value}: {decoder.source}\n")
    return 0
