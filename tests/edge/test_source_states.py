from __future__ import annotations

from pathlib import Path

from edge.source_states import SourceStates, read_states, states_path


class Now:
    us = 1_000_000_000

    def __call__(self) -> int:
        return self.us


def test_what_is_noted_is_written_beside_the_spool_and_read_again(tmp_path: Path) -> None:
    spool, now = tmp_path / "spool.db", Now()
    states = SourceStates(["doors", "meter"], now)
    states.running("doors", running=True)
    states.contact("doors", readings=3, refusals=1)
    states.failed("meter", 2, "no answer", "switch it on")
    states.write(states_path(spool))
    doors, meter = read_states(spool)
    assert (doors.name, doors.running, doors.contact_us, doors.readings, doors.refusals) == (
        "doors",
        True,
        now.us,
        3,
        1,
    )
    assert doors.error is None
    assert (meter.failures, meter.error, meter.fix, meter.error_us) == (2, "no answer", "switch it on", now.us)
    assert meter.contact_us is None


def test_a_contact_ends_the_failures_and_keeps_the_last_error() -> None:
    states = SourceStates(["meter"], Now())
    states.failed("meter", 2, "no answer", "switch it on")
    states.contact("meter")
    (meter,) = states.states()
    assert (meter.failures, meter.error) == (0, "no answer")


def test_contacts_are_written_seldom_and_failures_at_once(tmp_path: Path) -> None:
    path, now = states_path(tmp_path / "spool.db"), Now()
    states = SourceStates(["meter"], now)
    states.write(path)
    path.unlink()
    states.contact("meter")
    states.write(path)
    assert path.exists(), "the first contact is news"
    path.unlink()
    states.contact("meter")
    states.write(path)
    assert not path.exists(), "a further one can wait"
    now.us += 10_000_000
    states.write(path)
    assert path.exists()
    path.unlink()
    states.failed("meter", 1, "no answer", "switch it on")
    states.write(path)
    assert path.exists()
    path.unlink()
    states.write(path)
    assert not path.exists(), "nothing new"
    states.contact("meter")
    states.write(path)
    assert path.exists(), "it has recovered"
    now.us -= 86_400_000_000
    states.contact("meter")
    path.unlink()
    states.write(path)
    assert path.exists(), "a clock set back does not silence it for a day"


def test_a_file_that_is_missing_or_damaged_says_nothing(tmp_path: Path) -> None:
    spool = tmp_path / "spool.db"
    assert read_states(spool) == []
    for text in ("", "{", "[]", '{"sources": [7]}', '{"sources": [{"running": true}]}'):
        states_path(spool).write_text(text)
        assert read_states(spool) == []


def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    SourceStates(["meter"], Now()).write(tmp_path / "missing" / "states.json")


def test_a_file_name_that_is_no_utf_8_can_be_written_and_shown(tmp_path: Path) -> None:
    spool, states = tmp_path / "spool.db", SourceStates(["exports"], Now())
    states.failed("exports", 1, "/exports/\udcce\udcc2.csv cannot be read", "check it")
    states.write(states_path(spool))
    (exports,) = read_states(spool)
    assert exports.error is not None
    assert exports.error.encode().decode() == "/exports/\\udcce\\udcc2.csv cannot be read"
