"""Opening a history: the file by its kind, its map, and the identity under which it is imported."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

from ingest.history.block import Block, HistoryError, HistoryFile
from ingest.history.csv_file import CsvFile
from ingest.history.exported_rows import ExportedRows
from ingest.history.history_map import HistoryMap, load_history_map
from ingest.history.mapped_rows import MappedRows
from ingest.history.parquet_file import ParquetFile
from ingest.history.row_readings import Readings
from ingest.history.sealing import rows_a_block, spool_of
from ingest.history.targets import Targets


class Rows(Protocol):
    """What reads a file's blocks as its map describes them."""

    @property
    def targets(self) -> Targets:
        """The series met so far."""

    def read(self, block: Block) -> Readings:
        """Return the readings of the next block."""


@dataclass(frozen=True, slots=True)
class History:
    """A file that can be imported for an agent."""

    agent: str
    path: Path
    spool: UUID
    file: HistoryFile
    described: HistoryMap
    rows: Rows
    _state: tuple[int, int]

    def blocks(self) -> Iterator[Block]:
        """Yield the file's blocks.

        Raises
        ------
        HistoryError
            The file has changed since it was opened: what was imported is not what its digest says.
        """
        yield from self.file.blocks(rows_a_block(self.described))
        if _state_of(self.path) != self._state:
            msg = f"{self.path} was changed while it was imported; import it again once it is left alone"
            raise HistoryError(msg)


def open_history(path: Path, map_path: Path, agent: str) -> History:
    """Open a file with its map; a name that ends with ``.parquet`` is read as Parquet, any other as CSV.

    Raises
    ------
    edge.configuration.ConfigurationError
        The map is wrong; the message names the key.
    HistoryError
        The file cannot be read, or is not the one of the map.
    """
    described = load_history_map(map_path)
    parquet = path.suffix.lower() == ".parquet"
    if described.time.form == "timestamp" and not parquet:
        msg = f"{map_path}: time.form: timestamp is Parquet's own; give the form in which {path.name} writes times"
        raise HistoryError(msg)
    try:
        state = _state_of(path)
        with path.open("rb") as file:
            file_sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); give the path of a CSV or Parquet file"
        raise HistoryError(msg) from None
    map_sha256 = hashlib.sha256(map_path.read_bytes()).hexdigest()
    return History(
        agent=agent,
        path=path,
        spool=spool_of(agent, file_sha256, map_sha256),
        file=(ParquetFile if parquet else CsvFile)(path, described),
        described=described,
        rows=MappedRows(described) if described.exported is None else ExportedRows(described, described.exported),
        _state=state,
    )


def _state_of(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
