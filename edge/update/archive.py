"""The archive of a release: nothing in it is used before the signature of its manifest and every hash are checked."""

from __future__ import annotations

import errno
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from edge.onboarding.wording import Words
from edge.update.manifest import MANIFEST, MAX_MANIFEST_BYTES, SIGNATURE, SIGNATURE_BYTES, Manifest, ReleaseFile
from edge.update.problems import REPORT_IT, ReleaseRefused
from edge.update.signature import is_signed
from edge.wire.model import error_lines

_UNREADABLE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, UnicodeDecodeError)
"""What a file raises that is no ZIP, is cut, is encrypted, or is packed by a method that is not known here."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


def unpack(archive: Path, key: Path, version: str, into: Path) -> Manifest:
    """Write the wheels of a release into an empty folder; return its manifest.

    Parameters
    ----------
    key
        The public key, checked.
    version
        What was announced.

    Raises
    ------
    ReleaseRefused
        The archive is not what its signer made, or not the announced version.
    ReleaseDelayed
        The signature cannot be checked on this device.
    OSError
        The folder cannot be written.
    """
    with _opened(archive) as packed:
        text = _content(packed, MANIFEST, MAX_MANIFEST_BYTES)
        if not is_signed(text, _content(packed, SIGNATURE, SIGNATURE_BYTES), key):
            raise ReleaseRefused(
                Words(
                    "the signature of release {version} is not by the holder of {key}",
                    "版本 {version} 的签名与 {key} 不符",
                ).format(version=version, key=key),
                Words(
                    "do not install it by hand; ask the platform who made this release, and compare the key",
                    "请勿手动安装；请向平台确认该版本的来源，并核对公钥",
                ),
            )
        manifest = _manifest(text)
        if manifest.version != version:
            problem = Words(
                "version {signed} is signed, {version} was announced", "签名的是 {signed}，发布的是 {version}"
            )
            raise ReleaseRefused(problem.format(signed=manifest.version, version=version), REPORT_IT)
        _check_names(packed, manifest)
        for file in manifest.files:
            (into / file.name).write_bytes(_checked(packed, file))
    return manifest


def pack(manifest: Manifest, signature: bytes, contents: dict[str, bytes], archive: Path) -> None:
    """Write an archive; the same release gives the same bytes, whenever and wherever it is made."""
    files = {MANIFEST: canonical(manifest), SIGNATURE: signature} | {f.name: contents[f.name] for f in manifest.files}
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packed:  # wheels are packed already
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            packed.writestr(entry, content)


def canonical(manifest: Manifest) -> bytes:
    """Return the text that is signed."""
    return manifest.model_dump_json().encode()


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(archive) as packed:
            yield packed
    except (*_UNREADABLE, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # that one: it leads to a place before its start
            raise
        problem = Words("{name} is no archive of a release ({error})", "{name} 不是版本归档（{error}）")
        raise ReleaseRefused(problem.format(name=archive.name, error=str(error)[:100]), REPORT_IT) from None


def _content(packed: zipfile.ZipFile, name: str, most_bytes: int) -> bytes:
    """Return what a file of the archive holds, refused where it is missing or longer than that."""
    try:
        with packed.open(name) as file:
            content = file.read(most_bytes + 1)
    except KeyError:
        raise _unlike(Words("{name} is missing", "缺少 {name}"), name) from None
    if len(content) > most_bytes:
        raise _unlike(Words("{name} is longer than its {bytes} bytes", "{name} 超过 {bytes} 字节"), name, most_bytes)
    return content


def _checked(packed: zipfile.ZipFile, file: ReleaseFile) -> bytes:
    content = _content(packed, file.name, file.bytes)
    if sha256(content).hexdigest() != file.sha256:
        raise _unlike(Words("{name} does not have its signed SHA-256", "{name} 的 SHA-256 与签名不符"), file.name)
    return content


def _manifest(text: bytes) -> Manifest:
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        lines = error_lines(error.errors(include_url=False, include_context=False, include_input=False))
        problem = Words("{name} is not one that this version understands: {lines}", "本版本无法理解 {name}：{lines}")
        raise ReleaseRefused(problem.format(name=MANIFEST, lines=lines[:300]), REPORT_IT) from None


def _check_names(packed: zipfile.ZipFile, manifest: Manifest) -> None:
    """Refuse an archive that holds anything else than what is signed, or anything twice."""
    wanted = sorted([MANIFEST, SIGNATURE, *(file.name for file in manifest.files)])
    if (names := sorted(packed.namelist())) != wanted:
        unexpected = next((name for name in names if name not in wanted or names.count(name) > 1), None)
        if unexpected is not None:
            raise _unlike(Words("{name} is not among the signed files", "{name} 不在签名的文件之列"), unexpected[:100])
        missing = next(name for name in wanted if name not in names)
        raise _unlike(Words("{name} is missing", "缺少 {name}"), missing)


def _unlike(problem: Words, name: str, most_bytes: int = 0) -> ReleaseRefused:
    told = Words("the archive is not what was signed: {what}", "归档与签名的内容不符：{what}")
    return ReleaseRefused(told.format(what=problem.format(name=name, bytes=most_bytes)), REPORT_IT)
