"""What a release says of itself: its version and its files. This text is what is signed."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from edge.wire.model import Sha256Hex
from edge.wire.release import ReleaseVersion

MANIFEST, SIGNATURE = "release.json", "release.json.sig"
"""Names in the archive, beside the wheels."""
MAX_MANIFEST_BYTES = 256 * 1024
SIGNATURE_BYTES = 64
MAX_RELEASE_BYTES = 256 * 1024 * 1024

_PROJECT, _EXTRA = "smartstore", "edge"
_PART = "[A-Za-z0-9][A-Za-z0-9_.]*"
WHEEL = re.compile(rf"({_PART})-([A-Za-z0-9][A-Za-z0-9_.+!]*)(?:-[0-9][A-Za-z0-9_.]*)?-{_PART}-{_PART}-{_PART}\.whl")
"""Name of a wheel, with the distribution and its version (the binary distribution format of the packaging guide)."""

WheelName = Annotated[str, StringConstraints(pattern=f"^{WHEEL.pattern}$", max_length=200)]


class ReleaseFile(BaseModel):
    """A wheel of the release."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: WheelName
    bytes: Annotated[int, Field(ge=1, le=MAX_RELEASE_BYTES)]
    sha256: Sha256Hex

    @property
    def pinned(self) -> str:
        """The distribution in this version, as a requirements file has it."""
        match = WHEEL.fullmatch(self.name)
        if match is None:  # the pattern of the field is the same
            raise ValueError(self.name)
        name = re.sub(r"[-_.]+", "-", match[1]).lower()
        return f"{name}[{_EXTRA}]=={match[2]}" if name == _PROJECT else f"{name}=={match[2]}"


class Manifest(BaseModel):
    """``release.json``; the archive holds it, its signature, these files, and nothing else.

    There may be several wheels of one distribution, one for each kind of device: the installer takes what fits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: Literal[1] = 1
    version: ReleaseVersion
    files: Annotated[tuple[ReleaseFile, ...], Field(min_length=1, max_length=500)]

    @model_validator(mode="after")
    def _one_release(self) -> Self:
        names = [file.name.lower() for file in self.files]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            msg = f"more than once: {', '.join(repeated)}"
            raise ValueError(msg)
        if sum(file.bytes for file in self.files) > MAX_RELEASE_BYTES:
            msg = f"larger than {MAX_RELEASE_BYTES} bytes"
            raise ValueError(msg)
        own = {file.pinned for file in self.files if file.pinned.startswith(f"{_PROJECT}[")}
        if own != {f"{_PROJECT}[{_EXTRA}]=={self.version}"}:
            msg = f"there must be a wheel of {_PROJECT} {self.version}, and of no other version of it"
            raise ValueError(msg)
        return self

    def requirements(self) -> str:
        """Return the requirements file: every distribution with its version and the hashes of its wheels."""
        hashes: dict[str, list[str]] = {}
        for file in self.files:
            hashes.setdefault(file.pinned, []).append(f"--hash=sha256:{file.sha256}")
        return "".join(f"{pinned} {' '.join(found)}\n" for pinned, found in sorted(hashes.items()))


def file_of(name: str, content: bytes) -> ReleaseFile:
    """Return the entry of a file.

    Raises
    ------
    pydantic.ValidationError
        It is not named as a wheel, is empty, or too large.
    """
    return ReleaseFile(name=name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def archive_name(version: str) -> str:
    """Return how the archive of a version is called where only its folder is named."""
    return f"smartstore-{version}.zip"
