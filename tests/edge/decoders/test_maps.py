"""Maps: those that ship can be used, a wrong one is told by its key, and reading is the inverse of writing."""

from __future__ import annotations

import itertools
import json
import math
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.configuration import ConfigurationError, read_configuration
from edge.decoders import json_map, modbus_map
from edge.decoders.bacnet_map import BacnetMap
from edge.decoders.decoder import Arrival, PayloadRefusedError
from edge.decoders.json_map import JSON_MAP, JsonMap, JsonPath
from edge.decoders.mapped import DeviceMap
from edge.decoders.modbus_map import MODBUS_MAP, ModbusMap, ReadRequest
from edge.decoders.modbus_registers import NumberType, Order, RegisterBlock, Table, registers_of

MAPS = Path(__file__).parents[3] / "deploy" / "maps"
AT_US = 1_772_413_500_000_000
STEP_NAMES = st.text(min_size=1).filter(lambda name: '"' not in name)
PLACES = st.tuples(st.integers(0, 600), st.sampled_from(NumberType), st.sampled_from(Table))

JSON_TEXT = """
format = "json"
title = "a device"
device = "device-1"
[time]
path = "ts"
form = "epoch_s"
marks = "start"
[[reading]]
path = "n"
quantity = "entries"
unit = "count"
kind = "interval"
period_s = 60
"""
MODBUS_TEXT = """
format = "modbus"
title = "a device"
device = "device-1"
numbering = "zero_based"
[[reading]]
register = 0
type = "uint16"
quantity = "active_energy"
unit = "kWh"
counter = { reset = "never" }
"""


def test_the_maps_that_ship_are_there() -> None:
    assert {path.stem for path in MAPS.glob("*.toml")} == {
        *("lift_state", "escalator", "hvac", "fire_panel", "water_meter", "access_point", "patrol_point", "iem3155"),
        "bacnet_air_handler",
    }


@pytest.mark.parametrize("path", sorted(MAPS.glob("*.toml")), ids=lambda path: path.stem)
def test_a_map_that_ships_can_be_read_and_has_a_case(path: Path) -> None:
    kind = tomllib.loads(path.read_text(encoding="utf-8"))["format"]
    forms: dict[str, type[DeviceMap]] = {"json": JsonMap, "modbus": ModbusMap, "bacnet": BacnetMap}
    read_configuration(path, forms[kind])
    cases = Path(__file__).parent / "cases" / f"{kind}_map"
    used = [tomllib.loads(case.read_text(encoding="utf-8"))["options"]["map"] for case in cases.glob("*/case.toml")]
    assert f"deploy/maps/{path.name}" in used


@pytest.mark.parametrize(
    ("text", "old", "new", "expected"),
    [
        (JSON_TEXT, 'path = "n"', 'path = "n..m"', "reading[0].path: Value error, a path is names with dots"),
        (JSON_TEXT, '"entries"', '"visitors"', "reading[0].quantity: Value error, 'visitors' is not a quantity"),
        (JSON_TEXT, '"count"', '"kg"', "reading[0].unit: Value error, entries is kept in count"),
        (
            JSON_TEXT,
            'kind = "interval"',
            "",
            "reading[0].kind: Value error, say how the values are",
        ),
        (JSON_TEXT, '"interval"', '"gauge"', "reading[0].kind: Value error, entries is not reported so"),
        (JSON_TEXT, "period_s = 60", "", "reading[0].period_s: Value error, an interval needs its length"),
        (JSON_TEXT, "period_s = 60", "period_s = 60\nscale = 0", "reading[0].scale: Value error, a scale of zero"),
        (JSON_TEXT, "period_s = 60", "period = 60", "reading[0].period: Extra inputs are not permitted"),
        (JSON_TEXT, "epoch_s", "unix", "time.form: Value error, give iso, epoch_s"),
        (JSON_TEXT, 'marks = "start"', "", "time.marks: say whether the time is the start or the end"),
        (JSON_TEXT, 'marks = "start"', 'zone = "Mars/Base"', "time.zone: "),
        (MODBUS_TEXT, "uint16", "uint24", "reading[0].type: Input should be"),
        (MODBUS_TEXT, "zero_based", "one_based", "reading[0].register: there is no such register"),
        (MODBUS_TEXT, 'numbering = "zero_based"', "", "numbering: Field required"),
        (MODBUS_TEXT, 'counter = { reset = "never" }', "", "reading[0].counter: Value error, a cumulative value"),
        (MODBUS_TEXT, 'reset = "never"', "width_bits = 24", "reading[0].counter.width_bits: Input should be"),
        (
            MODBUS_TEXT,
            'reset = "never" }',
            'width_bits = 16, reset = "never" }\nscale = -0.1',
            "reading[0].scale: Value error, a counter counts upwards",
        ),
        (MODBUS_TEXT, '"uint16"', '"int16"\nbit = 3', "reading[0].bit: Value error, a bit can be read of type uint16"),
        (MODBUS_TEXT, '"modbus"', '"csv"', "format: Input should be 'modbus'"),
        (
            MODBUS_TEXT,
            "[[reading]]",
            '[[reading]]\nregister = 9\ntype = "uint16"\nquantity = "active_energy"\nunit = "kWh"\n'
            'counter = { reset = "never" }\n[[reading]]',
            "reading: active_energy stands twice for channel ''",
        ),
    ],
)
def test_a_wrong_map_is_told_by_its_key(tmp_path: Path, text: str, old: str, new: str, expected: str) -> None:
    path = tmp_path / "map.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    model: type[JsonMap | ModbusMap] = JsonMap if text is JSON_TEXT else ModbusMap
    with pytest.raises(ConfigurationError) as wrong:
        read_configuration(path, model)
    assert str(path) in str(wrong.value)
    assert expected in str(wrong.value)


@pytest.mark.parametrize("decoder", [JSON_MAP, MODBUS_MAP], ids=lambda decoder: decoder.name)
def test_a_decoder_is_not_configured_with_a_map_that_cannot_be_used(tmp_path: Path, decoder: Any) -> None:
    with pytest.raises(ValidationError, match=r"map\n.*absent\.toml: cannot be read"):
        decoder.configured({"map": str(tmp_path / "absent.toml")})


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("a", ("a",)),
        ("switch:0.aenergy.total", ("switch:0", "aenergy", "total")),
        ("[2].b", (2, "b")),
        ("a[0][1].b", ("a", 0, 1, "b")),
        ('["a.b"]["[c]"]', ("a.b", "[c]")),
        ("温度.值", ("温度", "值")),
    ],
)
def test_a_path(path: str, steps: tuple[str | int, ...]) -> None:
    assert JsonPath.parse(path).steps == steps


@pytest.mark.parametrize(
    "path", ["", ".a", "a.", "a..b", "a[", "a[-1]", "a[x]", "a]b", "a[0]b", '["a"', "a[*]", 7, None]
)
def test_what_is_no_path(path: Any) -> None:
    with pytest.raises(ValueError, match="a path is names"):
        JsonPath.parse(path)


@given(st.lists(st.one_of(STEP_NAMES, st.integers(0, 9)), min_size=1, max_size=5))
def test_a_path_finds_what_was_put_there(steps: list[str | int]) -> None:
    document: Any = "here"
    for step in reversed(steps):
        document = [None] * step + [document] if isinstance(step, int) else {step: document}
    path = JsonPath.parse("".join(f"[{step}]" if isinstance(step, int) else f'["{step}"]' for step in steps))
    assert path.find(document) == "here"
    assert JsonPath.parse(path.text + ".further").find(document) is None


def _json_map(tmp_path: Path, text: str) -> JsonMap:
    path = tmp_path / "map.toml"
    path.write_text(text, encoding="utf-8")
    return read_configuration(path, JsonMap)


@pytest.mark.parametrize(("marks", "expected_us"), [("start", AT_US), ("end", AT_US - 60_000_000)])
def test_an_interval_is_at_its_start(tmp_path: Path, marks: str, expected_us: int) -> None:
    described = _json_map(tmp_path, JSON_TEXT.replace('"start"', f'"{marks}"'))
    payload = json.dumps({"ts": AT_US // 1_000_000, "n": 3}).encode()
    (reading,) = json_map.decode_with(described, Arrival(payload, AT_US)).readings
    assert (reading.t_us, reading.value, reading.series.period_s) == (expected_us, 3.0, 60.0)


def test_an_interval_without_a_stated_time_ends_when_it_arrives(tmp_path: Path) -> None:
    text = JSON_TEXT.replace('[time]\npath = "ts"\nform = "epoch_s"\nmarks = "start"\n', "")
    (reading,) = json_map.decode_with(_json_map(tmp_path, text), Arrival(b'{"n":0}', AT_US)).readings
    assert (reading.t_us, reading.value) == (AT_US - 60_000_000, 0.0)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"[]", "missing"),
        (b'{"ts":1e99,"n":1}', "time"),
        (b"7", "not_an_object"),
        (b"\xff", "not_json"),
    ],
)
def test_a_payload_without_a_time_or_a_shape_is_refused(tmp_path: Path, payload: bytes, reason: str) -> None:
    with pytest.raises(PayloadRefusedError) as refused:
        json_map.decode_with(_json_map(tmp_path, JSON_TEXT), Arrival(payload, AT_US))
    assert refused.value.reason == reason


@pytest.mark.parametrize("value", [-1, 1.5, "x", True, [], {}])
def test_a_count_that_is_none_is_refused(tmp_path: Path, value: Any) -> None:
    payload = json.dumps({"ts": AT_US // 1_000_000, "n": value}).encode()
    decoded = json_map.decode_with(_json_map(tmp_path, JSON_TEXT), Arrival(payload, AT_US))
    assert not decoded.readings
    assert len(decoded.refused) == 1


def _modbus_map(*readings: dict[str, Any], **told: Any) -> ModbusMap:
    """Return a map whose readings are temperatures, which may be of any type and scale."""
    each = [{"quantity": "temperature", "unit": "degC", "channel": str(n)} | said for n, said in enumerate(readings)]
    whole = {"format": "modbus", "title": "a device", "device": "device-1", "numbering": "zero_based", "reading": each}
    return ModbusMap.model_validate(whole | told)


def test_the_reads_of_a_meter_are_its_registers_and_no_other() -> None:
    described = read_configuration(MAPS / "iem3155.toml", ModbusMap)
    assert described.requests() == [
        ReadRequest(Table.HOLDING, 2999, 6),
        ReadRequest(Table.HOLDING, 3027, 6),
        ReadRequest(Table.HOLDING, 3053, 8),
        ReadRequest(Table.HOLDING, 3109, 2),
        ReadRequest(Table.HOLDING, 45_099, 2),
    ]


@given(st.lists(PLACES, min_size=1, max_size=40))
def test_requests_bring_every_register_within_their_limit(places: list[tuple[int, NumberType, Table]]) -> None:
    described = _modbus_map(*({"register": at, "type": kind, "table": table} for at, kind, table in places))
    requests = described.requests()
    assert all(1 <= request.length <= 125 for request in requests)
    for reading in described.reading:
        first, last = reading.register_, reading.register_ + reading.type.registers
        assert any(r.table is reading.table and r.start <= first and last <= r.start + r.length for r in requests)
    wanted = {(t, at + n) for at, kind, t in places for n in range(kind.registers)}
    assert {(r.table, r.start + n) for r in requests for n in range(r.length)} == wanted


@pytest.mark.parametrize(("words", "octets"), list(itertools.product(Order, Order)))
@pytest.mark.parametrize("kind", list(NumberType))
@given(st.data())
def test_what_a_map_reads_is_what_was_written_by_it(
    kind: NumberType, words: Order, octets: Order, data: st.DataObject
) -> None:
    scale, offset = data.draw(st.sampled_from([("1", "0"), ("0.1", "0"), ("0.001", "-40"), ("-2", "7.5")]))
    number = data.draw(_raw(kind))
    described = _modbus_map(
        {"register": 7, "type": kind, "scale": scale, "offset": offset},
        numbering=data.draw(st.sampled_from(["zero_based", "one_based"])),
        word_order=words,
        byte_order=octets,
    )
    start = described.address(described.reading[0])
    block = RegisterBlock(Table.HOLDING, start, registers_of(number, kind, words, octets))
    (reading,) = modbus_map.decode_with(described, Arrival(block.payload(), AT_US)).readings
    assert reading.value == float(Decimal(repr(number)) * Decimal(scale) + Decimal(offset))
    # Encoding is the inverse, up to what a float64 can tell apart.
    back = (Decimal(repr(reading.value)) - Decimal(offset)) / Decimal(scale)
    assert math.isclose(float(back), number, rel_tol=1e-12, abs_tol=1e-9)
    if kind.registers <= 2 and not kind.value.startswith("float"):
        assert registers_of(round(back), kind, words, octets) == block.registers


def _raw(kind: NumberType) -> st.SearchStrategy[float]:
    if kind.value.startswith("float"):
        return st.floats(-(2.0**100), 2.0**100, width=32)
    bits = 16 * kind.registers
    low, high = (0, 2**bits) if kind.value.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1))
    return st.integers(low, high - 1)


def test_no_number_is_no_reading_and_infinity_is_refused() -> None:
    described = _modbus_map({"register": 0, "type": "float32"})
    nan = RegisterBlock(Table.HOLDING, 0, (0x7FC0, 0))
    assert modbus_map.decode_with(described, Arrival(nan.payload(), AT_US)).readings == ()
    infinite = RegisterBlock(Table.HOLDING, 0, (0x7F80, 0))
    (refused,) = modbus_map.decode_with(described, Arrival(infinite.payload(), AT_US)).refused
    assert refused.reason == "not_a_number"
