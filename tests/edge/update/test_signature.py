"""Signatures against vectors that others computed, and keys that nobody but root can exchange."""

from __future__ import annotations

import base64
import os
import shutil
from pathlib import Path

import pytest
from update_tools.signing import Keys

from edge.update import signature
from edge.update.problems import ReleaseDelayed
from edge.update.signature import check_openssl, check_release_key, check_trusted, is_signed

VECTORS = [  # RFC 8032, section 7.1: public key, message, signature
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
]


def pem(key: bytes) -> str:
    der = bytes.fromhex("302a300506032b6570032100") + key
    return f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(der).decode()}\n-----END PUBLIC KEY-----\n"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    path.write_text(pem(bytes(32)))
    path.chmod(0o644)
    return path


@pytest.mark.parametrize("vector", VECTORS)
def test_known_signatures(key: Path, vector: tuple[str, str, str]) -> None:
    public, message, known = (bytes.fromhex(each) for each in vector)
    key.write_text(pem(public))
    check_release_key(key)
    assert is_signed(message, known, key)
    assert not is_signed(message + b"x", known, key)
    for place in (0, 31, 32, 63):
        changed = bytearray(known)
        changed[place] ^= 1
        assert not is_signed(message, bytes(changed), key)
    assert not is_signed(message, known[:-1], key)
    assert not is_signed(message, b"", key)


def test_the_programs_own_check() -> None:
    check_openssl()


def test_without_openssl_it_is_said_what_to_install(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    for attempt in (check_openssl, lambda: is_signed(b"x", bytes(64), key)):
        with pytest.raises(ReleaseDelayed, match=r"there is no openssl program.*apt install openssl"):
            attempt()


def test_an_openssl_that_cannot_check_is_said(tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "openssl"
    program.write_text("#!/bin/sh\necho 'pkeyutl: Unknown option: -rawin' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReleaseDelayed, match=r"cannot check the signature: pkeyutl: Unknown option.*OpenSSL 3"):
        is_signed(b"x", bytes(64), key)
    program.write_text("#!/bin/sh\nexit 0\n")  # a program that says nothing has checked nothing
    with pytest.raises(ReleaseDelayed):
        is_signed(b"x", bytes(64), key)


@pytest.mark.parametrize(
    "text", ["", "key", pem(bytes(31)), pem(bytes(33)), pem(bytes(32)).replace("PUBLIC", "PRIVATE")]
)
def test_what_is_no_key_is_said(key: Path, text: str) -> None:
    key.write_text(text)
    with pytest.raises(ReleaseDelayed, match="is no public Ed25519 key"):
        check_release_key(key)


def test_keys_of_other_kinds_are_not_taken(tmp_path: Path) -> None:
    for algorithm in ("x25519", "ed448"):
        with pytest.raises(ReleaseDelayed, match="is no public Ed25519 key"):
            check_release_key(Keys(tmp_path, algorithm, algorithm).public)
    with pytest.raises(ReleaseDelayed, match="cannot be read"):
        check_release_key(tmp_path / "absent.pem")


def test_a_file_that_others_can_change_is_not_trusted(key: Path) -> None:
    check_trusted(key)
    key.chmod(0o664)
    with pytest.raises(ReleaseDelayed, match=f"somebody else than root can change {key}.*chmod go-w"):
        check_trusted(key)
    key.chmod(0o644)
    key.parent.chmod(0o777)
    with pytest.raises(ReleaseDelayed, match=f"can change {key.parent},"):
        check_trusted(key)
    key.parent.chmod(0o755)
    check_trusted(key)


def test_a_link_is_judged_by_what_it_leads_to(tmp_path: Path, key: Path) -> None:
    link = tmp_path / "link.pem"
    link.symlink_to(key)
    check_trusted(link)
    key.chmod(0o646)
    with pytest.raises(ReleaseDelayed):
        check_trusted(link)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_not_trusted(key: Path) -> None:
    os.chown(key, 65534, 65534)
    with pytest.raises(ReleaseDelayed, match="chown root"):
        check_trusted(key)
    check_trusted(key, {0, 65534})


def test_a_program_that_hangs_is_given_up(tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sleep = shutil.which("sleep")
    assert sleep
    program = tmp_path / "openssl"
    program.write_text(f"#!/bin/sh\nexec {sleep} 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(signature, "_TIMEOUT_S", 0.05)
    with pytest.raises(ReleaseDelayed, match="cannot be run"):
        is_signed(b"x", bytes(64), key)
