"""From the tables that the platform sends to settings: what it may say, and what it may not.

The platform may say what is read, how it is reported and which release is wanted, not who the agent is, where its
platform is or where its spool lies. A file that it names is in the folder of the local configuration file, and one that
holds a secret is used as a secret only.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from edge.configuration import ConfigurationError, check_tables
from edge.settings import EdgeSettings
from edge.update.announcement import TABLE, Announcement, announced_in
from edge.wire.personal_data import forbidden_names

_WHERE = Path("configuration")
"""How messages call the document."""
_TABLES = frozenset({"source", "report", "spool", "uplink", TABLE})
_SERIAL_LINES = ("/dev/tty", "/dev/serial/")
_PRIVATE_KEY = "-----BEGIN"
_SECRET_FILE = "_file"  # noqa: S105 - how the names of such keys end
_NAMING = frozenset({"device", "channel", "quantity"})


def local_tables(settings: EdgeSettings) -> dict[str, Any]:
    """Return the settings of the local file as the tables that remote ones are laid over."""
    return {name: getattr(settings, name) for name in EdgeSettings.model_fields}


def laid_over(local: Mapping[str, Any], text: str, folder: Path) -> EdgeSettings:
    """Return the settings that the local tables and the remote text give together.

    Parameters
    ----------
    local
        As ``local_tables`` returns them.
    folder
        The folder of the local configuration file.

    Raises
    ------
    ConfigurationError
        The text is no TOML, says something wrong, or something that it may not; the message names the key.
    """
    remote = within_scope(text)
    announced_in(remote, _WHERE)
    spool, uplink = local["spool"], local["uplink"]
    together = dict(local) | {name: remote[name] for name in ("source", "report") if name in remote}
    # The local path is complete already and must not be looked for beside the file once more.
    together["spool"] = spool.model_dump(exclude={"path"}) | _table(remote, "spool") | {"path": "unused"}
    together["uplink"] = uplink.model_dump() | _table(remote, "uplink")
    try:
        settings = check_tables(together, folder / _WHERE, EdgeSettings)
    except ConfigurationError as error:
        raise ConfigurationError(str(error).replace(str(folder / _WHERE), str(_WHERE))) from None
    settings = settings.model_copy(update={"spool": settings.spool.model_copy(update={"path": spool.path})})
    if "source" in remote:
        _check_files(settings, local, folder)
    return settings


def announcement_of(text: str) -> Announcement | None:
    """Return the release that a remote text announces, None where it announces none; raises as ``laid_over``."""
    return announced_in(within_scope(text), _WHERE)


def within_scope(text: str) -> dict[str, Any]:
    """Return the tables of a text that says nothing but what the platform may say, right or wrong.

    Raises
    ------
    ConfigurationError
        The text is no TOML, or says something that it may not.
    """
    try:
        remote = tomllib.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{_WHERE}: not TOML: {error}") from None
    problems = [
        f"{name}: the platform sets source, report, spool, uplink and release only"
        for name in sorted(remote.keys() - _TABLES)
    ]
    if "path" in _table(remote, "spool"):
        problems.append("spool.path: the spool stays where it is")
    texts = list(_texts(remote))
    if names := forbidden_names([{key if key in _NAMING else "value": text} for key, text in texts]):
        problems.append(f"personal data: {', '.join(names)}")
    if any(_PRIVATE_KEY in text for _, text in texts):
        problems.append("a key or certificate: put it into a file beside the agent's configuration, and name that")
    if problems:
        raise ConfigurationError("\n".join(f"{_WHERE}: {problem}" for problem in problems))
    return remote


def _table(remote: dict[str, Any], name: str) -> dict[str, Any]:
    table = remote.get(name, {})
    if not isinstance(table, dict):
        raise ConfigurationError(f"{_WHERE}: {name}: this must be a table [{name}]")
    return table


def _texts(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield the texts of the tables with their keys. Keys need no look: the settings know every one of them."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _texts(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value, key)
    elif isinstance(node, str):
        yield key, node


def _check_files(settings: EdgeSettings, local: Mapping[str, Any], folder: Path) -> None:
    """Refuse a path outside the folder, the broker's password anywhere, and another secret where it would be read."""
    root, own = _real(folder), local["broker"].password_file
    named = list(_files(settings.source))
    secrets = {_real(path) for key, path in [*named, *_files(local["source"])] if key.endswith(_SECRET_FILE)}
    for key, path in named:
        real = _real(path)
        if own is not None and real.name.startswith(own.name) and real.parent == _real(own.parent):
            raise ConfigurationError(f"{_WHERE}: {key}: that is the agent's own credential")
        if not real.is_relative_to(root) and not str(path).startswith(_SERIAL_LINES):
            raise ConfigurationError(f"{_WHERE}: {key}: name a file in the folder of the agent's configuration file")
        if real in secrets and not key.endswith(_SECRET_FILE):
            raise ConfigurationError(f"{_WHERE}: {key}: that file holds a secret")


def _files(node: Any, key: str = "") -> Iterator[tuple[str, Path]]:
    if isinstance(node, Path):
        yield key, node
    elif isinstance(node, BaseModel):
        for name in type(node).model_fields:
            yield from _files(getattr(node, name), name)
    elif isinstance(node, Mapping):
        for name, value in node.items():
            yield from _files(value, str(name))
    elif isinstance(node, Iterable) and not isinstance(node, str | bytes):
        for value in node:
            yield from _files(value, key)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
