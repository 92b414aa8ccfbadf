"""When a new release counts as healthy, with a clock that the test moves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.run_state import RunState
from edge.source_states import SourceState
from edge.update.health import Health, baseline_of
from edge.update.journal import Baseline

OLD = RunState(run="a", version="1.0.0", spool="s1", mode="sending", connected=True, has_connected=True, written_us=1)
FRESH = replace(OLD, run="b", version="1.1.0", written_us=10)
WORKS = SourceState("doors", running=True, contact_us=5, readings=9)
BEFORE = Baseline(run="a", spool="s1", connected=True, sources=("doors",))
WINDOW_S = 300


class Watch:
    """A watch of 300 s whose agent is as the test says from a moment on."""

    def __init__(self, baseline: Baseline = BEFORE) -> None:
        self.health = Health("1.1.0", baseline, 0.0)
        self.beats = 100

    def sees(self, state: RunState | None, *sources: SourceState, until_s: int, beats: bool = True) -> Watch:
        """Have the agent say so each second until a time."""
        for now_s in range(self.now_s, until_s):
            self.beats += beats
            said = None if state is None else replace(state, written_us=self.beats)
            self.health.look(said, sources or (WORKS,), float(now_s))
        self.now_s = until_s
        return self

    now_s = 0

    def problems(self) -> str:
        return "; ".join(each.en for each in self.health.problems(float(WINDOW_S)))


def test_one_that_does_as_well_is_healthy() -> None:
    assert Watch().sees(OLD, until_s=20).sees(FRESH, until_s=WINDOW_S).problems() == ""


@pytest.mark.parametrize("state", [None, OLD, replace(OLD, version="1.1.0"), replace(FRESH, version="0.9.0")])
def test_one_that_never_starts_is_not(state: RunState | None) -> None:
    assert Watch().sees(state, until_s=WINDOW_S).problems() == "version 1.1.0 did not start within 300 s"


def test_one_that_ended_early_and_runs_since_is_healthy_and_one_that_keeps_ending_is_not() -> None:
    again = replace(FRESH, run="c")
    assert Watch().sees(FRESH, until_s=100).sees(again, until_s=WINDOW_S).problems() == ""
    late = Watch().sees(FRESH, until_s=200).sees(again, until_s=WINDOW_S).problems()
    assert late == "it ended by itself and was started again, 100 s before the watch was over"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"alive": False}, "its threads of spool and uplink make no progress"),
        ({"spool": "s2"}, "it opened spool s2 in place of s1"),
        ({"has_connected": False}, "it has not reached the broker, as the version before did"),
    ],
)
def test_what_it_lacks_is_told(changes: dict[str, object], said: str) -> None:
    state = replace(FRESH, **changes)  # type: ignore[arg-type] # of the fields' own types
    assert Watch().sees(state, until_s=WINDOW_S).problems() == said


def test_one_that_gives_no_sign_of_life_any_more_is_not_healthy() -> None:
    watch = Watch().sees(FRESH, until_s=284).sees(FRESH, until_s=WINDOW_S, beats=False)
    assert watch.problems() == "it has given no sign of life for 17 s"
    assert Watch().sees(FRESH, until_s=286).sees(FRESH, until_s=WINDOW_S, beats=False).problems() == ""


def test_an_agent_that_was_offline_or_did_not_run_asks_for_less() -> None:
    offline = replace(FRESH, has_connected=False)
    assert Watch(Baseline(run="a", spool="s1")).sees(offline, until_s=WINDOW_S).problems() == ""
    nothing = Watch(Baseline()).sees(replace(offline, spool="s9"), SourceState("doors", failures=3), until_s=WINDOW_S)
    assert nothing.problems() == ""


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (WORKS, ""),
        (SourceState("doors", running=True), ""),  # silent: many send seldom
        (SourceState("doors", running=True, contact_us=5, failures=2, readings=1), ""),  # it has worked
        (SourceState("other", running=True, failures=9), ""),  # configured meanwhile
        (SourceState("doors", running=True, failures=2, error="no route"), "does not work any more: no route"),
        (SourceState("doors"), "does not work any more: -"),
        (SourceState("doors", running=True, contact_us=5, refusals=4), "gives refusals alone"),
    ],
)
def test_sources_that_worked_are_to_work(source: SourceState, said: str) -> None:
    problems = Watch().sees(FRESH, source, until_s=WINDOW_S).problems()
    assert problems == (f"source doors {said}" if said else "")


def test_what_is_taken_as_an_example() -> None:
    sources = [
        WORKS,
        SourceState("ended", contact_us=5),
        SourceState("failing", running=True, contact_us=5, failures=1),
        SourceState("silent", running=True),
    ]
    assert baseline_of(OLD, sources, 30_000_000) == BEFORE
    assert baseline_of(OLD, sources, 61_000_000) == Baseline(), "it was written long ago: nothing runs"
    assert baseline_of(OLD, sources, 0) == Baseline(), "nor can it be of the future"
    assert baseline_of(None, sources, 5) == Baseline()
