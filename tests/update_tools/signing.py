"""Keys, wheels and archives for tests of releases."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from edge.update.archive import canonical, pack
from edge.update.manifest import Manifest, file_of


def openssl(*arguments: str | Path) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("there is no openssl program to sign with")
    subprocess.run([program, *map(str, arguments)], check=True, capture_output=True)


class Keys:
    """A private key and its public one."""

    def __init__(self, folder: Path, name: str = "release", algorithm: str = "ed25519") -> None:
        self.private, self.public = folder / f"{name}-private.pem", folder / f"{name}.pem"
        openssl("genpkey", "-algorithm", algorithm, "-out", self.private)
        openssl("pkey", "-in", self.private, "-pubout", "-out", self.public)
        self.public.chmod(0o644)

    def sign(self, message: bytes) -> bytes:
        signed, signature = self.private.with_suffix(".message"), self.private.with_suffix(".signature")
        signed.write_bytes(message)
        openssl("pkeyutl", "-sign", "-inkey", self.private, "-rawin", "-in", signed, "-out", signature)
        return signature.read_bytes()


def small_release(keys: Keys, archive: Path, version: str = "0.2.0") -> Manifest:
    """Write an archive whose wheels are no wheels; enough where nothing is installed."""
    contents = {
        f"smartstore-{version}-py3-none-any.whl": b"of ours " * 100,
        "other_thing-1.5-py3-none-any.whl": b"of others",
    }
    manifest = Manifest(version=version, files=tuple(file_of(*item) for item in contents.items()))
    pack(manifest, keys.sign(canonical(manifest)), contents, archive)
    return manifest


def rewritten(archive: Path, changes: Mapping[str, bytes | None], also: tuple[tuple[str, bytes], ...] = ()) -> None:
    """Write an archive anew with files exchanged, left out (None), or added, names twice included."""
    with zipfile.ZipFile(archive) as packed:
        contents = [(name, packed.read(name)) for name in packed.namelist()]
    with zipfile.ZipFile(archive, "w") as packed:
        for name, content in contents:
            if (fresh := changes.get(name, content)) is not None:
                packed.writestr(name, fresh)
        for name, content in also:
            packed.writestr(name, content)


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
