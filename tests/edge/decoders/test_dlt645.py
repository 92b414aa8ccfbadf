"""DL/T 645-2007 frames: building and reading are inverses, and a damaged frame is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.decoders.decoder import Arrival, PayloadRefusedError
from edge.decoders.dlt645 import DLT645, ITEMS, Frame, read_request

ADDRESSES = st.text("0123456789", min_size=12, max_size=12)


@given(ADDRESSES, st.integers(0, 255), st.binary(max_size=200), st.integers(0, 4))
def test_a_frame_is_read_as_it_was_built(address: str, control: int, data: bytes, wake_up: int) -> None:
    frame = Frame(address, control, data)
    assert Frame.parse(b"\xfe" * wake_up + frame.encode()) == frame


@given(ADDRESSES, st.binary(max_size=20), st.data())
def test_one_wrong_byte_is_noticed(address: str, data: bytes, draw: st.DataObject) -> None:
    line = bytearray(Frame(address, 0x91, data).encode())
    place = draw.draw(st.integers(0, len(line) - 1))
    line[place] ^= draw.draw(st.integers(1, 255))
    with pytest.raises(PayloadRefusedError) as refused:
        Frame.parse(bytes(line))
    assert refused.value.reason in {"frame", "checksum"}


@pytest.mark.parametrize("line", ["", "fe fe", "68", "68 00 00 00 00 00 00 68 11 ff 00 16"])
def test_what_is_no_frame_is_refused(line: str) -> None:
    with pytest.raises(PayloadRefusedError, match="frame"):
        Frame.parse(bytes.fromhex(line))


@pytest.mark.parametrize("address", ["", "161", "00000000016X", "0000000001610"])
def test_an_address_has_twelve_digits(address: str) -> None:
    with pytest.raises(ValueError, match="twelve digits"):
        read_request(address, 0x00010000).encode()


def test_the_documented_requests() -> None:
    # Published captures: forward energy, and the voltage of phase a, of meter 000000000161.
    assert read_request("000000000161", 0x00010000).encode().hex(" ") == (
        "68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16"
    )
    assert read_request("000000000161", 0x02010100).encode().hex(" ") == (
        "68 61 01 00 00 00 00 68 11 04 33 34 34 35 17 16"
    )


@pytest.mark.parametrize("item", sorted(ITEMS))
@given(st.data())
def test_an_answer_gives_the_number_that_was_put_in(item: int, data: st.DataObject) -> None:
    fields = ITEMS[item]
    digits = [data.draw(st.integers(0, 10 ** (2 * field.length) // (8 if field.signed else 1) - 1)) for field in fields]
    packed = b"".join(
        bytes.fromhex(f"{number:0{2 * field.length}d}")[::-1] for number, field in zip(digits, fields, strict=True)
    )
    answer = Frame("000000000161", 0x91, item.to_bytes(4, "little") + packed).encode()
    decoded = DLT645.configured({})(Arrival(answer, 0))
    assert [(r.series.quantity, r.series.channel) for r in decoded.readings] == [
        (f.quantity, f.channel) for f in fields
    ]
    expected = [number * float(field.unit) for number, field in zip(digits, fields, strict=True)]
    assert [r.value for r in decoded.readings] == pytest.approx(expected)
