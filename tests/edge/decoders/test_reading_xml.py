"""XML is read safely, and whatever stands in a counting camera's document is read or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.decoders.decoder import Arrival, PayloadRefusedError
from edge.decoders.hikvision import HIKVISION_PEOPLE_COUNTING
from edge.decoders.reading_xml import xml_root

CASES = Path(__file__).parent / "cases" / "hikvision_people_counting"
AT_US = 1_772_413_500_000_000
TEXTS = ["", "-1", "1e400", "nan", "99999999999999999999", "0001-01-01", "9999-12-31T23:59:59-14:00"]
DECODE = HIKVISION_PEOPLE_COUNTING.configured(
    {"device": "door-camera-1", "interval_s": 3600, "time_zone": "Europe/Berlin"}
)


def test_names_come_without_namespaces_and_attributes_are_left_out() -> None:
    root = xml_root(b'<?xml version="1.0"?><a:x xmlns:a="urn:a" k="v"><y xmlns="urn:b">1 &lt; 2</y></a:x>')
    assert (root.tag, root.attrib, root.findtext("y")) == ("x", {}, "1 < 2")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', "doctype"),
        (b'<!DOCTYPE x SYSTEM "http://192.0.2.1/x.dtd"><x/>', "doctype"),
        (b"<!DOCTYPE x><x/>", "doctype"),
        ('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x><x/>'.encode("utf-16"), "doctype"),
        (b"<x>&undeclared;</x>", "not_xml"),
        (b"<x>" * 17 + b"</x>" * 17, "not_xml"),
        (b"<x>" + b"y" * 1_048_576 + b"</x>", "not_xml"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?><x>\xe9</x>', "not_xml"),
        (b"<x/><x/>", "not_xml"),
        (b"", "not_xml"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_plain_xml_is_refused(payload: bytes, reason: str) -> None:
    with pytest.raises(PayloadRefusedError) as refused:
        xml_root(payload)
    assert refused.value.reason == reason


@given(st.data())
@settings(max_examples=200)
def test_a_document_with_one_part_of_it_replaced_is_read_or_refused(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(CASES.glob("*/payload.xml"))))
    lines = path.read_text(encoding="utf-8").splitlines()
    place = data.draw(st.integers(0, len(lines) - 1))
    opening, _, closing = lines[place].partition("<")
    name = closing.partition(">")[0].strip("/ ")
    text = data.draw(
        st.text(max_size=20) | st.sampled_from(["", "-1", "1e400", "nan", "99999999999999999999", "0001-01-01"])
    )
    lines[place] = data.draw(st.sampled_from(["", lines[place] * 2, f"{opening}<{name}>{text}</{name}>"]))
    try:
        decoded = DECODE(Arrival("\n".join(lines).encode(), AT_US, "/channels/1/counting/search"))
    except PayloadRefusedError:
        return
    assert all(abs(reading.t_us) < 2**62 for reading in decoded.readings)
