"""Settings: what is wrong is named by its key, and no password is in the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from edge.configuration import ConfigurationError
from ingest.settings import load
from ingest.store.connection import conninfo

GOOD = """
[broker]
host = "127.0.0.1"
[database]
url = "postgresql://ingest@db.example:5432/smartstore"
password_file = "password"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "ingest.toml"
    path.write_text(text)
    return path


def test_the_password_comes_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("pass word@/\n")
    settings = load(written(tmp_path, GOOD))
    parts = conninfo_to_dict(conninfo(settings.database))
    assert (parts["password"], parts["host"], parts["user"]) == ("pass word@/", "db.example", "ingest")
    assert settings.ingest.worker


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("ingest@db", "ingest:secret@db", "database.url"),
        ("postgresql://ingest@db.example:5432/smartstore", "not an address", "database.url"),
        ('host = "127.0.0.1"', 'host = "broker.example"', "broker.ca_file"),
        ("[database]", "[ingest]\nworker = 'Upper'\n[database]", "ingest.worker"),
        ("[database]", "[ingest]\nqueue_batches = 0\n[database]", "ingest.queue_batches"),
        ("[database]", "[ingest]\nunheard_of = 1\n[database]", "ingest.unheard_of"),
        ('url = "postgresql://ingest@db.example:5432/smartstore"', "", "database.url"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, old: str, new: str, key: str) -> None:
    with pytest.raises(ConfigurationError, match=key) as caught:
        load(written(tmp_path, GOOD.replace(old, new)))
    assert "secret" not in str(caught.value)
