"""Settings: nothing but this machine may reach the interfaces, and a wrong key is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from analytics.settings import load
from edge.configuration import ConfigurationError

DATABASE = '[database]\nurl = "postgresql://reader@127.0.0.1:5432/smartstore"\n'


def _file(folder: Path, text: str) -> Path:
    path = folder / "smartstore.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_a_loopback_host_is_taken(tmp_path: Path, host: str) -> None:
    settings = load(_file(tmp_path, f'{DATABASE}[web]\nhost = "{host}"\nport = 8080\n'))
    assert (settings.web.host, settings.web.port) == (host, 8080)


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "192.168.1.4", "example.com", "localhost.example.com", "", "127.1"],  # noqa: S104 - it is refused
)
def test_a_host_that_others_reach_is_refused_by_its_key(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"web\.host: .*write 127\.0\.0\.1"):
        load(_file(tmp_path, f'{DATABASE}[web]\nhost = "{host}"\n'))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", "database"),
        ('[database]\nurl = "postgresql://reader:secret@127.0.0.1/smartstore"\n', r"database\.url"),
        (f"{DATABASE}[web]\nport = 70000\n", r"web\.port"),
        (f"{DATABASE}[web]\nprot = 8000\n", r"web\.prot"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(ConfigurationError, match=key):
        load(_file(tmp_path, text))
