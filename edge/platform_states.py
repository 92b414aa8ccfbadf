"""Whether the platform takes batches now, from the retained state of each ingest worker."""

from __future__ import annotations

from edge import event_log
from edge.wire.decode import WireError, decode
from edge.wire.presence import IngestState

log = event_log.get(__name__)


class PlatformStates:
    """The ingest workers heard of on this connection."""

    def __init__(self) -> None:
        self._accepting: dict[str, bool] = {}

    @property
    def accepting(self) -> bool:
        """Whether at least one worker takes batches."""
        return any(self._accepting.values())

    def take(self, topic: str, payload: bytes) -> None:
        """Note a worker's state; an empty payload is a worker that was removed for good."""
        if not payload:
            self._accepting.pop(topic, None)
            return
        try:
            document = decode(payload)
        except WireError as error:
            log.warning(
                "ingest_state_unreadable", topic=topic, detail=error.detail, fix="update the agent or the worker"
            )
            return
        if isinstance(document, IngestState):
            if self._accepting.get(topic) != document.accepting:
                log.info("ingest_state", topic=topic, accepting=document.accepting, reason=document.reason)
            self._accepting[topic] = document.accepting
