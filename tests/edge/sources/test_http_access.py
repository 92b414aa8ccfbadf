"""Digest access against the examples of its specifications, and both of our own sides against each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sources import http_access
from edge.sources.http_access import Challenge, Credentials, DigestGate, Verdict, challenges, digest_answers

RFC_7616 = {
    "username": "Mufasa",
    "realm": "http-auth@example.org",
    "uri": "/dir/index.html",
    "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
    "nc": "00000001",
    "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    "qop": "auth",
}


@pytest.mark.parametrize(
    ("given", "password", "expected"),
    [
        (  # RFC 7616, section 3.9.1
            RFC_7616 | {"algorithm": "SHA-256"},
            "Circle of Life",
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
        (RFC_7616 | {"algorithm": "MD5"}, "Circle of Life", "8ca523f5e9506fed4657c9700eebdbec"),
        (  # RFC 2617, section 3.5
            {
                "username": "Mufasa",
                "realm": "testrealm@host.com",
                "uri": "/dir/index.html",
                "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
                "nc": "00000001",
                "cnonce": "0a4f113b",
                "qop": "auth",
            },
            "Circle Of Life",
            "6629fae49393a05397450978507c4ef1",
        ),
        (  # without qop, as RFC 2069 and its erratum
            {
                "username": "Mufasa",
                "realm": "testrealm@host.com",
                "uri": "/dir/index.html",
                "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            },
            "CircleOfLife",
            "1949323746fe6a43ef61f9606e7febea",
        ),
    ],
)
def test_the_examples_of_the_specifications(given: dict[str, str], password: str, expected: str) -> None:
    assert http_access._response(given, password, "GET") == expected


def test_challenges_of_one_header_and_of_several() -> None:
    header = 'Digest realm="a, \\"b\\"", nonce="x", qop="auth,auth-int", stale=FALSE, Basic realm="c"'
    expected = [
        Challenge("digest", {"realm": 'a, "b"', "nonce": "x", "qop": "auth,auth-int", "stale": "FALSE"}),
        Challenge("basic", {"realm": "c"}),
    ]
    assert challenges([header]) == expected
    assert challenges(["Negotiate", 'Basic realm="c"']) == [
        Challenge("negotiate", {}),
        Challenge("basic", {"realm": "c"}),
    ]
    assert challenges(["", 'realm="before any scheme"']) == []


def test_the_strongest_that_is_understood_is_answered() -> None:
    me = Credentials("me", "secret")
    md5, sha = Challenge("digest", {"nonce": "1"}), Challenge("digest", {"nonce": "2", "algorithm": "SHA-256"})
    odd = Challenge("digest", {"nonce": "3", "algorithm": "SHA-512-256"})
    only_integrity = Challenge("digest", {"nonce": "4", "qop": "auth-int"})
    chosen = digest_answers(me, [md5, odd, sha])
    assert chosen is not None
    assert 'nonce="2"' in chosen.authorization("GET", "/")
    assert digest_answers(me, [odd, only_integrity, Challenge("basic", {})]) is None


def test_basic_access_is_what_rfc_7617_says() -> None:
    assert Credentials("Aladdin", "open sesame").basic() == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert Credentials("test", "123£").basic() == "Basic dGVzdDoxMjPCow=="


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@given(st.text(min_size=1), st.text(), st.sampled_from(["GET", "POST"]), st.sampled_from(["MD5", "SHA-256"]))
def test_who_knows_the_password_is_let_in_once_a_request(user: str, password: str, method: str, algorithm: str) -> None:
    user = user.encode(errors="ignore").decode().replace("\\", "")
    me = Credentials(user, password.encode(errors="ignore").decode())
    gate = DigestGate("store", me, Clock())
    offered = [each for each in challenges(gate.challenges(stale=False)) if each.parameters["algorithm"] == algorithm]
    answers = digest_answers(me, offered)
    assert answers is not None
    first, second = (answers.authorization(method, "/a?b=c") for _ in range(2))
    assert gate.verdict(first, method, "/a?b=c") is Verdict.LET_IN
    assert gate.verdict(first, method, "/a?b=c") is Verdict.STALE, "the same request again"
    assert gate.verdict(second, method, "/a?b=c") is Verdict.LET_IN
    assert gate.verdict(second, "PUT", "/a?b=c") is Verdict.REFUSED
    assert gate.verdict(second, method, "/other") is Verdict.REFUSED


def test_a_nonce_grows_old_and_must_be_the_gate_s_own() -> None:
    me, clock = Credentials("me", "secret"), Clock()
    gate, other = DigestGate("store", me, clock), DigestGate("store", me, clock)
    answers = digest_answers(me, challenges(gate.challenges(stale=False)))
    assert answers is not None
    assert gate.verdict(answers.authorization("GET", "/"), "GET", "/") is Verdict.LET_IN
    clock.now_s += 301
    assert gate.verdict(answers.authorization("GET", "/"), "GET", "/") is Verdict.STALE
    assert all("stale=true" in each for each in gate.challenges(stale=True))
    foreign = digest_answers(me, challenges(other.challenges(stale=False)))
    assert foreign is not None
    assert gate.verdict(foreign.authorization("GET", "/"), "GET", "/") is Verdict.STALE


@given(st.text())
def test_nobody_else_is_let_in_and_nothing_breaks(authorization: str) -> None:
    gate = DigestGate("store", Credentials("me", "secret"), Clock())
    assert gate.verdict(authorization, "GET", "/") is Verdict.REFUSED


@pytest.mark.parametrize("wrong", [Credentials("me", "guess"), Credentials("you", "secret")])
def test_a_wrong_password_or_user_is_refused(wrong: Credentials) -> None:
    gate = DigestGate("store", Credentials("me", "secret"), Clock())
    answers = digest_answers(wrong, challenges(gate.challenges(stale=False)))
    assert answers is not None
    assert gate.verdict(answers.authorization("GET", "/"), "GET", "/") is Verdict.REFUSED
