"""Comparisons and explained changes of stores on a database, by API and command line, with annotations beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from serving import served
from session_server import SessionServer
from stored_readings import store_readings

from analytics import cli
from analytics.api.app import create_app
from analytics.comparison.answer import Comparison, DistrictComparison, Reason
from analytics.explain.answer import Explanation, PartKind
from analytics.results import Result
from analytics.settings import load
from edge.readings import Reading
from edge.simulator.plan import district_plan
from edge.simulator.registry_files import write_csv_set
from edge.simulator.store_day import StoreDay
from ingest import cli as ingest_cli
from ingest.registry.csv_set import read_csv_set
from ingest.registry.registry_set import RegistrySet
from ingest.store.registry_import import import_set

PLAN = district_plan(1)
A, B, C, _ = PLAN.stores
BEFORE, NOW = date(2026, 4, 27), date(2026, 5, 4)  # a workday, and a day off for Labour Day
CHANGED = date(2026, 5, 1)
WINDOW = {"from": NOW.isoformat(), "to": (NOW + timedelta(days=1)).isoformat()}
NEW_COUNTER = next(B.devices_of("traffic")).device_id
MUTE_COUNTER = next(A.devices_of("traffic")).device_id
MUTE = ("2026-05-04T12:00+08:00", "2026-05-04T14:00+08:00")
ANNOTATIONS = f"""store_id,district_id,kind,from_day,to_day,text_en,text_zh
{A.store_id},,works,2026-05-03,2026-05-06,Pavement renewed,人行道翻修
,{PLAN.district_id},promotion,2026-04-20,2026-04-28,,春季促销
{B.store_id},,weather,2026-05-04,2026-05-05,Storm,
"""


def _registry(folder: Path) -> RegistrySet:
    """Return the simulated registry; store A closed at 20:00 until May, and a counter of store B is new in May."""
    write_csv_set(PLAN, folder)
    rows: list[Any] = []
    for row in read_csv_set(folder).rows():
        if row.table == "stores" and row.store_id == A.store_id:  # type: ignore[attr-defined] # rows of all tables
            rows.append(row.model_copy(update={"closes_at": time(20), "valid_to": CHANGED}))
            rows.append(row.model_copy(update={"valid_from": CHANGED}))
        elif row.table == "registered_series" and row.device_id == NEW_COUNTER:  # type: ignore[attr-defined] # likewise
            rows.append(row.model_copy(update={"valid_from": CHANGED}))
        else:
            rows.append(row)
    return RegistrySet.of(rows)


def _played() -> Iterator[tuple[str, list[Reading]]]:
    for store in (A, B):
        for day in (BEFORE, NOW):
            plan = StoreDay(store, day, opening=day == BEFORE)
            readings = [r for slot in range(plan.day.slots) for r in plan.slot(slot)]
            yield store.agent_id, [r for r in readings if not _is_mute(r)]


def _is_mute(reading: Reading) -> bool:
    noon = 1_777_867_200_000_000  # 2026-05-04T12:00+08:00
    return reading.series.device == MUTE_COUNTER and noon <= reading.t_us < noon + 2 * 3_600_000_000


@pytest.fixture(scope="module")
def dsn(database_server: SessionServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    name = database_server.create(database_server.migrated())
    folder = tmp_path_factory.mktemp("registry")
    with psycopg.connect(database_server.dsn(name), autocommit=True) as c:
        import_set(c, _registry(folder), "simulated district, changed in May")
        for agent, readings in _played():
            store_readings(c, agent, readings)
    yield database_server.dsn(name)
    database_server.drop(name)


@pytest.fixture(scope="module")
def config(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return settings of the interfaces, with the annotations entered by those of ingest beside them."""
    folder = tmp_path_factory.mktemp("config")
    path, ingest = folder / "smartstore.toml", folder / "ingest.toml"
    path.write_text(f'[database]\nurl = "{dsn}"\n')
    ingest.write_text(f'[broker]\nhost = "127.0.0.1"\nport = 1\n[database]\nurl = "{dsn}"\n')
    (folder / "annotations.csv").write_text(ANNOTATIONS, encoding="utf-8")
    entered = ["annotations", "import", str(folder / "annotations.csv"), "--by", "office", "--config", str(ingest)]
    assert ingest_cli.main(entered) == 0
    return path


@pytest.fixture(scope="module")
def client(config: Path) -> Iterator[httpx.Client]:
    with served(create_app(load(config))) as running:
        yield running


def counted(dsn: str, store: str, start: str, end: str, *, device: str | None = None) -> int:
    """Return the entries through a store's perimeter doors in [start, end), by SQL."""
    with psycopg.connect(dsn) as c:
        row = c.execute(
            """select coalesce(sum(r.value), 0)::bigint
                 from readings_count r join series s using (series_id)
                where s.quantity = 'entries' and r.t >= %(start)s and r.t < %(end)s
                  and (%(device)s::text is null or s.device = %(device)s)
                  and s.device in (select g.device_id from registered_series g join points p using (point_id)
                                     join doors d using (door_id)
                                    where d.perimeter and d.store_id = %(store)s)""",
            {"store": store, "start": start, "end": end, "device": device},
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_comparison_states_both_sides_whole_and_what_differs(client: httpx.Client, dsn: str) -> None:
    path = f"/stores/{A.store_id}/comparison"
    answer = Comparison.model_validate_json(client.get(path, params={**WINDOW, "metric": "footfall_entries"}).content)
    assert answer.before is not None
    now = counted(dsn, A.store_id, "2026-05-04T00:00+08:00", "2026-05-05T00:00+08:00")
    before = counted(dsn, A.store_id, "2026-04-27T00:00+08:00", "2026-04-28T00:00+08:00")
    assert (answer.now.result.value, answer.before.result.value) == (now, before)
    assert answer.change.difference is not None
    assert answer.change.difference.value == now - before
    for side in (answer.now, answer.before):
        assert side.result.completeness is not None
        assert side.result.coverage.points_exist > 0
        alone = client.get(f"/stores/{A.store_id}/metrics/footfall_entries", params={
            "from": side.days.window.start.isoformat(), "to": side.days.window.end.isoformat()})  # fmt: skip
        result = Result.model_validate_json(alone.content)
        assert side.result == result.model_copy(update={"change": None})
    assert answer.now.result.completeness is not None
    assert answer.now.result.completeness.ratio < 1  # the two hours of silence
    assert (answer.now.days.day_types, answer.before.days.day_types) == ({"holiday": 1}, {"workday": 1})
    assert answer.now.days.opening_h > answer.before.days.opening_h
    assert len(answer.notes) == 2
    assert [each.kind for each in answer.annotations] == ["promotion", "works"]
    assert answer.evidence is False


def test_like_for_like_leaves_out_a_new_counter_and_names_it(client: httpx.Client, dsn: str) -> None:
    asked: dict[str, str | bool | int] = {**WINDOW, "metric": "footfall_entries", "like_for_like": True}
    answer = Comparison.model_validate_json(client.get(f"/stores/{B.store_id}/comparison", params=asked).content)
    assert answer.like_for_like is not None
    left_out = answer.like_for_like.series
    assert {(each.device, each.reason) for each in left_out} == {(NEW_COUNTER, Reason.ONLY_NOW)}
    assert all(each.door for each in left_out)
    day = ("2026-05-04T00:00+08:00", "2026-05-05T00:00+08:00")
    rest = counted(dsn, B.store_id, *day) - counted(dsn, B.store_id, *day, device=NEW_COUNTER)
    assert answer.now.result.value == rest > 0
    assert answer.now.result.coverage == (answer.before.result.coverage if answer.before else None)


def test_like_for_like_names_a_counter_that_is_there_for_a_part_of_a_window(client: httpx.Client) -> None:
    asked: dict[str, str | bool] = {"from": "2026-04-28", "to": "2026-05-06", "metric": "footfall_entries"}
    other: dict[str, str | bool] = {"against": "window", "against_from": "2026-05-04", "against_to": "2026-05-05"}
    answer = client.get(f"/stores/{B.store_id}/comparison", params={**asked, **other, "like_for_like": True}).json()
    left_out = answer["like_for_like"]["series"]
    assert {(each["device"], each["reason"]) for each in left_out} == {(NEW_COUNTER, "part_of_the_time")}


def test_like_for_like_compares_the_hours_that_are_open_in_both(client: httpx.Client, dsn: str) -> None:
    asked: dict[str, str | bool | int] = {**WINDOW, "metric": "footfall_entries", "like_for_like": True}
    answer = Comparison.model_validate_json(client.get(f"/stores/{A.store_id}/comparison", params=asked).content)
    opens = f"{A.opens_at:%H:%M}"
    expected = [
        counted(dsn, A.store_id, f"{day}T{opens}+08:00", f"{day}T20:00+08:00") for day in ("2026-05-04", "2026-04-27")
    ]
    assert answer.before is not None
    assert [answer.now.result.value, answer.before.result.value] == expected
    assert answer.like_for_like is not None
    assert answer.like_for_like.series == ()
    assert answer.like_for_like.closed_then_or_now_h == answer.now.days.opening_h - answer.before.days.opening_h > 0
    energy = client.get(f"/stores/{A.store_id}/comparison", params={**asked, "metric": "energy_use"}).json()
    assert energy["like_for_like"] == {"series": [], "closed_then_or_now_h": 0.0}  # it runs by day and night


def test_an_explained_change_sums_exactly_and_each_part_is_where_it_belongs(client: httpx.Client, dsn: str) -> None:
    answer = Explanation.model_validate_json(
        client.get(f"/districts/{PLAN.district_id}/explain", params=WINDOW).content
    )
    stores = {store.store_id: store for store in answer.stores}
    for store in answer.stores:
        assert store.before is not None
        assert store.change == store.now.counted - store.before.counted == sum(part.count for part in store.parts)
        for kind in PartKind:
            of_counters = sum(counter.parts[kind] for counter in store.counters)
            assert of_counters == next(part.count for part in store.parts if part.part is kind)
        assert sum(sum(counter.hourly) for counter in store.counters) == sum(
            counter.parts[PartKind.HOURLY] for counter in store.counters
        )
        for side in (store.now, store.before):
            whole = side.completeness is not None and side.completeness.gaps_total == 0
            assert (side.per_day and side.per_day.value) == (side.counted if whole else None)
        assert store.days is None  # of one day each
    assert answer.change == sum(part.count for part in answer.parts) == sum(s.change for s in answer.stores)
    a, b = ({part.part: part.count for part in stores[s.store_id].parts} for s in (A, B))
    new = counted(dsn, B.store_id, "2026-05-04T00:00+08:00", "2026-05-05T00:00+08:00", device=NEW_COUNTER)
    assert (b[PartKind.DEVICES], b[PartKind.OPENING], b[PartKind.MISSING]) == (new, 0, 0)
    evening = counted(dsn, A.store_id, "2026-05-04T20:00+08:00", "2026-05-05T00:00+08:00") - counted(
        dsn, A.store_id, "2026-04-27T20:00+08:00", "2026-04-28T00:00+08:00"
    )
    assert a[PartKind.DEVICES] == 0
    mute = next(c for c in stores[A.store_id].counters if c.device == MUTE_COUNTER)
    silent = counted(dsn, A.store_id, "2026-04-27T12:00+08:00", "2026-04-27T14:00+08:00", device=MUTE_COUNTER)
    assert mute.parts[PartKind.MISSING] == -silent < 0
    assert a[PartKind.OPENING] + a[PartKind.REST] == evening
    # What is left is the one day off in place of the one workday: the calendar's.
    assert a[PartKind.HOURLY] == b[PartKind.HOURLY] == 0
    assert [each.kind for each in answer.annotations] == ["promotion", "works", "weather"]


def test_a_district_s_stores_are_ranked_only_where_their_intervals_part(client: httpx.Client) -> None:
    path = f"/districts/{PLAN.district_id}/comparison"
    answer = DistrictComparison.model_validate_json(
        client.get(path, params={**WINDOW, "metric": "footfall_entries"}).content
    )
    ranked = {each.store_id: each for each in answer.ranking.ranks}
    assert set(ranked) == {A.store_id, B.store_id}
    assert set(answer.ranking.not_ranked) == {s.store_id for s in PLAN.stores} - set(ranked)
    intervals = {store.store_id: store.now.result.interval for store in answer.stores}
    low, high = sorted((intervals[s] for s in ranked), key=lambda i: i.low if i else 0)
    assert low is not None
    assert high is not None
    apart = low.high < high.low
    assert all((each.tied_with == ()) == apart for each in ranked.values())
    assert answer.sum is not None
    assert set(answer.sum.stores_included) == set(ranked)
    assert C.store_id in answer.sum.stores_excluded
    values = [(s.now.result.value, s.before.result.value if s.before else None) for s in answer.stores
              if s.store_id in ranked]  # fmt: skip
    assert answer.sum.now == sum(now for now, _ in values if now is not None)


def test_a_day_that_the_window_cuts_is_no_day_to_tell_by(client: httpx.Client) -> None:
    asked = {"from": f"{NOW}T06:00:00+08:00", "to": f"{NOW}T18:00:00+08:00"}
    answer = Explanation.model_validate_json(client.get(f"/stores/{B.store_id}/explain", params=asked).content)
    assert answer.stores[0].now.counted > 0
    assert answer.stores[0].now.per_day is None


@pytest.mark.parametrize("verb", ["compare", "explain"])
def test_the_command_line_gives_the_same_answers_in_both_languages(
    client: httpx.Client, config: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    route = {"compare": "comparison", "explain": "explain"}[verb]
    window = ["--from", WINDOW["from"], "--to", WINDOW["to"], "--config", str(config)]
    more = {"metric": "footfall_entries", "against": "window", "against_from": "2026-04-27", "against_to": "2026-04-28"}
    options = [word for name, value in more.items() for word in (f"--{name.replace('_', '-')}", value)]
    for place, path in (([A.store_id], f"/stores/{A.store_id}"),
                        (["--district", PLAN.district_id], f"/districts/{PLAN.district_id}")):  # fmt: skip
        served_answer = client.get(f"{path}/{route}", params=WINDOW | more).json()
        assert cli.main([verb, *place, *window, *options, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == served_answer
        for language, words in {"en": ["Works", "Pavement renewed", "holidays"], "zh": ["施工", "人行道翻修"]}.items():
            assert cli.main([verb, *place, *window, *options, "--lang", language]) == 0
            table = capsys.readouterr().out
            wanted = [w for w in words if w != "holidays" or place == [A.store_id]]
            assert [word for word in wanted if word not in table] == []
    if verb == "compare":
        assert cli.main([verb, A.store_id, *window, "--metric", "on_shelf_availability"]) == 0
        assert " points · certainly " in capsys.readouterr().out  # two ratios differ by percentage points
        assert cli.main([verb, B.store_id, *window, "--like-for-like"]) == 0
        assert "only now" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"against": "before_and_after"}, "comparison_needs"),
        ({"against": "window", "against_from": "2026-04-27"}, "comparison_needs"),
        ({"against": "holiday", "base_year": "2003"}, "comparison_holiday_unknown"),
        ({"against": "before_and_after", "at": WINDOW["from"]}, "comparison_day_outside"),
        ({"against": "moon"}, "invalid_request"),
        ({"metric": "joy"}, "unknown_metric"),
    ],
)
@pytest.mark.parametrize("route", ["comparison", "explain"])
def test_what_cannot_be_compared_is_said(client: httpx.Client, route: str, query: dict[str, str], code: str) -> None:
    asked = {**WINDOW, "metric": "footfall_entries", "holiday": "labour_day"}
    if query.get("against") == "holiday":
        asked["holiday"] = "spring_festival"
    answer = client.get(f"/stores/{A.store_id}/{route}", params=asked | query).json()
    assert answer["code"] == code
    assert len(answer["detail"]) > 20


def test_a_year_before_the_store_was_registered_has_no_other_side(client: httpx.Client) -> None:
    asked: dict[str, str | bool | int] = {
        **WINDOW,
        "metric": "footfall_entries",
        "against": "same_dates",
        "base_year": 2019,
    }
    answer = client.get(f"/stores/{A.store_id}/comparison", params=asked).json()
    assert (answer["before"], answer["change"]) == (None, {"difference": None, "ratio": None})
    explained = client.get(f"/stores/{A.store_id}/explain", params=asked).json()
    devices = next(part["count"] for part in explained["parts"] if part["part"] == "devices")
    assert explained["change"] == devices == explained["stores"][0]["now"]["counted"] > 0


def test_annotations_are_listed_and_a_withdrawn_one_is_shown_no_more(client: httpx.Client, dsn: str) -> None:
    path = f"/stores/{B.store_id}/annotations"
    found = client.get(path, params={"from": "2026-04-27", "to": "2026-05-05"}).json()["annotations"]
    assert [(each["kind"], each["entered_by"]) for each in found] == [("promotion", "office"), ("weather", "office")]
    of_district = client.get(f"/districts/{PLAN.district_id}/annotations", params=WINDOW).json()["annotations"]
    assert [each["kind"] for each in of_district] == ["works", "weather"]
    with psycopg.connect(dsn) as c:
        c.execute("update annotations set withdrawn_by = 'x', withdrawn_at = now(), withdrawn_reason = 'y'"
                  " where kind = 'weather'")  # fmt: skip
        c.commit()
        try:
            assert client.get(path, params=WINDOW).json()["annotations"] == []
        finally:
            c.execute("update annotations set withdrawn_by = null, withdrawn_at = null, withdrawn_reason = null")
