"""Names are encoded as Python does it, and its tables are loaded only where a name needs them."""

from __future__ import annotations

import subprocess
import sys
from encodings import idna

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.plain_names import _decode, _encode

LABEL = st.text(st.characters(max_codepoint=0x7F), max_size=65)
NAMES = st.lists(LABEL | st.text(max_size=5), max_size=4).map(".".join)


def result(codec: object, name: str) -> object:
    try:
        return codec(name)  # type: ignore[operator]
    except UnicodeError:
        return UnicodeError


@given(NAMES)
def test_names_are_encoded_as_python_does_it(name: str) -> None:
    assert result(_encode, name) == result(idna.Codec().encode, name)


@pytest.mark.parametrize("name", ["127.0.0.1", "broker.example.org", "broker.example.org.", "", ".", "a..b", "a" * 64])
def test_edges(name: str) -> None:
    assert result(_encode, name) == result(idna.Codec().encode, name)


def test_decoding_is_left_to_python() -> None:
    assert _decode(b"xn--bcher-kva.example") == idna.Codec().decode(b"xn--bcher-kva.example")


def test_the_tables_are_loaded_when_a_name_needs_them() -> None:
    program = """
import socket, ssl, sys
from edge.plain_names import load_tables_when_needed
load_tables_when_needed()
def loaded():
    return "encodings.idna" in sys.modules
socket.getaddrinfo("127.0.0.1", 80)
ssl.create_default_context()._encode_hostname("broker.example.org")
with socket.socket() as listener:
    listener.bind(("127.0.0.1", 0))
print(loaded(), "b\u00fccher.example".encode("idna"), loaded(), b"xn--bcher-kva.example".decode("idna"))
print("caf\u00e9".encode("latin-1"), "x".encode("utf-16-le"))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, encoding="utf-8")
    first, second = done.stdout.splitlines()
    assert first == "False b'xn--bcher-kva.example' True b\u00fccher.example"
    assert second == "b'caf\\xe9' b'x\\x00'"
