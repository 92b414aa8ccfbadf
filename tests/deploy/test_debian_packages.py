"""apt sources are read from the machine in both of their forms."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from standalone.debian_packages import PrivateApt, Source, archive_sources, of_release
from standalone.failure import CannotStart

DEB822 = """\
# the archive
Types: deb deb-src
URIs: http://archive.example/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://archive.example/debian-security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""
ONE_LINE = """\
# deb http://comment.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://line.example/ubuntu bookworm main universe # comment
deb-src http://line.example/ubuntu bookworm main
deb http://vendor.example/apt stable main
deb http://vendor.example/apt bookworm vendor
"""


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "debian.sources").write_text(DEB822)
    (tmp_path / "sources.list").write_text(ONE_LINE)
    return tmp_path


def test_sources_of_the_distribution_alone(apt: Path) -> None:
    key = ("signed-by=/usr/share/keyrings/debian-archive-keyring.gpg",)
    archive = "http://archive.example/debian"
    assert archive_sources("bookworm", apt) == [
        Source("http://line.example/ubuntu", "bookworm", ("main", "universe"), ("arch=amd64", "signed-by=/k.gpg")),
        Source(archive, "bookworm", ("main", "contrib"), key),
        Source(archive, "bookworm-updates", ("main", "contrib"), key),
        Source("http://archive.example/debian-security", "bookworm-security", ("main",)),
    ]
    assert archive_sources("", apt) == []


def test_another_release_at_the_same_address(apt: Path) -> None:
    lines = [source.line() for source in of_release(archive_sources("bookworm", apt), "bookworm", "trixie")]
    trust = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    assert lines == [
        f"deb {trust} http://line.example/ubuntu trixie main",
        f"deb {trust} http://archive.example/debian trixie main",
    ]


def test_no_source_of_the_distribution(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"apt-get and dpkg-deb|name no archive"):
        PrivateApt(tmp_path, [], None)


def test_private_apt_keeps_the_machine_s_proxy_and_none_of_its_hooks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("apt-get") is None:
        pytest.skip("this machine has no apt-get")
    machine = tmp_path / "machine.conf"
    machine.write_text(
        'Acquire::http::Proxy "http://proxy.example:3128";\nAPT::Update::Post-Invoke-Success:: "touch /hooked";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(machine))
    PrivateApt(tmp_path / "apt", [Source("http://archive.example", "bookworm", ("main",))], None)
    text = subprocess.run(
        ["apt-config", "dump"],
        env={"APT_CONFIG": str(tmp_path / "apt" / "apt.conf"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert 'Acquire::http::Proxy "http://proxy.example:3128"' in text
    assert "Post-Invoke" not in text
    assert f'Dir::State "{tmp_path}/apt/state/"' in text
