"""What a new release looks at before it is run for the first time: whether it can use what is on this device."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from edge.configuration import ConfigurationError, read_configuration
from edge.remote.held import HeldFile
from edge.remote.tables import laid_over, local_tables
from edge.settings import EdgeSettings
from edge.spool import schema


def rehearsed(config: Path) -> str:
    """Return the line that the present release reads of this one, which is run as the agent's user.

    Nothing is written: what the platform has configured is laid over the local file, every source is built as for a
    run, and the spool's schema is compared.

    Raises
    ------
    ConfigurationError
        This release cannot run with what is there; the message says why.
    """
    settings = read_configuration(config, EdgeSettings)
    held = HeldFile(settings.spool.path).read()
    if settings.remote_configuration.enabled and held.good is not None:
        settings = laid_over(local_tables(settings), held.good.toml, config.parent)
    for number, each in enumerate(settings.source):
        try:
            each.build()
        except (ValueError, OSError) as error:
            raise ConfigurationError(f"{config}: source[{number}] ({each.name}): {error}") from error
    found = _schema_of(settings.spool.path)
    if found > schema.SCHEMA_VERSION:
        msg = f"{settings.spool.path} was written by a newer release, with schema {found}"
        raise ConfigurationError(msg)
    return json.dumps({"version": version("smartstore"), "spool_schema": schema.SCHEMA_VERSION})


def _schema_of(spool: Path) -> int:
    """Return the version of a spool's schema; 0 where it is not there, or damaged, which the agent deals with."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(spool))}?mode=ro", uri=True)) as db:
            return schema.version(db)
    except sqlite3.DatabaseError:
        return 0
