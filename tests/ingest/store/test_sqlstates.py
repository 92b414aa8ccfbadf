"""What ingest does about each error that a server can raise."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from ingest.store.sqlstates import CLASSES, CODES, Rule, Verdict, message_of, rule_of

KNOWN: dict[str, type[psycopg.Error]] = {
    state: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, psycopg.Error) and (state := getattr(kind, "sqlstate", None))
}
"""Every code of appendix A that the driver knows, from success on."""


def test_the_driver_knows_the_appendix() -> None:
    assert len(KNOWN) > 230
    assert {"08006", "22003", "40P01", "53100", "57014", "XX000"} <= KNOWN.keys()


@pytest.mark.parametrize("state", sorted(KNOWN))
def test_every_code_has_a_rule_of_its_own_or_its_class(state: str) -> None:
    rule = rule_of(KNOWN[state]())
    assert rule in {CODES.get(state), CLASSES.get(state[:2])}
    assert rule.why


def test_every_class_has_a_rule() -> None:
    assert {state[:2] for state in KNOWN} | {"00", "01", "TS"} == CLASSES.keys()


def test_single_codes_differ_from_their_class() -> None:
    for state, rule in CODES.items():
        assert rule != CLASSES[state[:2]], f"{state} needs no rule of its own"


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ("08006", Verdict.RETRY),
        ("08P01", Verdict.RETRY),
        ("28P01", Verdict.RETRY),
        ("3D000", Verdict.RETRY),
        ("40001", Verdict.RETRY),
        ("40P01", Verdict.RETRY),
        ("42501", Verdict.RETRY),
        ("42P01", Verdict.RETRY),
        ("53100", Verdict.RETRY),
        ("53300", Verdict.RETRY),
        ("55P03", Verdict.RETRY),
        ("25006", Verdict.RETRY),
        ("57P01", Verdict.RETRY),
        ("57P03", Verdict.RETRY),
        ("58030", Verdict.RETRY),
        ("XX001", Verdict.RETRY),
        ("53200", Verdict.CUT_UP),
        ("57014", Verdict.CUT_UP),
        ("0A000", Verdict.QUARANTINE),
        ("22003", Verdict.QUARANTINE),
        ("22P03", Verdict.QUARANTINE),
        ("23505", Verdict.QUARANTINE),
        ("23514", Verdict.QUARANTINE),
        ("53400", Verdict.QUARANTINE),
        ("P0001", Verdict.QUARANTINE),
        ("XX000", Verdict.QUARANTINE),
        ("25P02", Verdict.STOP),
        ("2D000", Verdict.STOP),
    ],
)
def test_verdicts(state: str, verdict: Verdict) -> None:
    assert rule_of(errors.lookup(state)()).verdict is verdict


def test_only_what_depends_on_the_data_alone_is_certain() -> None:
    certain = {state for state, kind in KNOWN.items() if rule_of(kind()).certain}
    assert {state[:2] for state in certain} == {"21", "22", "23", "40", "44"}
    assert "23505" not in certain, "another write may have taken the key a moment ago"
    assert all(rule_of(KNOWN[state]()).verdict is Verdict.QUARANTINE for state in certain)


def test_an_extension_s_own_codes() -> None:
    class Extension(psycopg.DatabaseError):
        sqlstate = "ZZ042"

    class Unsupported(psycopg.DatabaseError):
        sqlstate = "TS101"

    assert rule_of(Extension()).verdict is Verdict.QUARANTINE
    assert rule_of(Unsupported()) == CLASSES["TS"]


def test_errors_without_a_code() -> None:
    assert rule_of(psycopg.OperationalError("server closed the connection unexpectedly")).verdict is Verdict.RETRY
    assert rule_of(psycopg.InterfaceError("the connection is closed")).verdict is Verdict.RETRY
    unsendable: list[Rule] = [
        rule_of(psycopg.DataError("text fields cannot contain NUL")),
        rule_of(ValueError("no UTF-8")),
        rule_of(OverflowError("too large")),
    ]
    assert all(rule.verdict is Verdict.QUARANTINE and rule.certain for rule in unsendable)


def test_what_an_error_says_holds_no_row(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table kept (value text check (value <> 'secret'))")
        with pytest.raises(errors.CheckViolation) as caught:
            connection.execute("insert into kept values ('secret')")
    assert "secret" in str(caught.value)
    assert message_of(caught.value) == 'new row for relation "kept" violates check constraint "kept_value_check"'
    assert message_of(ValueError(" odd \n")) == "odd"
    assert message_of(OverflowError()) == "OverflowError"
