"""Hypothesis strategies of wire documents, shared by the tests of the contract."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from edge.wire.acknowledgement import Acknowledgement, LedgerHead, RefusalReason, Refused, ranges_of
from edge.wire.batch import Batch, DecoderRefusal, Loss, LossReason, ResealedFrom
from edge.wire.configuration import Configuration, ConfigurationReport, ConfigurationState
from edge.wire.presence import Birth, IngestState, Will
from edge.wire.release import ReleaseReport, ReleaseState
from edge.wire.series import (
    Counter,
    Kind,
    OnChange,
    Origin,
    Report,
    Reset,
    Series,
    SeriesTable,
    Statistic,
    Unit,
    WindowStatistic,
)

SHA = st.binary(min_size=32, max_size=32).map(bytes.hex)
INSTANT = st.integers(-(2**62), 2**62)
SEQUENCE = st.integers(1, 2**63 - 1)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
SPOOL: st.SearchStrategy[UUID] = st.uuids()
AGENT = st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True).filter(lambda name: not name.startswith("ingest"))
HARMLESS = st.text(alphabet="0123456789 .,;", max_size=40)


@st.composite
def reports(draw: st.DrawFn, kind: Kind, unit: Unit, period_s: float) -> Report | None:
    """Draw a rule that a series of this kind, unit and period may have."""
    on_change = st.builds(
        OnChange,
        dead_band=st.just(0.0) if kind is Kind.STATE else st.floats(0, 1e6),
        at_least_every_s=st.floats(0.0005, period_s),
    )
    statistics = st.sampled_from([s for s in Statistic if s is not Statistic.COUNT or unit is Unit.COUNT])
    window = st.builds(WindowStatistic, window_s=st.just(period_s), statistic=statistics)
    rules = {Kind.GAUGE: st.none() | on_change | window, Kind.STATE: st.none() | on_change}
    return draw(rules.get(kind, st.none()))


COUNTERS = st.builds(
    Counter,
    width_bits=st.sampled_from([None, 8, 16, 32, 64]),
    reset=st.sampled_from(Reset),
    step=st.sampled_from([1.0, 0.1, 0.001]),
)


@st.composite
def series(draw: st.DrawFn) -> Series:
    kind = draw(st.sampled_from(Kind))
    unit = draw(st.sampled_from(Unit))
    period = draw(st.floats(0.001, 86_400))
    report = draw(reports(kind, unit, period))
    return Series(
        device=draw(st.from_regex(r"d[0-9.:-]{0,10}", fullmatch=True)),
        quantity=draw(st.sampled_from(["entries", "exits", "temperature"])),
        channel=draw(st.from_regex(r"[0-9.]{0,6}", fullmatch=True)),
        unit=unit,
        kind=kind,
        period_s=period if kind is Kind.INTERVAL or report else draw(st.none() | st.just(period)),
        counter=draw(COUNTERS) if kind is Kind.CUMULATIVE else None,
        report=report,
    )


TABLES = st.lists(series(), min_size=1, max_size=8).map(SeriesTable.of)


@st.composite
def losses(draw: st.DrawFn) -> Loss:
    first = draw(st.integers(1, 2**62))
    return Loss(
        first_sequence=first,
        last_sequence=first + draw(st.integers(0, 1000)),
        readings=draw(st.integers(0, 10**9)),
        reason=draw(st.sampled_from(LossReason)),
        last_digest=draw(SHA),
        first_us=draw(st.none() | INSTANT),
        last_us=draw(st.none() | INSTANT),
        spool=draw(st.none() | SPOOL),
    )


REFUSALS = st.builds(DecoderRefusal, source=HARMLESS, reason=HARMLESS, detail=HARMLESS, payload=HARMLESS, at_us=INSTANT)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    n = draw(st.integers(0, 12))

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=n, max_size=n))

    sequence = draw(SEQUENCE)
    return Batch(
        spool=draw(SPOOL),
        sequence=sequence,
        previous=None if sequence == 1 else draw(SHA),
        series_table=draw(SHA),
        origin=draw(st.sampled_from(Origin)),
        boot=draw(SPOOL),
        sealed_us=draw(INSTANT),
        monotonic_us=draw(st.integers(0, 2**62)),
        base_us=draw(INSTANT),
        series=column(st.integers(0, 9_999)),
        offset_us=column(INSTANT),
        value=column(FINITE),
        flags=column(st.integers(0, 2**15 - 1)),
        ordinal=draw(st.just([]) | st.lists(st.integers(0, 2**15 - 1), min_size=n, max_size=n)),
        losses=draw(st.lists(losses(), max_size=2)),
        refusals=draw(st.lists(REFUSALS, max_size=2)),
        resealed_from=draw(st.none() | st.builds(ResealedFrom, spool=SPOOL, sequence=SEQUENCE, sha256=SHA)),
    )


ACKNOWLEDGEMENTS = st.builds(
    Acknowledgement,
    spool=st.none() | SPOOL,
    committed=st.lists(SEQUENCE, max_size=8).map(ranges_of),
    refused=st.lists(
        st.builds(Refused, sha256=SHA, reason=st.sampled_from(RefusalReason), detail=HARMLESS), max_size=3
    ),
    wanted_tables=st.lists(SHA, max_size=3),
    head=st.none() | st.builds(LedgerHead, entries=st.integers(0, 2**62), digest=SHA),
    at_us=INSTANT,
)
BIRTHS = st.builds(
    Birth,
    agent=AGENT,
    connection=SEQUENCE,
    spool=SPOOL,
    software=HARMLESS,
    at_us=INSTANT,
    pending_batches=st.integers(0, 10**9),
    configuration=st.none()
    | st.builds(
        ConfigurationReport, number=SEQUENCE, sha256=SHA, state=st.sampled_from(ConfigurationState), detail=HARMLESS
    ),
    release=st.none()
    | st.builds(
        ReleaseReport,
        version=st.tuples(*[st.integers(0, 999_999)] * 3).map(lambda numbers: ".".join(map(str, numbers))),
        state=st.sampled_from(ReleaseState),
        detail=HARMLESS,
    ),
)
CONFIGURATIONS = st.builds(Configuration, number=SEQUENCE, issued_us=INSTANT, toml=HARMLESS)
WILLS = st.builds(Will, agent=AGENT, connection=SEQUENCE, clean=st.booleans())
INGEST_STATES = st.builds(IngestState, accepting=st.booleans(), reason=HARMLESS)
DOCUMENTS = st.one_of(batches(), TABLES, ACKNOWLEDGEMENTS, BIRTHS, WILLS, INGEST_STATES, CONFIGURATIONS)
