"""Ports of private servers: free, and never those of outgoing connections."""

from __future__ import annotations

import socket

import pytest
from standalone import free_port as module
from standalone.free_port import LOOPBACK, first_outgoing_port, free_port


def test_a_server_that_is_away_keeps_its_port_from_those_who_try_to_reach_it() -> None:
    ports = [free_port() for _ in range(20)]
    assert all(port < first_outgoing_port() for port in ports)
    with socket.create_server((LOOPBACK, ports[0])):
        pass


def test_a_taken_port_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((LOOPBACK, free_port())) as taken:
        choices = [taken.getsockname()[1], free_port()]
        monkeypatch.setattr("secrets.randbelow", lambda _: choices.pop(0) - 10_000)
        wanted = choices[1]
        assert free_port() == wanted


def test_where_the_kernel_leaves_none_it_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "first_outgoing_port", lambda: 1024)
    assert free_port() >= 1024
