"""A source that plays a CSV recording as its map describes it."""

from __future__ import annotations

import csv
import math
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Event
from typing import Annotated, Literal, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import Field

from edge.configuration import ConfiguredPath
from edge.readings import Reading, ReadingGroup
from edge.reporting.rule import ReportedSource
from edge.sources.pace import Pace
from edge.sources.recording_map import RecordingError, RecordingMap, fields_of, first_line, load_map
from edge.wire.batch import DecoderRefusal, Flag
from edge.wire.series import Origin, Unit

GROUP_LINES = 200
_GROUP_WALL_S = 1.0
"""A group spans at most this much of the time of playing, so that a slow play still shows each reading soon."""
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RecordingSettings(ReportedSource):
    """Configuration of a recording; a session of the agent resumes at the line after the last accepted one."""

    kind: Literal["recording"] = "recording"
    name: Annotated[str, Field(min_length=1, max_length=64)]
    path: ConfiguredPath
    map: ConfiguredPath
    speed: Annotated[float, Field(ge=0)] = 0.0
    """Recorded seconds a second; 0 plays as fast as readings are accepted."""

    def build(self) -> Recording:
        """Return the source.

        Raises
        ------
        RecordingError
            If the recording or its map cannot be read, or the map describes another file.
        """
        described = load_map(self.map)
        header = first_line(self.path)
        if header != described.header:
            msg = f"recording {self.path} begins '{header[:200]}', but {self.map} describes '{described.header}'"
            raise RecordingError(msg)
        return Recording(self, described)


class LineRefusedError(ValueError):
    """A line that cannot be read as its map describes; ``reason`` is a word, ``detail`` repeats no content."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class _Line(NamedTuple):
    number: int
    outcome: Reading | DecoderRefusal


class LineDecoder:
    """Reads one line at a time: pure, without memory of the lines before."""

    def __init__(self, described: RecordingMap) -> None:
        self._map = described
        self._columns = described.columns
        self._series = described.series_by_flow()
        self._zone = ZoneInfo(described.time_zone)
        self._shift = timedelta(seconds=described.period_s if described.stamp == "end" else 0.0)

    def decode(self, line: str) -> Reading:
        """Return the reading that a line states.

        A stamp is converted as stated, and the period taken off afterwards where the stamp names its end. A local time
        of a repeated hour is taken as the first of the two and flagged ``AMBIGUOUS_LOCAL_TIME``. A local time that
        the spring change left out is taken with the offset before the change and flagged ``CLOCK_SUSPECT``: no right
        clock shows it.

        Raises
        ------
        LineRefusedError
            With reason ``columns``, ``stamp``, ``flow`` or ``value``.
        """
        row = self._row(line)
        series = self._series.get(row[self._map.flow_column])
        if series is None:
            raise LineRefusedError("flow", f"{self._map.flow_column} is none of {', '.join(self._series)}")
        t_us, flags = self._instant(row)
        return Reading(series, t_us, self._value(row), flags)

    def payload(self, line: str) -> str:
        """Return what may be kept of a refused line: the columns that the map names, nothing where they are unclear."""
        used = {*self._map.stamp_columns, self._map.flow_column, self._map.value_column}
        if used >= set(self._columns):
            kept = line
        else:
            try:
                kept = ",".join(value for column, value in self._row(line).items() if column in used)
            except LineRefusedError:
                return ""
        return kept[:4096]

    def _row(self, line: str) -> dict[str, str]:
        try:
            fields = fields_of(line)
        except csv.Error as error:
            raise LineRefusedError("columns", str(error)) from None
        if len(fields) != len(self._columns):
            raise LineRefusedError("columns", f"{len(fields)} fields where the header has {len(self._columns)}")
        return dict(zip(self._columns, fields, strict=True))

    def _instant(self, row: dict[str, str]) -> tuple[int, int]:
        stamp = " ".join(row[column] for column in self._map.stamp_columns)
        try:
            naive = datetime.strptime(stamp, self._map.stamp_format)
        except ValueError:
            raise LineRefusedError("stamp", f"not of the format {self._map.stamp_format}") from None
        first, second = (naive.replace(tzinfo=self._zone, fold=fold) for fold in (0, 1))
        flag = Flag.NONE
        before, after = first.utcoffset(), second.utcoffset()
        if before != after and before is not None and after is not None:
            flag = Flag.AMBIGUOUS_LOCAL_TIME if before > after else Flag.CLOCK_SUSPECT
        try:
            start = first.astimezone(UTC) - self._shift
        except OverflowError:
            raise LineRefusedError("stamp", "outside the years that can be told") from None
        return (start - _EPOCH) // timedelta(microseconds=1), int(flag)

    def _value(self, row: dict[str, str]) -> float:
        column = self._map.value_column
        if not _NUMBER.fullmatch(row[column]):
            raise LineRefusedError("value", f"{column} is not a plain number of at least zero")
        value = float(row[column])
        if not math.isfinite(value) or (self._map.unit is Unit.COUNT and not value.is_integer()):
            raise LineRefusedError("value", f"{column} is not a whole number, or too large")
        return value


class Recording:
    """Plays a recording; a position is the number of the last line played, the header being line 1."""

    def __init__(
        self, settings: RecordingSettings, described: RecordingMap, now_s: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._decoder = LineDecoder(described)
        self._now_s = now_s

    @property
    def name(self) -> str:
        """Name of the source."""
        return self._settings.name

    def groups(self, position: str | None, stop: Event) -> Iterator[ReadingGroup]:
        """Yield the lines after a position in groups of up to 200, until the file ends or ``stop`` is set.

        Raises
        ------
        RecordingError
            If the position is not one of a recording.
        """
        pace: Pace | None = None
        for lines in self._grouped(self._last_line(position)):
            group = self._group(lines)
            if group.readings:
                pace = pace or Pace(self._settings.speed, group.readings[0].t_us)
                if not pace.wait(group.readings[-1].t_us, stop):
                    return
            if stop.is_set():
                return
            yield group

    def _last_line(self, position: str | None) -> int:
        if position is None:
            return 1
        if not position.isdecimal():
            msg = f"source '{self.name}': '{position}' is not a line of a recording; give the source another name"
            raise RecordingError(msg)
        return int(position)

    def _grouped(self, after: int) -> Iterator[list[_Line]]:
        """Gather lines by number, and where a pace is set, by the time that they take to play."""
        longest_us = self._settings.speed * _GROUP_WALL_S * 1e6 or math.inf
        lines: list[_Line] = []
        began_us: int | None = None
        for line in self._lines(after):
            t_us = line.outcome.t_us if isinstance(line.outcome, Reading) else began_us
            too_long = t_us is not None and began_us is not None and t_us - began_us >= longest_us
            if lines and (too_long or len(lines) == GROUP_LINES):
                yield lines
                lines, began_us = [], None
            lines.append(line)
            began_us = t_us if began_us is None else began_us
        if lines:
            yield lines

    def _lines(self, after: int) -> Iterator[_Line]:
        with self._settings.path.open(encoding="utf-8-sig", errors="replace") as file:
            for number, text in enumerate(islice(file, after, None), start=after + 1):
                line = text.rstrip("\n")
                if line.strip():
                    yield _Line(number, self._outcome(line))

    def _outcome(self, line: str) -> Reading | DecoderRefusal:
        try:
            return self._decoder.decode(line)
        except LineRefusedError as refused:
            return DecoderRefusal(
                source=self.name,
                reason=refused.reason,
                detail=refused.detail[:500],
                payload=self._decoder.payload(line),
                at_us=round(self._now_s() * 1e6),
            )

    def _group(self, lines: list[_Line]) -> ReadingGroup:
        outcomes = [line.outcome for line in lines]
        return ReadingGroup(
            readings=[outcome for outcome in outcomes if isinstance(outcome, Reading)],
            origin=Origin.REPLAYED,
            position=str(lines[-1].number),
            refusals=[outcome for outcome in outcomes if isinstance(outcome, DecoderRefusal)],
        )
