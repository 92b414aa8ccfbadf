"""The code's text, the password's line and proof."""

from __future__ import annotations

import base64
import hashlib
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standalone import broker
from wire_strategies import AGENT

from edge.credential import CredentialFiles, password_line, proof_of
from edge.wire.enrolment import CodeError, Credential, EnrolmentCode

CODES = st.builds(
    EnrolmentCode,
    agent=AGENT,
    secret=st.binary(min_size=16, max_size=16),
    fingerprint=st.binary(min_size=32, max_size=32),
)


@given(CODES, st.booleans(), st.text(" -\t", max_size=3))
def test_a_code_is_read_as_it_was_written(code: EnrolmentCode, lower: bool, between: str) -> None:
    text = code.text()
    text = between.join(text.lower() if lower else text)
    assert EnrolmentCode.parse(text) == code


@given(CODES, st.data())
def test_one_wrong_letter_is_found_out(code: EnrolmentCode, data: st.DataObject) -> None:
    letters = code.text().replace("-", "")
    place = data.draw(st.integers(0, len(letters) - 2))  # the last letter may hold bits that say nothing
    other = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567").filter(lambda c: c != letters[place]))
    with pytest.raises(CodeError):
        EnrolmentCode.parse(letters[:place] + other + letters[place + 1 :])


@given(st.text(max_size=200))
def test_any_text_is_a_code_or_says_why_not(text: str) -> None:
    with pytest.raises(CodeError):
        EnrolmentCode.parse(text)


def test_a_codes_secret_is_not_shown_by_accident() -> None:
    code = EnrolmentCode("shop-1", b"s" * 16, b"f" * 32)
    assert "ssss" not in repr(code)


def test_the_line_is_mosquittos() -> None:
    line = password_line("open sesame", b"0123456789ab", 1000)
    expected = hashlib.pbkdf2_hmac("sha512", b"open sesame", b"0123456789ab", 1000, 64)
    assert line == f"$7$1000${base64.b64encode(b'0123456789ab').decode()}${base64.b64encode(expected).decode()}"
    Credential(password_line=line, rotation_sha256="0" * 64)
    own = broker.password_line("u", "open sesame")
    assert own.partition(":")[2].split("$")[1] == line.split("$")[1]


@pytest.mark.parametrize(
    "line",
    [
        "$6$1000$MDEyMzQ1Njc4OWFi$" + "A" * 86 + "==",
        "$7$1$MDEyMzQ1Njc4OWFi$" + "A" * 86 + "==",
        "$7$1000000$MDEyMzQ1Njc4OWFi$" + "A" * 86 + "==",
        "$7$1000$MDEyMzQ1Njc4OWFi$" + "A" * 86 + "==\nroot:",
        "$7$1000$MDEyMzQ1Njc4OWFi$" + "A" * 86 + "==\n",
        "",
    ],
)
def test_another_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="password_line"):
        Credential(password_line=line, rotation_sha256="0" * 64)


def test_a_waiting_password_stays_the_same_until_it_is_taken_up(tmp_path: Path) -> None:
    files = CredentialFiles(tmp_path / "secrets" / "password")
    assert files.present_password() is None
    first = files.new_password()
    again = CredentialFiles(tmp_path / "secrets" / "password").new_password()
    assert again == first
    assert first.credential.rotation_sha256 == hashlib.sha256(proof_of(first.password)).hexdigest()
    assert first.password not in repr(first)
    files.take_up(first, b"f" * 32)
    assert files.present_password() == first.password
    assert files.fingerprint() == b"f" * 32
    assert files.new_password() != first
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "secrets").iterdir()}
    assert modes == {0o600}


def test_a_cut_off_waiting_file_is_made_anew(tmp_path: Path) -> None:
    files = CredentialFiles(tmp_path / "password")
    files.new_password()
    (tmp_path / "password.waiting").write_text('{"password": "x"')
    assert files.new_password().password
