"""Getting the archive of an announced release onto the device, from an HTTPS server or from where it was copied to."""

from __future__ import annotations

import os
import shutil
import ssl
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.error import HTTPError
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from edge.onboarding.wording import Words, plain
from edge.update.announcement import Announcement
from edge.update.manifest import MAX_RELEASE_BYTES, archive_name
from edge.update.problems import ReleaseDelayed

_MAX_ARCHIVE_BYTES = MAX_RELEASE_BYTES + 1024 * 1024
_RESERVE_BYTES = 64 * 1024 * 1024
"""Left free on the disk, which may be the one that the spool is on."""
_CHUNK_BYTES = 64 * 1024
_ANSWER_S = 60.0
_WHOLE_S = 3600.0
_CHECK = Words(
    "check release.url and release.sha256 of the announcement, and what lies there",
    "请检查发布中的 release.url 和 release.sha256，以及该处的文件",
)


class _HttpsAlone(HTTPRedirectHandler):
    """Follows a server to another one only where that speaks HTTPS as well."""

    def redirect_request(self, *arguments: Any) -> Request | None:
        """Return what to ask next, with the arguments of the class above: request, answer, ..., address."""
        _, answer, *_, url = arguments
        if not str(url).startswith("https://"):
            answer.close()
            raise OSError("it leads on to an address without HTTPS")
        return super().redirect_request(*arguments)


def fetch(
    announced: Announcement, folder: Path, ca_file: Path | None, monotonic_s: Callable[[], float] = time.monotonic
) -> Path:
    """Return where the archive lies in ``folder``, which holds nothing else: fetched now, unless it was before.

    Raises
    ------
    ReleaseDelayed
        It cannot be had now, or has another SHA-256 than was announced.
    """
    archive = folder / f"{announced.sha256}.zip"
    if archive.exists() and _digest(archive) == announced.sha256:
        return archive
    shutil.rmtree(folder, ignore_errors=True)
    part = folder / f"{announced.sha256}.part"
    try:
        folder.mkdir(mode=0o700)
        with _source(announced, ca_file) as source, part.open("xb") as target:
            found = _copied(source, target, monotonic_s() + _WHOLE_S, monotonic_s)
        if found == announced.sha256:
            return part.rename(archive)
    except (OSError, HTTPException) as error:  # errors of URLs and of TLS are among them
        raise _not_had(announced.url, error) from None
    part.unlink()
    # Its own SHA-256 is not told: the path is the platform's to say, and what root can read there may be secret.
    problem = Words("what lies at {url} does not have the announced SHA-256", "{url} 处文件的 SHA-256 与发布的不符")
    raise ReleaseDelayed(problem.format(url=announced.url), _CHECK)


def _copied(source: BinaryIO, target: BinaryIO, end_s: float, monotonic_s: Callable[[], float]) -> str:
    """Copy within bounds; return the SHA-256 of all of it."""
    digest, left = sha256(), min(_MAX_ARCHIVE_BYTES, _room(target) - _RESERVE_BYTES)
    while chunk := source.read(_CHUNK_BYTES):
        left -= len(chunk)
        if left < 0:
            raise OSError("it is too large, or the disk is too full for it")
        if monotonic_s() > end_s:
            raise TimeoutError("it takes too long")
        digest.update(chunk)
        target.write(chunk)
    return digest.hexdigest()


def _room(file: BinaryIO) -> int:
    state = os.fstatvfs(file.fileno())
    return state.f_bavail * state.f_frsize


@contextmanager
def _source(announced: Announcement, ca_file: Path | None) -> Iterator[BinaryIO]:
    """Yield what the archive can be read from."""
    if not announced.url.startswith("/"):
        with _opener(ca_file).open(announced.url, timeout=_ANSWER_S) as answer:
            yield cast("BinaryIO", answer)
        return
    path = Path(announced.url)
    if path.is_dir():
        path /= archive_name(announced.version)
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(f"{path} is no plain file")
        yield file


def _opener(ca_file: Path | None) -> OpenerDirector:
    """Return what speaks HTTPS and nothing else."""
    context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        HTTPSHandler(context=context),
        HTTPDefaultErrorHandler(),
        _HttpsAlone(),
        HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def _not_had(url: str, error: Exception) -> ReleaseDelayed:
    if isinstance(error, HTTPError):
        with error:
            why = f"HTTP {error.code}"
    else:
        why = (error.strerror if isinstance(error, OSError) and error.strerror else str(error)) or type(error).__name__
    problem = Words("{url} cannot be had: {why}", "无法获取 {url}：{why}").format(url=url, why=plain(why[:200]))
    fix = Words(
        "none needed where it passes: the next run tries again; else check the address, the network and the disk",
        "如为暂时故障则无需处理，下次运行会重试；否则请检查地址、网络和磁盘",
    )
    return ReleaseDelayed(problem, fix)


def _digest(archive: Path) -> str:
    digest = sha256()
    with archive.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
