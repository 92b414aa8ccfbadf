"""Logs as events with keys, one JSON object a line on standard error.

An event's name is stable and machine-readable; keys carry the particulars. Numbers that are watched over time are
Prometheus metrics, not log lines.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

_KEYS = "event_keys"


class EventLogger:
    """A logger whose calls name an event and its keys."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **keys: Any) -> None:
        """Log an event that only a developer wants."""
        self._logger.debug(event, extra={_KEYS: keys})

    def info(self, event: str, **keys: Any) -> None:
        """Log an event of normal operation."""
        self._logger.info(event, extra={_KEYS: keys})

    def warning(self, event: str, **keys: Any) -> None:
        """Log something that an operator should look at; ``fix`` says what to do."""
        self._logger.warning(event, extra={_KEYS: keys})

    def error(self, event: str, *, exc_info: bool = False, **keys: Any) -> None:
        """Log a failure; ``fix`` says what to do."""
        self._logger.error(event, exc_info=exc_info, extra={_KEYS: keys})


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **getattr(record, _KEYS, {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def get(name: str) -> EventLogger:
    """Return the event logger of a module."""
    return EventLogger(name)


def configure(level: str = "INFO") -> None:
    """Send every event of this process to standard error; called once, by a command."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
