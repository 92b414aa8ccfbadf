"""From payload bytes to documents; a payload that is not one raises ``WireError`` with the reason to keep it under."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from edge.wire.acknowledgement import Acknowledgement, RefusalReason
from edge.wire.batch import MAX_PAYLOAD_BYTES, Batch
from edge.wire.compression import InflationError, inflated
from edge.wire.configuration import Configuration
from edge.wire.model import error_lines
from edge.wire.personal_data import forbidden_names
from edge.wire.presence import Birth, IngestState, Will
from edge.wire.series import SeriesTable

READABLE_VERSIONS = frozenset({1})
"""Major versions that this release reads: its own and the one before it (there is none before 1)."""

Document = Batch | SeriesTable | Acknowledgement | Birth | Will | IngestState | Configuration
_DOCUMENT: TypeAdapter[Document] = TypeAdapter(Annotated[Document, Field(discriminator="type")])


class WireError(ValueError):
    """A payload that is not a document of the contract; ``detail`` never repeats its content."""

    def __init__(self, reason: RefusalReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail[:500]


def decode(payload: bytes) -> Document:
    """Return the document that a payload holds, compressed or not.

    Raises
    ------
    WireError
        With the reason: too large, personal data (by name of a field), unknown version, or undecodable.
    """
    text = text_of(payload)
    try:
        document = _DOCUMENT.validate_json(text)
    except ValidationError as error:
        raise _explained(text, error) from None
    if names := _names_in_free_text(document):
        raise WireError(RefusalReason.PERSONAL_DATA, f"names of personal data: {', '.join(names)}")
    return document


def text_of(payload: bytes) -> bytes:
    """Return the text of a payload, which is at most one MiB long, as the payload itself is.

    Raises
    ------
    WireError
        Too large, or undecodable: a compressed payload that cannot be inflated.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        detail = f"{len(payload)} bytes; the limit is {MAX_PAYLOAD_BYTES}"
        raise WireError(RefusalReason.TOO_LARGE, detail)
    try:
        return inflated(payload, MAX_PAYLOAD_BYTES)
    except InflationError as error:
        reason = RefusalReason.TOO_LARGE if error.too_large else RefusalReason.UNDECODABLE
        raise WireError(reason, str(error)) from None


def loosely(text: str) -> Any:
    """Return what a text says where it is JSON, else the text itself: the form in which the deny-list reads it."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _names_in_free_text(document: Document) -> list[str]:
    """Look where a valid document has free text; its other fields are closed by the contract."""
    if isinstance(document, SeriesTable):
        return forbidden_names(document.model_dump(mode="json"))
    if isinstance(document, Batch) and document.refusals:
        return forbidden_names([loosely(refusal.payload) for refusal in document.refusals])
    return []


def _explained(text: bytes, error: ValidationError) -> WireError:
    """Say why a text is not a document: its content is looked at only here, where it did not validate."""
    loose = loosely(text.decode("utf-8", errors="replace"))
    if names := forbidden_names(loose):
        return WireError(RefusalReason.PERSONAL_DATA, f"names of personal data: {', '.join(names)}")
    version = loose.get("version") if isinstance(loose, dict) else None
    if isinstance(version, int) and version not in READABLE_VERSIONS:
        readable = ", ".join(map(str, sorted(READABLE_VERSIONS)))
        return WireError(RefusalReason.VERSION_UNKNOWN, f"version {version}; this release reads {readable}")
    details = error_lines(error.errors(include_url=False, include_context=False, include_input=False))
    return WireError(RefusalReason.UNDECODABLE, details)
