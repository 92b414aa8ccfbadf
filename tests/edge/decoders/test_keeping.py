"""What is kept of a refused payload: the fields that its decoder reads, and nothing personal, whatever it holds."""

from __future__ import annotations

import json
from typing import Any
from xml.etree.ElementTree import Element, ParseError, SubElement, fromstring, tostring

import pytest
from edge_tools.decoder_cases import Case, cases_of
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.decoders.decoder import DecoderOptions
from edge.decoders.keeping import LONGEST_KEPT, keeping, reduced
from edge.decoders.payload import Arrival, Decoded, PayloadRefusedError
from edge.decoders.registry import DECODERS
from edge.wire.decode import loosely
from edge.wire.personal_data import forbidden_names

FORBIDDEN = """
face image img jpg embedding feature mac imei imsi plate openid phone name idcard track_id gender age emotion
faceImage imageData snapshot macAddress device_mac wlan_mac line_name childCount person_id memberId customer_id
人脸 面部特征 图像 图片 照片 特征值 车牌号 手机号 电话 姓名 身份证号 性别 年龄 情绪 会员编号 轨迹 步态
""".split()
BLOB = "u3ApZc9QmB7xYk2LwE5tRdHs0JgNfVaC1oPiXq8zMrTb"
SECRETS = ("Zhang-San-13800138000", BLOB, "02:5e:77:5e:c4:e7", "025e775ec4e7", "京A·5EC4E7", BLOB * 6)
LEAVES = st.sampled_from(SECRETS)
PERSONAL = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=2)
        | st.dictionaries(st.sampled_from(FORBIDDEN), inner, min_size=1, max_size=2)
    ),
    max_leaves=3,
)
SHAPES = st.sampled_from(SECRETS[1:4] + SECRETS[5:])
"""Values that are told by their looks, under whatever name they come."""


def _fields(case: Case) -> frozenset[str]:
    options: DecoderOptions = case.decoder.options.model_validate(case.options)
    return case.decoder.fields | options.further_fields()


def _with_personal(node: Any, data: st.DataObject, fields: frozenset[str]) -> Any:
    """Return a JSON document with a personal field in one of its objects, or a secret in place of one of its texts."""
    if isinstance(node, dict):
        if not node or data.draw(st.booleans()):
            return {**node, data.draw(st.sampled_from(FORBIDDEN)): data.draw(PERSONAL)}
        key = data.draw(st.sampled_from(sorted(node)))
        return {**node, key: _with_personal(node[key], data, fields)}
    if isinstance(node, list) and node:
        place = data.draw(st.integers(0, len(node) - 1))
        return [*node[:place], _with_personal(node[place], data, fields), *node[place + 1 :]]
    if isinstance(node, str) and node.startswith("{"):
        return json.dumps(_with_personal(json.loads(node), data, fields), ensure_ascii=False)
    return data.draw(SHAPES)


def _with_personal_element(payload: bytes, data: st.DataObject) -> bytes:
    root = fromstring(payload)  # noqa: S314 - a case of ours
    place = data.draw(st.sampled_from(list(root.iter())))
    namespace = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    added: Element = SubElement(place, namespace + data.draw(st.sampled_from(FORBIDDEN)))
    added.text = data.draw(LEAVES)
    place.set(data.draw(st.sampled_from(FORBIDDEN)), data.draw(LEAVES))
    inner = SubElement(added, namespace + data.draw(st.sampled_from(["enter", "count", "time"])))
    inner.text = data.draw(SHAPES)
    written: bytes = tostring(root, encoding="utf-8")
    return written


def _with_personal_content(case: Case, data: st.DataObject) -> bytes:
    try:
        document = json.loads(case.payload)
    except ValueError:
        try:
            return _with_personal_element(case.payload, data)
        except ParseError:
            return case.payload + data.draw(LEAVES).encode()
    return json.dumps(_with_personal(document, data, _fields(case)), ensure_ascii=False).encode()


def _told(decoded: Decoded) -> str:
    texts = [reading.series.definition for reading in decoded.readings]
    return "\n".join([*texts, *(f"{refused.kept} {refused.detail}" for refused in decoded.refused)])


@pytest.mark.parametrize("name", sorted(DECODERS))
@given(data=st.data())
@settings(max_examples=120)
def test_nothing_personal_comes_out(name: str, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(cases_of(name)))
    payload = _with_personal_content(case, data)
    decoded = case.decoded(payload)
    kept = reduced(payload, case.arrival().content_type, _fields(case))
    told = f"{_told(decoded)}\n{kept}"
    assert not [secret for secret in SECRETS if secret in told]
    assert forbidden_names([loosely(kept), *(loosely(refused.kept) for refused in decoded.refused)]) == []
    assert forbidden_names([refused.detail for refused in decoded.refused]) == []


FIELDS = frozenset({"in", "out", "data", "items", "switch", "time", "stats", "stat", "name"})


@pytest.mark.parametrize(
    ("payload", "kept"),
    [
        ('{"in": 3, "x": 4, "data": {"out": [1, {"x": 2}, {"in": null}]}}', '{"in":3,"data":{"out":[1,{"in":null}]}}'),
        ('{"switch:0": {"in": true, "id": 0}, "switch:x": {}}', '{"switch:0":{"in":true}}'),
        ('{"data": "{\\"in\\": 1, \\"x\\": 2}"}', '{"data":{"in":1}}'),
        ('{"time": "2026-03-02 09:05", "in": "0758892BB696"}', '{"time":"2026-03-02 09:05"}'),
        ('{"in": "' + "x" * 65 + '", "out": "' + "y " * 32 + '"}', '{"out":"' + "y " * 32 + '"}'),
        ('{"in": "' + BLOB + '", "out": "image"}', ""),
        ('{"in": "\\ud800", "out": 3}', '{"out":3}'),
        ('{"name": "fw"}', ""),
        ('{"x": 1}', ""),
        ("[]", "[]"),
        ("3", ""),
        ("in=3", ""),
        ("<stats x='1'><stat in='3' y='4'>5<z>6</z></stat></stats>", '<stats><stat in="3">5</stat></stats>'),
        ("<other><in>3</in></other>", ""),
        ("<stats>", ""),
        ("\x00\x01", ""),
    ],
)  # fmt: skip
def test_a_payload_is_reduced_to_its_fields(payload: str, kept: str) -> None:
    assert reduced(payload.encode(), "", FIELDS) == kept


def test_a_form_is_reduced_to_its_fields() -> None:
    form = b"in=3&phone=13800138000&out=02%3A5e%3A77%3A5e%3Ac4%3Ae7&time="
    assert reduced(form, "application/x-www-form-urlencoded; charset=utf-8", FIELDS) == "in=3&time="


def test_of_a_body_of_several_parts_the_one_with_names_is_kept() -> None:
    picture = b"--b\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\r\n"
    body = picture + b"--b\r\nContent-Type: text/xml\r\n\r\n<in>3</in>\r\n--b--\r\n"
    assert reduced(body, "multipart/mixed; boundary=b", FIELDS) == "<in>3</in>"
    assert reduced(body, "multipart/mixed", FIELDS) == ""


@given(st.integers(0, 1000), st.integers(0, 2))
def test_what_is_too_long_is_kept_in_part_and_still_whole(entries: int, nested: int) -> None:
    document: Any = [{"in": place} for place in range(entries)]
    for _ in range(nested):
        document = {"data": [document] * 5}
    kept = reduced(json.dumps(document).encode(), "", FIELDS)
    assert len(kept) <= LONGEST_KEPT
    json.loads(kept)


def test_what_cannot_be_kept_is_known_by_length_and_digest() -> None:
    refused = keeping(PayloadRefusedError("frame", "no frame"), Arrival(b"abc", 0), frozenset())
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert (refused.detail, refused.kept) == (f"no frame (nothing kept of 3 bytes, SHA-256 {digest})", "")


def test_the_first_refused_part_keeps_the_payload_and_the_others_do_not() -> None:
    (case,) = (case for case in cases_of("zigbee2mqtt") if case.folder.name == "leak_and_smoke")
    first, second = case.decoded(case.payload.replace(b"88", b'"x"')).refused
    assert json.loads(first.kept)["battery"] == "x"
    assert (second.reason, second.kept) == ("unknown_state", "")
