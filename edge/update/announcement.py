"""The release that the platform announces: one table of the remote configuration, kept beside the spool.

The agent may write there and no more: it does not install anything. A command that runs as root reads the file, and
believes nothing in it but which release is wanted; what may be installed is decided by a signature.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, StringConstraints, ValidationError

from edge import event_log
from edge.configuration import SettingsModel, check_tables
from edge.durable_file import read_small, remove_durably, write_durably
from edge.wire.model import Sha256Hex
from edge.wire.release import ReleaseVersion

TABLE = "release"
"""Name of the table."""

log = event_log.get(__name__)


def _place(url: str) -> str:
    if url.startswith("/"):
        return url
    try:
        parts = urlsplit(url)
        fine = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0 and parts.username is None
    except ValueError:
        fine = False
    if not fine or not url.isascii() or any(character.isspace() for character in url):
        msg = "this must be https://HOST/..., without user and password, or the absolute path of a file or folder"
        raise ValueError(msg)
    return url


class Announcement(SettingsModel):
    """``[release]``: which release is to run, and where it is to be had."""

    version: ReleaseVersion
    url: Annotated[str, StringConstraints(min_length=1, max_length=2000), AfterValidator(_place)]
    """Of the archive; or an absolute path, where somebody copies it to the device: of the archive, or of its folder."""
    sha256: Sha256Hex
    """Of the archive."""


class _Tables(SettingsModel):
    release: Announcement | None = None


def announced_in(remote: Mapping[str, Any], where: Path) -> Announcement | None:
    """Return what the tables of a remote configuration announce, None where nothing.

    Raises
    ------
    ConfigurationError
        The table says something wrong; the message names the key.
    """
    return check_tables({name: remote[name] for name in (TABLE,) if name in remote}, where, _Tables).release


class AnnouncementFile:
    """The file beside the spool."""

    def __init__(self, spool: Path) -> None:
        self._path = spool.with_name(f"{spool.name}.announced.json")

    def keep(self, announcement: Announcement | None) -> None:
        """Have the file hold this announcement, or be gone; returns when the disk has it.

        Raises
        ------
        OSError
            The disk cannot take it; the file is as it was.
        """
        if announcement is None:
            if self._path.exists():
                remove_durably(self._path)
        elif self.read() != announcement:
            write_durably(self._path, announcement.model_dump_json().encode())

    def read(self) -> Announcement | None:
        """Return what is announced; None where nothing is, or the file cannot be read."""
        try:
            return Announcement.model_validate_json(read_small(self._path))
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            fix = "restart the agent: it writes the file anew from what it keeps of the platform's configuration"
            log.warning("announcement_unreadable", file=str(self._path), error=type(error).__name__, fix=fix)
            return None
