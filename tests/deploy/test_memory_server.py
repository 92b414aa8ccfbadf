"""Where the database of a test session keeps its files: in memory, but only in a folder that is this user's own."""

from __future__ import annotations

from pathlib import Path

import memory_server
import pytest
from memory_server import choose_session_server
from standalone import database_choice
from standalone.installation import Edition, Installation, Kind
from standalone.postgres import PrivateServer


def installation(clusters: Path, root: Path | None = None) -> Installation:
    return Installation(Kind.SYSTEM, "PostgreSQL", Edition.NONE, Path("/bin"), clusters, root)


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return what stands for the memory of this machine."""
    monkeypatch.delenv(database_choice.URL_VARIABLE, raising=False)
    monkeypatch.setattr(database_choice, "choose_installation", lambda data, _kind: installation(data / "clusters"))
    monkeypatch.setattr(memory_server, "_MEMORY", tmp_path / "memory")
    monkeypatch.setattr(memory_server, "_ROOM_BYTES", 1)
    (tmp_path / "memory").mkdir()
    return tmp_path / "memory"


def place(data: Path) -> Path:
    server = choose_session_server(data, "test-1")
    assert isinstance(server, PrivateServer)
    assert server.folder.parent == server.installation.clusters
    return server.folder


def test_in_memory_each_user_apart(memory: Path, tmp_path: Path) -> None:
    found = place(tmp_path)
    assert found.parent.parent == memory
    assert found == place(tmp_path), "and again where a session was before"


def test_not_where_somebody_else_can_change_the_folder(memory: Path, tmp_path: Path) -> None:
    folder = place(tmp_path).parent
    folder.chmod(0o777)
    assert place(tmp_path) == tmp_path / "clusters" / "test-1"
    folder.rmdir()
    folder.symlink_to(tmp_path, target_is_directory=True)
    assert place(tmp_path) == tmp_path / "clusters" / "test-1"


def test_not_where_there_is_too_little_room_or_none(
    memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(memory_server, "_ROOM_BYTES", 2**62)
        assert place(tmp_path) == tmp_path / "clusters" / "test-1"
    memory.rmdir()
    assert place(tmp_path) == tmp_path / "clusters" / "test-1"


def test_not_where_the_server_sees_another_root(memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = installation(tmp_path / "root" / "clusters", tmp_path / "root")
    monkeypatch.setattr(database_choice, "choose_installation", lambda _data, _kind: root)
    assert place(tmp_path) == tmp_path / "root" / "clusters" / "test-1"
    assert list(memory.iterdir()) == []
