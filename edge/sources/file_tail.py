"""A source that follows a growing file, or a folder of exports, line by line."""

from __future__ import annotations

import codecs
import csv
import json
import time
from collections.abc import Callable, Iterator
from threading import Event
from typing import Annotated, BinaryIO, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from edge.configuration import ConfiguredPath
from edge.readings import ReadingGroup
from edge.sources.decoding import DecodedSourceSettings, Payload, PayloadReader, group
from edge.sources.source import Journal
from edge.sources.tailed_files import Found, Place, Progress, Progresses, opened, proof_at

_GROUP_LINES = 200
_CHUNK_BYTES = 64 * 1024


class FileTailSettings(DecodedSourceSettings):
    """Configuration of a followed file or folder; a session resumes right after the last accepted line."""

    kind: Literal["file_tail"] = "file_tail"
    path: ConfiguredPath
    """A file, which may be rotated to names that begin with its own, or a folder of files."""
    pattern: Annotated[str, Field(min_length=1)] = "*"
    """Names of the files of a folder, as ``*.csv``."""
    format: Literal["csv", "json_lines", "lines"] = "csv"
    """What the decoder gets for a line: JSON of a row's texts by column, or the line as it is."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    columns: tuple[str, ...] = ()
    """Columns of files without a header line; without any, the first line of each file names them."""
    encoding: Literal["utf-8", "gb18030", "latin-1"] = "utf-8"
    start: Literal["beginning", "end"] = "beginning"
    """Where the very first session begins in what is there already."""
    interval_s: Annotated[float, Field(ge=0.05, le=3600)] = 1.0
    """How often it is looked for new lines."""
    settle_s: Annotated[float, Field(ge=0.1, le=86_400)] = 60.0
    """A last line without an end counts as complete after so long, in files that are written no more."""
    most_line_bytes: Annotated[int, Field(ge=64, le=1024 * 1024)] = _CHUNK_BYTES
    most_files: Annotated[int, Field(ge=1, le=10_000)] = 1000

    @model_validator(mode="after")
    def _columns_of_csv(self) -> Self:
        if self.columns and (self.format != "csv" or len(set(self.columns)) < len(self.columns)):
            msg = "columns names the columns of format 'csv', each once"
            raise ValueError(msg)
        return self

    def build(self) -> FileTail:
        """Return the source."""
        return FileTail(self, self.reader())


class _Line(NamedTuple):
    text: bytes
    """Without its end; None of it is kept where it is too long."""
    end: int
    """Offset after it."""
    too_long: bool = False


class FileTail:
    """Yields lines in groups of up to 200; a position says how far each file was read, and proves it.

    Lines are accepted once, over rotation by renaming, truncation, and files that are replaced by longer versions of
    themselves. What a truncation takes away before it was read is lost; that is the truncation's doing.
    """

    def __init__(
        self, settings: FileTailSettings, reader: PayloadReader, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._reader = reader
        self._monotonic_s = monotonic_s
        self._place = Place(settings.path, settings.pattern, settings.most_files)
        self._still_since: dict[Found, float] = {}

    @property
    def name(self) -> str:
        """Name of the source."""
        return self._settings.name

    def keep(self, journal: Journal) -> None:
        """Use this journal from now on."""
        self._reader.keep(journal)

    def groups(self, position: str | None, stop: Event) -> Iterator[ReadingGroup]:
        """Follow until ``stop`` is set.

        Raises
        ------
        SourceTroubleError
            The file or folder is not there or cannot be read, or the position is not one of such a source.
        """
        progresses = Progresses(position, self._monotonic_s)
        if position is None:
            self._begin(progresses)
            yield group([], progresses.position)
        while True:
            for each in self._look(progresses):
                yield each
                if stop.is_set():
                    return
            if stop.wait(self._settings.interval_s):
                return

    def _begin(self, progresses: Progresses) -> None:
        """Leave out what the very first session is not to read."""
        for file in self._place.files():
            rotated = not self._place.is_folder and not self._place.is_live(file)
            if not rotated and self._settings.start == "beginning":
                continue
            with opened(file) as content:
                if content is not None:
                    offset = file.size if rotated else _last_line_end(content, file.size)
                    if offset > self._columns(content)[1]:
                        self._move(progresses, Progress(file.inode, file.path.name), content, file, offset)

    def _look(self, progresses: Progresses) -> Iterator[ReadingGroup]:
        files = self._place.files()
        live = None if self._place.is_folder else self._place.is_live
        now_s = self._monotonic_s()
        self._still_since = {file: self._still_since.get(file, now_s) for file in files}
        for file, progress in progresses.matched(files, live):
            written_no_more = live is None or not live(file)
            settled = written_no_more and now_s - self._still_since[file] >= self._settings.settle_s
            if file.size > progress.offset:
                with opened(file) as content:
                    if content is not None and progress.is_of(content):
                        yield from self._new_lines(progresses, progress, file, content, settled=settled)

    def _new_lines(
        self, progresses: Progresses, progress: Progress, file: Found, content: BinaryIO, *, settled: bool
    ) -> Iterator[ReadingGroup]:
        columns, start = self._columns(content)
        payloads: list[Payload] = []
        last = progress.offset
        for line in _lines(content, max(last, start), self._settings.most_line_bytes, unended=settled):
            payloads += self._payload(line, columns, file.path.name)
            last = line.end
            if len(payloads) == _GROUP_LINES:
                progress = self._move(progresses, progress, content, file, last)
                yield group(payloads, progresses.position)
                payloads = []
        if payloads:
            self._move(progresses, progress, content, file, last)
            yield group(payloads, progresses.position)

    def _move(self, progresses: Progresses, before: Progress, content: BinaryIO, file: Found, offset: int) -> Progress:
        after = Progress(file.inode, file.path.name, offset, proof_at(content, offset))
        progresses.note(before, after)
        return after

    def _columns(self, content: BinaryIO) -> tuple[list[str], int]:
        """Return the columns of a file, and where its lines begin; before its header is whole, at its end."""
        content.seek(0)
        begin = len(codecs.BOM_UTF8) if content.read(3) == codecs.BOM_UTF8 else 0
        if self._settings.format != "csv" or self._settings.columns:
            return list(self._settings.columns), begin
        content.seek(begin)
        header = content.readline(self._settings.most_line_bytes)
        if not header.endswith(b"\n"):
            return [], content.seek(0, 2)
        return self._fields(header.rstrip(b"\r\n").decode(self._settings.encoding, errors="replace")), content.tell()

    def _payload(self, line: _Line, columns: list[str], file: str) -> list[Payload]:
        """Return what a line says, nothing where it is blank."""
        if line.too_long:
            return [self._reader.refused("line_too_long", f"a line is longer than {self._settings.most_line_bytes}")]
        if not line.text.strip():
            return []
        try:
            text = line.text.decode(self._settings.encoding)
        except UnicodeDecodeError:
            return [self._reader.refused("encoding", f"a line is not {self._settings.encoding}")]
        if self._settings.format != "csv":
            kind = "application/json" if self._settings.format == "json_lines" else "text/plain"
            return [self._reader.arrived(text.encode(), file, kind)]
        fields = self._fields(text)
        if len(fields) != len(columns) or len(set(columns)) < len(columns):
            detail = f"{len(fields)} fields where the header has {len(columns)}, or names one twice"
            return [self._reader.refused("columns", detail)]
        row = json.dumps(dict(zip(columns, fields, strict=True)), ensure_ascii=False)
        return [self._reader.arrived(row.encode(), file, "application/json")]

    def _fields(self, text: str) -> list[str]:
        try:
            return next(csv.reader([text], delimiter=self._settings.delimiter, strict=True), [])
        except csv.Error:
            return []


def _lines(content: BinaryIO, offset: int, most_bytes: int, *, unended: bool) -> Iterator[_Line]:
    """Yield the whole lines from an offset on; ``unended``: also a last one without an end."""
    content.seek(offset)
    while True:
        text = content.readline(most_bytes)
        too_long = len(text) == most_bytes and not text.endswith(b"\n")
        while too_long and not text.endswith(b"\n"):
            text = content.readline(_CHUNK_BYTES)
            if not text:
                break
        if not text.endswith(b"\n") and not (unended and (text or too_long)):
            return
        yield _Line(b"" if too_long else text.rstrip(b"\r\n"), content.tell(), too_long)


def _last_line_end(content: BinaryIO, size: int) -> int:
    """Return where the last whole line of a file ends."""
    end = size
    while end > 0:
        start = max(0, end - _CHUNK_BYTES)
        content.seek(start)
        at = content.read(end - start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return 0
