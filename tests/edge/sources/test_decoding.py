"""From payloads to groups: order, ordinals of events, refusals; and options that are checked at the start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from edge_tools.plain_decoder import PLAIN, known
from pydantic import TypeAdapter

from edge.configuration import ConfigurationError, read_configuration
from edge.decoders import registry
from edge.decoders.decoder import Arrival, Decoded, PayloadRefusedError
from edge.readings import Reading
from edge.settings import EdgeSettings
from edge.sources.decoding import PayloadReader, group
from edge.sources.kinds import SourceSettings
from edge.wire.series import Kind, Origin, Series, Unit

NOW_US = 1_750_000_000_000_000


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, PLAIN)


def series(kind: Kind, channel: str = "") -> Series:
    return Series(device="door", quantity="entries", channel=channel, unit=Unit.COUNT, kind=kind)


def reader_of(decoded: Decoded | Exception) -> PayloadReader:
    def decode(_arrival: Arrival) -> Decoded:
        if isinstance(decoded, Exception):
            raise decoded
        return decoded

    return PayloadReader("doors", decode, lambda: NOW_US)


def test_events_of_one_series_at_one_instant_are_told_apart_and_the_order_stays() -> None:
    event, other, gauge = series(Kind.EVENT), series(Kind.EVENT, "2"), series(Kind.GAUGE)
    readings = [
        Reading(event, 7, 1.0),
        Reading(gauge, 7, 1.0),
        Reading(event, 7, 2.0),
        Reading(other, 7, 3.0),
        Reading(gauge, 7, 2.0),
        Reading(event, 8, 4.0),
        Reading(event, 7, 5.0),
    ]
    payload = reader_of(Decoded(readings)).arrived(b"")
    assert [reading._replace(ordinal=0) for reading in payload.readings] == readings
    assert [reading.ordinal for reading in payload.readings] == [0, 0, 1, 0, 0, 0, 2]


def test_ordinals_that_a_decoder_gives_are_kept() -> None:
    event = series(Kind.EVENT)
    readings = [Reading(event, 7, 1.0, ordinal=1), Reading(event, 7, 2.0, ordinal=0), Reading(event, 7, 2.0, ordinal=1)]
    payload = reader_of(Decoded(readings)).arrived(b"")
    assert [reading.ordinal for reading in payload.readings] == [1, 0, 2]


def test_parts_and_whole_payloads_that_are_refused_become_refusals_with_what_may_be_kept() -> None:
    refused = PayloadRefusedError("time", "the time is missing", "kept text")
    part = reader_of(Decoded([Reading(series(Kind.GAUGE), 7, 1.0)], [refused])).arrived(b"personal")
    assert not part.is_refused
    whole = reader_of(refused).arrived(b"personal")
    assert whole.is_refused
    for payload in (part, whole):
        (refusal,) = payload.refusals
        assert (refusal.source, refusal.reason, refusal.detail) == ("doors", "time", "the time is missing")
        assert (refusal.payload, refusal.at_us) == ("kept text", NOW_US)


def test_a_refusal_is_cut_to_what_it_has_room_for() -> None:
    (refusal,) = reader_of(PayloadRefusedError("r" * 99, "d" * 999, "k" * 9999)).arrived(b"").refusals
    assert (len(refusal.reason), len(refusal.detail), len(refusal.payload)) == (64, 500, 4096)


def test_a_defect_of_a_decoder_is_a_refusal_that_repeats_nothing(caplog: pytest.LogCaptureFixture) -> None:
    payload = reader_of(KeyError("the content")).arrived(b"the content")
    assert payload.is_refused
    assert payload.refusals[0].reason == "decoder_failed"
    assert "the content" not in str(payload.refusals) + str([record.__dict__ for record in caplog.records])
    assert caplog.records[0].getMessage() == "decoder_failed"


def test_a_group_is_measured_and_keeps_the_order_of_its_payloads() -> None:
    one, two = (reader_of(Decoded([Reading(series(Kind.GAUGE), t, 1.0)])).arrived(b"") for t in (9, 3))
    made = group([one, two], "5")
    assert [reading.t_us for reading in made.readings] == [9, 3]
    assert (made.origin, made.position) == (Origin.MEASURED, "5")


EDGE = """
[agent]
id = "mall-7"
[broker]
host = "127.0.0.1"
[spool]
path = "spool.db"
[[source]]
kind = "http_poll"
name = "meter"
url = "http://127.0.0.1/status"
decoder = "plain"
"""


def read(folder: Path, text: str) -> EdgeSettings:
    config = folder / "edge.toml"
    config.write_text(text, encoding="utf-8")
    return read_configuration(config, EdgeSettings)


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ("", "source[0].options.device: Field required"),
        ('[source.options]\ndevice = "m"\nfactor = "much"', "source[0].options.factor: "),
        ('[source.options]\ndevice = "m"\ncolour = "red"', "source[0].options.colour: Extra inputs"),
        ('options = "none"', "source[0].options: "),
    ],
)
def test_a_wrong_option_of_the_decoder_is_named(tmp_path: Path, options: str, key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, EDGE + options)
    assert key in str(caught.value)
    assert str(caught.value).count("\n") == 0


def test_an_unknown_decoder_is_named_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"source\[0\]\.decoder: no decoder is named 'plane'; there are: .*plain"
    ):
        read(tmp_path, EDGE.replace('"plain"', '"plane"'))


def test_settings_survive_the_way_through_json(tmp_path: Path) -> None:
    settings = read(tmp_path, EDGE + '[source.options]\ndevice = "m"\nfactor = 2')
    again = EdgeSettings.model_validate_json(settings.model_dump_json())
    assert again == settings
    assert again.source[0].options.factor == 2.0  # type: ignore[attr-defined]


def source_settings(**keys: Any) -> Any:
    return TypeAdapter(SourceSettings).validate_python(
        {"name": "a", "decoder": "plain", "options": {"device": "m"}} | keys
    )


def test_the_reader_of_settings_decodes_with_their_options() -> None:
    settings = source_settings(kind="http_poll", url="http://127.0.0.1/", options={"device": "m", "factor": 3})
    payload = settings.reader().arrived(json.dumps({"value": 5, "t_us": 9}).encode())
    assert [(reading.series.device, reading.value, reading.t_us) for reading in payload.readings] == [("m", 15.0, 9)]


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ({"kind": "http_poll", "url": "ftp://a/"}, "not a URL"),
        ({"kind": "http_poll", "url": "http://u:p@a/"}, "no user or password in the URL"),
        ({"kind": "http_poll", "url": "http://a/ b"}, "not a URL"),
        ({"kind": "http_poll", "url": "http://a/", "username": "u"}, "belong together"),
        ({"kind": "http_poll", "url": "https://a/", "verify_host": False}, "needs ca_file"),
        ({"kind": "http_poll", "url": "http://a/", "jitter_s": 61}, "longer than interval_s"),
        ({"kind": "http_push", "port": 80, "authentication": "basic"}, "needs username and password_file"),
        ({"kind": "http_push", "port": 80, "username": "u", "password_file": "p"}, "needs username and password_file"),
        ({"kind": "mqtt", "topics": ["a/#/b"]}, "not a topic filter"),
        ({"kind": "mqtt", "topics": ["a+"]}, "not a topic filter"),
        ({"kind": "mqtt", "topics": ["$share/g/a"]}, "shared subscription"),
        ({"kind": "mqtt", "topics": []}, "at least 1"),
        ({"kind": "mqtt", "topics": ["a"], "password_file": "p"}, "needs username"),
        ({"kind": "modbus_poll", "host": "a"}, "name blocks"),
        ({"kind": "modbus_poll", "blocks": [{"start": 0, "count": 1}]}, "needs host"),
        (
            {"kind": "modbus_poll", "transport": "rtu", "host": "a", "blocks": [{"start": 0, "count": 1}]},
            "needs serial",
        ),
        ({"kind": "modbus_poll", "host": "a", "blocks": [{"start": 65535, "count": 2}]}, "beyond address"),
        ({"kind": "file_tail", "path": "a", "columns": ["x", "x"]}, "each once"),
        ({"kind": "file_tail", "path": "a", "format": "lines", "columns": ["x"]}, "format 'csv'"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_the_start(keys: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        source_settings(**keys)


@pytest.mark.parametrize("payload", [rb'{"errno": "\ud800"}', b'{"errno": "\xed\xa0\x80"}'])
def test_a_text_that_utf_8_cannot_write_is_refused_and_does_not_stop_the_source(payload: bytes) -> None:
    hanshow = registry.DECODERS["hanshow"].configured({"device": "esl"})
    (refusal,) = PayloadReader("labels", hanshow).arrived(payload).refusals
    assert refusal.reason == "not_a_number"
    assert "SHA-256" in refusal.detail, "nothing of it can be kept"


def test_what_an_added_decoder_says_wrongly_is_made_fit() -> None:
    refused = PayloadRefusedError("wrong", "a \ud800", "kept \udcff")
    (refusal,) = reader_of(refused).arrived(b"").refusals
    assert (refusal.detail, refusal.payload) == ("a ?", "kept ?")
