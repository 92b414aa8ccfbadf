"""Annotations as an operator enters them: all or nothing, once each, withdrawn with a reason and never deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest

from edge.simulator.plan import district_plan
from edge.simulator.registry_files import write_csv_set
from ingest import cli
from ingest.annotation_file import AnnotationRow
from ingest.registry.csv_set import read_csv_set
from ingest.store.annotations import enter, every_annotation
from ingest.store.connection import connect
from ingest.store.registry_import import import_set

Run = Callable[..., int]
PLAN = district_plan(1)
STORE = PLAN.stores[0].store_id
HEADER = "district_id,store_id,kind,from_day,to_day,text_en,text_zh\n"


@pytest.fixture
def run(database: str, tmp_path: Path) -> Run:
    settings = tmp_path / "ingest.toml"
    settings.write_text(f'[broker]\nhost = "127.0.0.1"\nport = 1\n[database]\nurl = "{database}"\n')
    write_csv_set(PLAN, tmp_path / "registry")
    with psycopg.connect(database, autocommit=True) as c:
        import_set(c, read_csv_set(tmp_path / "registry"), "simulation")
    return lambda *words: cli.main(["annotations", *words, "--config", str(settings)])


def test_a_file_is_entered_once_however_often_it_is_imported(
    run: Run, tmp_path: Path, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.csv"
    file.write_text(
        f'{HEADER},{STORE},works,2026-03-01,2026-03-06,"Road, closed",\n{PLAN.district_id},,weather,2026-03-02,'
        "2026-03-03,,大雪\r\n\n",
        encoding="utf-8-sig",
    )
    for said in ("2 entered, 0 there already", "0 entered, 2 there already"):
        assert run("import", str(file), "--by", "office") == 0
        assert capsys.readouterr().out.strip() == said
    assert run("list") == 0
    listed = capsys.readouterr().out
    assert "Road, closed" in listed
    assert "大雪" in listed
    with psycopg.connect(database) as c:
        numbers = [each.annotation_id for each in every_annotation(c)]
    assert run("withdraw", str(numbers[0]), "--reason", "wrong store", "--by", "office") == 0
    assert run("withdraw", str(numbers[0]), "--reason", "again") == 1
    assert "withdrawn already, by office" in capsys.readouterr().err
    assert run("withdraw", "999", "--reason", "none") == 1
    assert run("withdraw", str(numbers[1]), "--reason", " ") == 1
    capsys.readouterr()
    assert run("list") == 0
    assert "Road" not in capsys.readouterr().out
    assert run("list", "--withdrawn") == 0
    assert "by office: wrong store" in capsys.readouterr().out
    assert run("import", str(file)) == 0  # what was withdrawn may be entered again
    assert "1 entered, 1 there already" in capsys.readouterr().out


def test_an_import_that_breaks_off_leaves_nothing_of_the_file(run: Run, database: str) -> None:
    del run  # its registry is what is needed
    row = AnnotationRow(store_id=STORE, kind="other", from_day=date(2026, 3, 1), to_day=date(2026, 3, 2), text_en="x")

    def broken_off() -> Iterator[AnnotationRow]:
        yield row
        raise KeyboardInterrupt

    with connect(database, "test") as c, pytest.raises(KeyboardInterrupt):
        enter(c, broken_off(), "office")
    with connect(database, "test") as c:
        c.execute("begin")
        assert len(enter(c, [row], "office")) == 1
        with connect(database, "another") as killer:  # the session dies before the commit: a process that is killed
            killer.execute("select pg_terminate_backend(%s)", [c.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            c.execute("commit")
    with psycopg.connect(database) as other:
        assert every_annotation(other) == []


def test_every_problem_of_a_file_is_listed_and_nothing_of_it_is_entered(
    run: Run, tmp_path: Path, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.csv"
    file.write_text(
        HEADER
        + f",{STORE},works,2026-03-01,2026-03-06,Good,\n"
        + f",{STORE},party,2026-03-01,2026-03-06,Kind,\n"
        + f",{STORE},works,2026-03-06,2026-03-06,Days,\n"
        + f"{PLAN.district_id},{STORE},works,2026-03-01,2026-03-06,Both,\n"
        + ",nowhere,works,2026-03-01,2026-03-06,Place,\n"
        + f",{STORE},works,20260301,2026-03-06,Date,\n"
        + f",{STORE},works,2026-03-01,2026-03-06,,\n"
        + f",{STORE},works\n",
        encoding="utf-8",
    )
    assert run("import", str(file)) == 1
    said = capsys.readouterr()
    assert [line.split(":")[1] for line in said.out.splitlines()] == ["3", "4", "5", "6", "7", "8", "9"]
    assert "7 problems" in said.err
    assert "no store 'nowhere'" in said.out
    with psycopg.connect(database) as c:
        assert every_annotation(c) == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the columns must be of"),
        (b"store_id;kind\n", "the columns must be of"),
        (b"\xff\xfe", "is not UTF-8"),
        ((HEADER + '"').encode(), "is not CSV"),
    ],
)
def test_what_is_no_such_file_is_said(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, told: str
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(content)
    assert run("import", str(file)) == 1
    assert told in capsys.readouterr().out
    assert run("import", str(tmp_path / "absent.csv")) == 1


def test_the_roles_of_ingest_and_interfaces_read_annotations_and_write_none(database: str) -> None:
    for role in ("smartstore_read", "smartstore_ingest"):
        with psycopg.connect(database) as c:
            c.execute(f"set role {role}")
            assert every_annotation(c) == []
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                c.execute(
                    "insert into annotations (store_id, kind, from_day, to_day, text_en, entered_by)"
                    " values ('s', 'other', '2026-01-01', '2026-01-02', 't', 'x')"
                )
