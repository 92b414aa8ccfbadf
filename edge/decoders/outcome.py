"""What a decoder hands back: readings, refusals, or the refusal of a payload in which there was nothing for it."""

from __future__ import annotations

from edge.decoders.counting import Parts
from edge.decoders.decoder import Decoded, PayloadRefusedError


def outcome(parts: Parts) -> Decoded:
    """Return what was collected; a refusal ``nothing_to_read`` where that is nothing, so that silence is noticed."""
    decoded = parts.decoded()
    if not decoded.readings and not decoded.refused:
        raise PayloadRefusedError(
            "nothing_to_read", "the payload holds none of the values that this decoder reads; is it of another model?"
        )
    return decoded
