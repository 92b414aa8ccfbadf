"""Settings of an ingest worker at the tests' own broker and database."""

from __future__ import annotations

from typing import Any

from standalone.broker import PrivateBroker

from ingest.settings import IngestSettings


def worker_settings(database: str, broker: PrivateBroker, **ingest: Any) -> IngestSettings:
    """Return the settings of the worker w1; ``ingest`` has further keys of its ``[ingest]`` table."""
    return IngestSettings.model_validate(
        {
            "broker": {
                "host": broker.host,
                "port": broker.port,
                "username": "ingest",
                "password_file": broker.password_file("ingest"),
            },
            "database": {"url": database},
            "ingest": {"worker": "w1", **ingest},
        }
    )
