"""The CSV set of a site model: what is read, and what is refused with which words at which line."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path

import pytest

from ingest.registry.csv_set import read_csv_set
from ingest.registry.problems import RegistryError
from ingest.registry.registry_set import RegistrySet

GOOD = {
    "districts": """district_id,name_en,name_zh,kind,time_zone,valid_from
d1,Simulated District,模拟街区,smart_district,Asia/Shanghai,2025-01-01""",
    "stores": (
        "store_id,district_id,name_en,name_zh,format,floor_area_m2,area_kind,opens_at,closes_at,capacity,time_zone,"
        "simulated,valid_from,valid_to\n"
        "s1,d1,Simulated Supermarket,模拟超市,supermarket,1200.5,sales,8:00,22:00,300,Asia/Shanghai,"
        "TRUE,2025-01-01,\n"
        's2,d1,"Simulated Mall, east",模拟购物中心,shopping_centre,90000,gross,10:00,24:00,,Asia/Shanghai,'
        "yes,2025-01-01,2026-01-01"
    ),
    "zones": """zone_id,store_id,name_en,name_zh,valid_from,valid_to
z1,s1,Hall,大厅,2025-01-01,
z2,s2,Hall,大厅,2025-01-01,2026-01-01""",
    "doors": """door_id,store_id,zone_id,name_en,name_zh,perimeter,valid_from,valid_to
main,s1,z1,Main door,正门,true,2025-01-01,2025-07-01
main,s1,z1,Main door,正门,false,2025-07-01,""",
    "points": """point_id,store_id,facility,kind,door_id,point_count,valid_from
p-door,s1,traffic,door_line,main,,2025-01-01
p-labels,s1,labels,shelf_label,,800,2025-02-01""",
    "agents": """agent_id,description,approved,valid_from
agent-1,in the back office,false,2025-01-01""",
    "devices": """device_id,agent_id,store_id,purpose,valid_from
counter-1,agent-1,s1,footfall statistics,2025-01-01
gateway-1,agent-1,s1,,2025-01-01""",
    "registered_series": """device_id,quantity,channel,point_id,point_count,valid_from
counter-1,entries,,p-door,1,2025-01-01
gateway-1,label_updates_confirmed,,p-labels,800,2025-02-01""",
    "audits": """audit_id,device_id,quantity,manual_count,device_count,valid_from
a1,counter-1,entries,200,196,2025-03-05""",
}


def write(folder: Path, **changes: str | None) -> Path:
    for name, text in {**GOOD, **changes}.items():
        if text is not None:
            (folder / f"{name}.csv").write_bytes(text.encode())
    return folder


def problems(folder: Path, **changes: str | None) -> list[str]:
    with pytest.raises(RegistryError) as caught:
        read_csv_set(write(folder, **changes))
    return [str(problem) for problem in caught.value.problems]


def replaced(table: str, old: str, new: str) -> dict[str, str]:
    assert GOOD[table].count(old) == 1
    return {table: GOOD[table].replace(old, new)}


def appended(table: str, *lines: str) -> dict[str, str]:
    return {table: "\n".join([GOOD[table], *lines])}


def test_a_good_set_is_read_with_defaults_and_every_spelling(tmp_path: Path) -> None:
    found = read_csv_set(write(tmp_path))
    first, second = found.stores
    assert (first.floor_area_m2, first.opens_at, first.capacity, first.simulated) == (1200.5, time(8), 300, True)
    assert (second.closes_at, second.capacity, second.valid_to) == (time(0), None, date(2026, 1, 1))
    assert second.name_en == "Simulated Mall, east"
    assert [door.perimeter for door in found.doors] == [True, False]
    assert {point.point_id: point.point_count for point in found.points} == {"p-door": 1, "p-labels": 800}
    assert (found.tenants, found.floors) == ((), ())
    assert found.warnings == ()


def test_excel_s_byte_order_mark_and_line_ends_change_nothing(tmp_path: Path) -> None:
    plain, excel = tmp_path / "plain", tmp_path / "excel"
    plain.mkdir()
    excel.mkdir()
    write(plain)
    for name, text in GOOD.items():
        body = "\r\n".join([*text.splitlines(), ",,,", ""])
        (excel / f"{name}.csv").write_bytes(b"\xef\xbb\xbf" + body.encode())
    assert read_csv_set(excel) == read_csv_set(plain)
    assert read_csv_set(excel).digest() == read_csv_set(plain).digest()


def test_the_digest_is_of_the_content_not_of_the_order(tmp_path: Path) -> None:
    found = read_csv_set(write(tmp_path))
    assert RegistrySet.of(reversed(list(found.rows()))).digest() == found.digest()
    less = RegistrySet.of(row for row in found.rows() if row.table != "audits")
    assert less.digest() != found.digest()


def test_every_problem_is_listed_at_once_with_file_and_line(tmp_path: Path) -> None:
    listed = problems(
        tmp_path,
        **replaced("districts", "Asia/Shanghai", "Asia/Peking"),
        **replaced("stores", "supermarket,1200.5", "hypermarket,none"),
        **appended("agents", "ingest,,true,2025-01-01"),
        **replaced("audits", "2025-03-05", "05/03/2025"),
        points=None,
    )
    assert [text.split(" ")[0] for text in listed] == [
        "agents.csv:3:",
        "audits.csv:2:",
        "districts.csv:2:",
        "points.csv:",
        "stores.csv:2:",
        "stores.csv:2:",
    ]
    text = "\n".join(listed)
    assert "'Asia/Peking' is not an IANA time zone" in text
    assert "'hypermarket' is not a store format of GB/T 18106-2021; known: brand_store" in text
    assert "write the date as 2026-01-31" in text
    assert "choose another name for the agent" in text
    assert "is missing; a set needs it" in text


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            replaced("stores", ",capacity,", ",capacty,"),
            ["stores.csv:1: unknown column 'capacty'"],
            id="unknown column",
        ),
        pytest.param(
            replaced("points", "point_id,store_id,facility", "point_id,store_id,point_count"),
            ["points.csv:1: column 'point_count' occurs 2 times", "points.csv:1: missing column 'facility'"],
            id="missing and repeated column",
        ),
        pytest.param({"points": ""}, ["points.csv: has no header line; begin it with: valid_from"], id="empty file"),
        pytest.param(
            {"agents": "agent_id;approved;valid_from\na;true;2025-01-01"},
            ["agents.csv:1: the separator must be a comma"],
            id="semicolons",
        ),
        pytest.param(
            appended("points", "p2,s1,parking,parking_bay,,1"),
            ["points.csv:4: 6 cells under 7 columns"],
            id="too few cells",
        ),
        pytest.param(
            appended("agents", 'agent-2,"unclosed,true,2025-01-01'),
            ["agents.csv: is not CSV (unexpected end of data)"],
            id="unclosed quote",
        ),
        pytest.param({"store": "store_id"}, ["store.csv: is no file of the set"], id="strange file"),
        pytest.param(
            replaced("stores", "8:00,22:00,300", "8:60,22:00,3.5"),
            [
                "stores.csv:2: capacity: '3.5': Input should be a valid integer",
                "stores.csv:2: opens_at: write the time",
            ],
            id="wrong types",
        ),
        pytest.param(
            replaced(
                "doors", "main,s1,z1,Main door,正门,true,2025-01-01,2025-07-01", "main,s1,z1,,正门,maybe,20250101,"
            ),
            [
                "doors.csv:2: name_en: is empty; give a value",
                "doors.csv:2: perimeter: write true or false",
                "doors.csv:2: valid_from: write the date",
            ],
            id="a doubtful line raises no further problem about what refers to it",
        ),
        pytest.param(
            replaced("doors", "2025-01-01,2025-07-01", "2025-07-01,2025-07-01"),
            ["doors.csv:2: valid_to must be after valid_from"],
            id="empty validity",
        ),
        pytest.param(
            replaced("doors", "2025-01-01,2025-07-01", "2025-01-01,"),
            ["doors.csv:3: main is already valid on 2025-07-01 by line 2"],
            id="overlapping validity",
        ),
        pytest.param(
            appended(
                "doors",
                "side,s1,z1,Side,侧门,true,2025-01-01,2025-09-01",
                "side,s1,z1,Side,侧门,true,2025-02-01,2025-03-01",
                "side,s1,z1,Side,侧门,true,2025-04-01,2025-05-01",
            ),
            [
                "doors.csv:5: side is already valid on 2025-02-01 by line 4",
                "doors.csv:6: side is already valid on 2025-04-01 by line 4",
            ],
            id="validity within another",
        ),
        pytest.param(
            appended(
                "doors",
                *(
                    f"side,s1,z1,Side,侧门,true,{days}"
                    for days in ("2025-01-01,2025-03-01", "2025-03-01,2025-09-01", "2025-04-01,2025-05-01")
                ),
            ),
            ["doors.csv:6: side is already valid on 2025-04-01 by line 5"],
            id="validity within a later one",
        ),
        pytest.param(
            replaced("doors", "2025-01-01,2025-07-01", "2025-01-01,2025-06-01"),
            ["points.csv:2: door_id 'main' is not valid on 2025-06-01 by doors.csv"],
            id="reference with a hole in its validity",
        ),
        pytest.param(
            replaced(
                "points", "p-door,s1,traffic,door_line,main,,2025-01-01", "p-door,s1,traffic,door_line,main,,2024-12-31"
            ),
            [
                "points.csv:2: door_id 'main' is not valid on 2024-12-31 by doors.csv",
                "points.csv:2: store_id 's1' is not valid on 2024-12-31 by stores.csv",
            ],
            id="reference before its target begins",
        ),
        pytest.param(
            replaced("points", "labels,shelf_label,,800,2025-02-01", "labels,shelf_label,,800,2025-02-02"),
            ["registered_series.csv:3: point_id 'p-labels' is not valid on 2025-02-01 by points.csv"],
            id="series older than its point",
        ),
        pytest.param(
            replaced("stores", "TRUE,2025-01-01,", "TRUE,2025-01-01,2026-06-01"),
            [
                "devices.csv:2: store_id 's1' is not valid on 2026-06-01",
                "devices.csv:3: store_id 's1' is not valid on 2026-06-01",
                "doors.csv:3: store_id 's1' is not valid on 2026-06-01",
                "points.csv:2: store_id 's1' is not valid on 2026-06-01",
                "points.csv:3: store_id 's1' is not valid on 2026-06-01",
                "zones.csv:2: store_id 's1' is not valid on 2026-06-01",
            ],
            id="facts that outlive their store",
        ),
        pytest.param(
            replaced("devices", "gateway-1,agent-1", "gateway-1,agent-9"),
            ["devices.csv:3: agent_id 'agent-9' is not in agents.csv"],
            id="unknown reference",
        ),
        pytest.param(
            appended("doors", "side,s2,z1,Side,侧门,true,2025-01-01,2025-06-01"),
            ["doors.csv:4: zone_id 'z1' belongs to store 's1' (zones.csv:2), not to 's2'"],
            id="zone of another store",
        ),
        pytest.param(
            appended("points", "p3,s2,traffic,door_line,main,1,2025-08-01"),
            [
                "points.csv:4: door_id 'main' belongs to store 's1' (doors.csv:3), not to 's2'",
                "points.csv:4: store_id 's2' is not valid on 2026-01-01",
            ],
            id="door of another store, named once by the fact that meets it",
        ),
        pytest.param(
            replaced("devices", "gateway-1,agent-1,s1,,2025-01-01", "gateway-1,agent-1,s2,,2025-01-01"),
            [
                "devices.csv:3: store_id 's2' is not valid on 2026-01-01",
                "registered_series.csv:3: device_id 'gateway-1' is in store 's2' but point_id 'p-labels' in 's1'",
            ],
            id="point of another store",
        ),
        pytest.param(
            replaced("points", "door_line,main,,", "door_line,,,"),
            ["points.csv:2: a door_line needs door_id"],
            id="door line without door",
        ),
        pytest.param(
            appended("points", "p-zone,s1,traffic,counted_zone,,1,2025-01-01"),
            ["points.csv:4: a counted_zone needs zone_id"],
            id="counted zone without zone",
        ),
        pytest.param(
            {
                **appended("points", "p-till,s1,traffic,till,,1,2025-02-01\np-till-2,s1,traffic,till,,1,2025-02-01"),
                **appended(
                    "registered_series",
                    "gateway-1,transactions,,p-till,1,2025-02-01\ngateway-1,transactions,,p-till-2,1,2025-02-01",
                ),
            },
            ["registered_series.csv:5: gateway-1 transactions is also registered to point_id 'p-till' (line 4)"],
            id="receipts at two tills, which need no door",
        ),
        pytest.param(
            replaced("points", "labels,shelf_label", "labels,parking_bay"),
            ["points.csv:3: kind 'parking_bay' is not one of facility labels; known: shelf_label"],
            id="kind of another facility",
        ),
        pytest.param(
            replaced("stores", "Simulated Supermarket,模拟超市", "Corner Supermarket,街角超市"),
            ["stores.csv:2: a simulated place must say so"],
            id="simulated store with a real name",
        ),
        pytest.param(
            replaced("devices", "gateway-1,agent-1", "face-reader-1,agent-1"),
            [
                "devices.csv:3: device_id: 'face-reader-1' holds words of the deny-list of personal data (face)",
                "registered_series.csv:3: device_id 'gateway-1' is not in devices.csv",
            ],
            id="deny-listed device",
        ),
        pytest.param(
            replaced("devices", "gateway-1,agent-1", "gate way,Agent_1"),
            [
                "devices.csv:3: agent_id: 'Agent_1' is no name of an agent",
                "devices.csv:3: device_id: 'gate way' is no id",
                "registered_series.csv:3: device_id 'gateway-1' is not in devices.csv",
            ],
            id="names that the wire does not take",
        ),
        pytest.param(
            replaced("registered_series", "entries,,p-door,1", "active_energy,,p-door,2"),
            [
                "registered_series.csv:2: point_count 2 is more than the 1 of point_id 'p-door'",
                "registered_series.csv:2: quantity 'active_energy' is not observed at a door_line",
            ],
            id="series that does not fit its point",
        ),
        pytest.param(
            {
                **appended("points", "p-door-2,s1,traffic,door_line,main,1,2025-01-01"),
                **appended("registered_series", "counter-1,entries,,p-door-2,1,2025-05-01"),
            },
            ["registered_series.csv:4: counter-1 entries is also registered to point_id 'p-door' (line 2)"],
            id="a count at two points",
        ),
        pytest.param(
            replaced("audits", "2025-03-05", "2024-03-05"),
            ["audits.csv:2: device_id 'counter-1' is not valid on 2024-03-05"],
            id="audit of no device",
        ),
    ],
)
def test_a_problem_is_told_where_it_is(tmp_path: Path, changes: dict[str, str], expected: list[str]) -> None:
    listed = problems(tmp_path, **changes)
    assert len(listed) == len(expected), listed
    for text, beginning in zip(listed, expected, strict=True):
        assert text.startswith(beginning), listed


def test_a_file_that_is_not_utf_8_says_how_to_save_it(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "agents.csv").write_bytes("agent_id,approved,valid_from\n超市,true,2025-01-01".encode("gb18030"))
    with pytest.raises(RegistryError, match=r"^agents.csv: is not UTF-8; save it as 'CSV UTF-8'$"):
        read_csv_set(tmp_path)


def test_a_folder_that_is_not_there_is_one_problem(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="is not a folder"):
        read_csv_set(tmp_path / "absent")


def test_lines_are_counted_over_quoted_line_breaks(tmp_path: Path) -> None:
    listed = problems(
        tmp_path, **appended("agents", 'agent-2,"two\nlines",true,2025-01-01', "agent-3,x,maybe,2025-01-01")
    )
    assert [text.split(" ")[0] for text in listed] == ["agents.csv:3:", "agents.csv:5:"]


def test_a_people_counter_without_purpose_is_a_warning(tmp_path: Path) -> None:
    found = read_csv_set(write(tmp_path, **replaced("devices", "footfall statistics", "")))
    assert [(warning.file, warning.line) for warning in found.warnings] == [("devices.csv", 2)]
    assert "PIPL Art. 26" in found.warnings[0].text
