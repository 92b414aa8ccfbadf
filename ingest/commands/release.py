"""``smartstore-ingest release``: make a signed release of the agent out of wheels, and list what agents run."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from edge.update.archive import canonical, pack, unpack
from edge.update.manifest import Manifest, file_of
from edge.update.problems import UpdateProblem
from edge.update.signature import check_release_key, run_openssl
from edge.wire.model import error_lines
from edge.wire.release import ReleaseVersion
from ingest.commands.options import Subparsers, add_group, add_verb, settings_of, write_line, write_table
from ingest.store.agent_releases import release_standings
from ingest.store.connection import connect, conninfo

_VERSION: TypeAdapter[str] = TypeAdapter(ReleaseVersion)


class _NotMadeError(ValueError):
    """Why there is no release, and what to do."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the group of verbs."""
    group = add_group(subparsers, "release", "make signed releases of the agent, and list what agents run")
    summary = "pack wheels into an archive and sign it; print what to announce it with"
    make = group.add_parser("make", help=summary, description=summary)
    make.add_argument("--wheels", type=Path, required=True, metavar="DIR", help="wheels of smartstore and all it needs")
    make.add_argument("--version", required=True, metavar="V", help="three numbers, as 1.4.0; that of the wheel")
    make.add_argument("--key", type=Path, required=True, metavar="FILE", help="private Ed25519 key (PEM)")
    make.add_argument("--out", type=Path, required=True, metavar="FILE", help="the archive to write")
    make.set_defaults(command=_make)
    add_verb(group, "list", "list which version each agent runs, and what became of the last release", _list)


def _make(arguments: argparse.Namespace) -> int:
    try:
        made = _made(arguments.wheels, arguments.version, arguments.key, arguments.out)
    except (_NotMadeError, UpdateProblem) as error:
        sys.stderr.write(f"smartstore-ingest: {error}\n")
        return 1
    write_line(
        f"{arguments.out} is made; announce it in the agents' configuration (smartstore-ingest agents configure):"
    )
    write_line()
    write_line("[release]")
    write_line(f'version = "{arguments.version}"')
    write_line(f'url = "https://.../{arguments.out.name}"   # where the archive is put')
    write_line(f'sha256 = "{made}"')
    return 0


def _list(arguments: argparse.Namespace) -> int:
    with connect(conninfo(settings_of(arguments).database), "release") as connection:
        standings = release_standings(connection)
    write_table(
        ("agent", "software", "release", "state", "since", "detail"),
        [
            (
                each.agent,
                each.software or "",
                each.version or "",
                each.state or "",
                "" if each.reported_at is None else each.reported_at.isoformat(timespec="seconds"),
                " ".join((each.detail or "").split()),
            )
            for each in standings
        ],
    )
    return 0


def _made(folder: Path, version: str, key: Path, out: Path) -> str:
    """Write the archive, read back as a device would; return its SHA-256."""
    contents = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    try:
        _VERSION.validate_python(version)
        files = tuple(file_of(name, content) for name, content in contents.items())
        manifest = Manifest(version=version, files=files)
    except ValidationError as error:
        lines = error_lines(error.errors(include_url=False, include_context=False, include_input=False))
        raise _NotMadeError(f"{folder}: {lines}; put the wheels of one release there and nothing else") from None
    with tempfile.TemporaryDirectory(prefix="smartstore-release-") as scratch:
        place = Path(scratch)
        fresh, public, unpacked = place / "release.zip", place / "key.pem", place / "unpacked"
        unpacked.mkdir()
        pack(manifest, _signature(canonical(manifest), key, place), contents, fresh)
        _openssl("the key cannot be read", "pkey", "-in", str(key), "-pubout", "-out", str(public))
        check_release_key(public)
        unpack(fresh, public, version, unpacked)
        shutil.copyfile(fresh, out)
        return sha256(fresh.read_bytes()).hexdigest()


def _signature(message: bytes, key: Path, scratch: Path) -> bytes:
    signed, signature = scratch / "message", scratch / "signature"
    signed.write_bytes(message)
    sign = ("pkeyutl", "-sign", "-inkey", str(key), "-rawin", "-in", str(signed), "-out", str(signature))
    _openssl("the manifest cannot be signed", *sign)
    return signature.read_bytes()


def _openssl(what: str, *arguments: str) -> None:
    done = run_openssl(arguments)
    if done.returncode != 0:
        said = " ".join(done.stderr.split())[:200]
        raise _NotMadeError(f"{what}: {said}; give --key a private Ed25519 key (openssl genpkey -algorithm ed25519)")
