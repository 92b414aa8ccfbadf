"""The folders of ``cases``: how a decoder's examples are found and read, for every test that goes over them."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from edge.decoders.decoder import Arrival, Decoded, Decoder, PayloadRefusedError
from edge.decoders.registry import DECODERS

ROOT = Path(__file__).parents[1] / "edge" / "decoders" / "cases"


class Case:
    """One folder: a payload, how it arrived, and the options of its decoder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.described: dict[str, Any] = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))

    def __str__(self) -> str:
        return self.folder.relative_to(ROOT).as_posix()

    @property
    def decoder(self) -> Decoder[Any]:
        return DECODERS[self.folder.parent.name]

    @cached_property
    def payload(self) -> bytes:
        (path,) = self.folder.glob("payload.*")
        return bytes.fromhex(path.read_text()) if path.suffix == ".hex" else path.read_bytes()

    def arrival(self, payload: bytes | None = None) -> Arrival:
        at: datetime = self.described["at"]
        at_us = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        topic, content_type = self.described.get("topic", ""), self.described.get("content_type", "")
        return Arrival(self.payload if payload is None else payload, at_us, topic, content_type)

    @property
    def options(self) -> dict[str, Any]:
        options: dict[str, Any] = self.described.get("options", {})
        return options

    @cached_property
    def decode(self) -> Callable[[Arrival], Decoded]:
        return self.decoder.configured(self.options)

    def decoded(self, payload: bytes | None = None) -> Decoded:
        """Return what the decoder gives, a refusal of the whole payload as that of a part."""
        try:
            return self.decode(self.arrival(payload))
        except PayloadRefusedError as refused:
            return Decoded(refused=(refused,))


CASES = [Case(path.parent) for path in sorted(ROOT.glob("*/*/case.toml"))]


def cases_of(name: str) -> list[Case]:
    return [case for case in CASES if case.folder.parent.name == name]
