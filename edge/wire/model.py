"""What every wire document has in common: strict, frozen, closed to unknown fields, one canonical text."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

WIRE_VERSION: Literal[1] = 1
"""The major version that this release writes; ingest also reads the one before it."""

# Lengths are bounds of their own here: counted in a pattern they take a hundred KiB, once for each field that has it.
AgentId = Annotated[str, StringConstraints(max_length=63, pattern=r"^[a-z0-9][a-z0-9-]*$")]
"""Name of an agent; also its MQTT user name, its client id and its level in a topic."""


def _not_the_platform(agent: str) -> str:
    if agent == "ingest" or agent.startswith("ingest-"):
        msg = "names that begin with 'ingest' are the platform's own; choose another name for the agent"
        raise ValueError(msg)
    return agent


AgentName = Annotated[AgentId, AfterValidator(_not_the_platform)]
Identifier = Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]*$")]
"""Name of a device as the registry knows it."""
Sha256Hex = Annotated[str, StringConstraints(min_length=64, max_length=64, pattern=r"^[0-9a-f]+$")]
Sequence = Annotated[int, Field(ge=1, le=2**63 - 1)]
"""Number of a batch in its spool, from 1, never used twice in one spool."""
InstantUs = Annotated[int, Field(ge=-(2**62), le=2**62)]
"""Microseconds since 1970-01-01T00:00:00Z."""
Count = Annotated[int, Field(ge=0, le=2**63 - 1)]


class WireModel(BaseModel):
    """A document or part of one: unknown fields are errors, infinities and NaN are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def canonical(document: WireModel) -> bytes:
    """Return the one text of a document: its fields in declared order, UTF-8 JSON without spaces."""
    return document.model_dump_json().encode()


def digest(payload: bytes) -> str:
    """Return the SHA-256 of a payload in lower-case hexadecimal."""
    return hashlib.sha256(payload).hexdigest()


def error_lines(errors: list[Any]) -> str:
    """Return pydantic's errors as one line that names each field, without the refused content."""
    return "; ".join(f"{'.'.join(str(part) for part in e['loc']) or 'document'}: {e['msg']}" for e in errors[:5])
