"""Nothing of a release is used unless its signer made it: whatever else an archive holds, it is refused."""

from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from update_tools.signing import Keys, rewritten, sha256_of, small_release

from edge.update.archive import canonical, pack, unpack
from edge.update.manifest import MANIFEST, SIGNATURE, Manifest, file_of
from edge.update.problems import ReleaseRefused

OWN, OTHER = "smartstore-0.2.0-py3-none-any.whl", "other_thing-1.5-py3-none-any.whl"


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


@pytest.fixture
def archive(tmp_path: Path, keys: Keys) -> Path:
    small_release(keys, tmp_path / "release.zip")
    return tmp_path / "release.zip"


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    return folder


def refusal(archive: Path, keys: Keys, into: Path, version: str = "0.2.0") -> str:
    with pytest.raises(ReleaseRefused) as caught:
        unpack(archive, keys.public, version, into)
    assert caught.value.problem.zh
    return caught.value.problem.en


def test_what_was_signed_is_unpacked(archive: Path, keys: Keys, into: Path) -> None:
    manifest = unpack(archive, keys.public, "0.2.0", into)
    assert sorted(path.name for path in into.iterdir()) == sorted([OWN, OTHER])
    assert {file.name: sha256_of(into / file.name) for file in manifest.files} == {
        file.name: file.sha256 for file in manifest.files
    }
    lines = manifest.requirements().splitlines()
    assert lines == [
        f"other-thing==1.5 --hash=sha256:{sha256_of(into / OTHER)}",
        f"smartstore[edge]==0.2.0 --hash=sha256:{sha256_of(into / OWN)}",
    ]


def test_the_same_release_has_the_same_bytes(archive: Path, keys: Keys, tmp_path: Path) -> None:
    small_release(keys, tmp_path / "again.zip")
    assert archive.read_bytes() == (tmp_path / "again.zip").read_bytes()


def test_another_key_signs_nothing(archive: Path, keys: Keys, into: Path, tmp_path: Path) -> None:
    assert "signature of release 0.2.0" in refusal(archive, Keys(tmp_path, "stranger"), into)
    assert list(into.iterdir()) == []


def test_a_changed_manifest_or_signature_is_refused(archive: Path, keys: Keys, into: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        manifest, signature = packed.read(MANIFEST), packed.read(SIGNATURE)
    changed = json.dumps(json.loads(manifest)).encode()  # the same content, other bytes
    for changes in (
        {MANIFEST: changed},
        {SIGNATURE: bytes(64)},
        {SIGNATURE: signature[:-1]},
        {SIGNATURE: b""},
    ):
        rewritten(archive, {MANIFEST: manifest, SIGNATURE: signature} | changes)
        assert "signature" in refusal(archive, keys, into)
    rewritten(archive, {MANIFEST: manifest, SIGNATURE: signature + b"x"})
    assert "release.json.sig is longer" in refusal(archive, keys, into)
    rewritten(archive, {MANIFEST: None, SIGNATURE: signature})
    assert "release.json is missing" in refusal(archive, keys, into)
    rewritten(archive, {}, ((MANIFEST, manifest),))
    rewritten(archive, {SIGNATURE: None})
    assert "release.json.sig is missing" in refusal(archive, keys, into)


def test_another_version_than_the_announced_is_refused(archive: Path, keys: Keys, into: Path) -> None:
    assert refusal(archive, keys, into, "0.3.0") == "version 0.2.0 is signed, 0.3.0 was announced"


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("changes", "also", "said"),
    [
        ({OTHER: b"of oth3rs"}, (), "does not have its signed SHA-256"),
        ({OTHER: b"of others!"}, (), "is longer than its 9 bytes"),
        ({OTHER: b"of"}, (), "does not have its signed SHA-256"),
        ({OTHER: None}, (), "other_thing-1.5-py3-none-any.whl is missing"),
        ({}, (("evil-1.0-py3-none-any.whl", b"x"),), "evil-1.0-py3-none-any.whl is not among the signed files"),
        ({}, (("../../etc/cron.d/evil", b"x"),), "../../etc/cron.d/evil is not among the signed files"),
        ({}, (("/etc/passwd", b"x"),), "/etc/passwd is not among"),
        ({}, (("folder/", b""),), "folder/ is not among"),
        ({}, ((OTHER, b"of others"),), f"{OTHER} is not among the signed files"),
    ],
)
def test_what_is_not_signed_is_refused(  # noqa: PLR0917
    archive: Path,
    keys: Keys,
    into: Path,
    changes: dict[str, bytes | None],
    also: tuple[tuple[str, bytes], ...],
    said: str,
) -> None:
    rewritten(archive, changes, also)
    assert said in refusal(archive, keys, into)
    assert {path.name for path in into.iterdir()} <= {OWN}


def signed_text(keys: Keys, archive: Path, text: bytes) -> None:
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr(MANIFEST, text)
        packed.writestr(SIGNATURE, keys.sign(text))


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"version": "0.2"},
        {"version": "0.2.0rc1"},
        {"files": []},
        {"further": 1},
        {"files": [{"name": "../x-1-py3-none-any.whl", "bytes": 1, "sha256": "0" * 64}]},
        {"files": [{"name": "a/x-1-py3-none-any.whl", "bytes": 1, "sha256": "0" * 64}]},
        {"files": [{"name": "x-1-py3-none-any.whl\n--index-url", "bytes": 1, "sha256": "0" * 64}]},
        {"files": [{"name": "x-1.tar.gz", "bytes": 1, "sha256": "0" * 64}]},
    ],
)
def test_a_signed_manifest_that_makes_no_sense_is_refused(
    archive: Path, keys: Keys, into: Path, change: dict[str, object]
) -> None:
    with zipfile.ZipFile(archive) as packed:
        document = json.loads(packed.read(MANIFEST))
    signed_text(keys, archive, json.dumps(document | change).encode())
    assert "release.json is not one that this version understands" in refusal(archive, keys, into)


def test_what_is_no_archive_is_refused(archive: Path, keys: Keys, into: Path) -> None:
    whole = archive.read_bytes()
    for content in (b"", b"PK", whole[:-30], whole[100:], b"\0" * 1000):
        archive.write_bytes(content)
        assert "release.zip is no archive of a release" in refusal(archive, keys, into)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_damaged_archive_is_refused_or_is_what_was_signed(archive: Path, keys: Keys, data: st.DataObject) -> None:
    whole = bytearray(archive.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    damaged = archive.with_name("damaged.zip")
    damaged.write_bytes(whole)
    into = archive.with_name("damaged")
    into.mkdir(exist_ok=True)
    try:
        with warnings.catch_warnings(action="ignore"):  # zipfile's about names
            manifest = unpack(damaged, keys.public, "0.2.0", into)
    except ReleaseRefused:
        return
    assert all(sha256_of(into / file.name) == file.sha256 for file in manifest.files)


def test_wheels_for_several_devices_are_one_requirement() -> None:
    names = ["core-2.0-cp311-cp311-linux_armv7l.whl", "core-2.0-cp311-cp311-linux_aarch64.whl", OWN]
    manifest = Manifest(version="0.2.0", files=tuple(file_of(name, name.encode()) for name in names))
    first, second = manifest.requirements().splitlines()
    assert first.startswith("core==2.0 ")
    assert first.count("--hash=sha256:") == 2
    assert second.startswith("smartstore[edge]==0.2.0 ")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([OTHER], "a wheel of smartstore 0.2.0"),
        (["smartstore-0.1.0-py3-none-any.whl"], "a wheel of smartstore 0.2.0"),
        ([OWN, "smartstore-0.1.0-py3-none-any.whl"], "and of no other version"),
        ([OWN, OTHER, OTHER.upper().replace(".WHL", ".whl")], "more than once"),
    ],
)
def test_a_manifest_is_of_one_release(names: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Manifest(version="0.2.0", files=tuple(file_of(name, b"x") for name in names))


def test_a_packed_archive_names_its_files_in_order(archive: Path, keys: Keys) -> None:
    with zipfile.ZipFile(archive) as packed:
        assert packed.namelist() == [MANIFEST, SIGNATURE, OWN, OTHER]
        assert {entry.date_time[0] for entry in packed.infolist()} == {1980}
    manifest = small_release(keys, archive)
    with pytest.raises(KeyError):
        pack(manifest, b"", {OWN: b""}, archive)
    assert canonical(manifest).startswith(b'{"format":1,"version":"0.2.0","files":[{')
