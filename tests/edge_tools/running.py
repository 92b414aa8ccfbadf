"""Settings and running parts of an agent for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import Any

from edge_tools.fake_ingest import Broker

from edge.agent import limits_of
from edge.clock import system_clock
from edge.settings import EdgeSettings
from edge.spool.spool import Spool
from edge.uplink import Uplink

AGENT = "shop-1"


def edge_settings(folder: Path, broker: Broker, /, **tables: dict[str, Any]) -> EdgeSettings:
    """Return settings with short times; the source is there because one must be, tests bring their own."""
    defaults: dict[str, Any] = {
        "agent": {"id": AGENT},
        "broker": {"host": broker.host, "port": broker.port, "password_file": str(broker.password_file(AGENT))},
        "spool": {"path": str(folder / "spool.db"), "seal_after_s": 0.05, "batch_readings": 10},
        "uplink": {"acknowledgement_timeout_s": 0.5, "backlog_batches_per_s": 1000, "reconnect_cap_s": 0.5},
        "source": [{"kind": "recording", "name": "unused", "path": "unused.csv", "map": "unused.toml"}],
    }
    for name, table in tables.items():
        defaults[name] = defaults[name] | table
    return EdgeSettings.model_validate(defaults)


def open_spool(settings: EdgeSettings) -> Spool:
    return Spool.open(settings.spool.path, limits_of(settings.spool), system_clock())


@contextmanager
def running_uplink(settings: EdgeSettings, spool: Spool) -> Iterator[Uplink]:
    """Yield an uplink at work in its thread; stopped cleanly at the end."""
    stop = Event()
    uplink = Uplink(settings, spool, system_clock(), Random(1), "test 1")
    thread = Thread(target=uplink.run, args=(stop,))
    thread.start()
    try:
        yield uplink
    finally:
        stop.set()
        uplink.wake()
        thread.join(20)
        assert not thread.is_alive()
