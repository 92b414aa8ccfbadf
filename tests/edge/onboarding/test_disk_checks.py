"""What is found about disk and spool, on real files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from edge_tools.readings import group

from edge.clock import system_clock
from edge.onboarding import disk_checks
from edge.onboarding.disk_checks import disk_findings, is_running, spool_findings
from edge.onboarding.finding import Finding, Grade
from edge.settings import SpoolSettings
from edge.spool.records import SpoolLimits
from edge.spool.spool import Spool

LIMITS = SpoolLimits(2**30, 1e6, 500)


def grades(findings: Iterable[Finding]) -> list[Grade]:
    return [finding.grade for finding in findings]


def text(findings: Iterable[Finding]) -> str:
    return "\n".join(f"{finding.text.en} {finding.fix.en if finding.fix else ''}" for finding in findings)


def test_a_folder_with_room_is_well_also_before_it_is_made(tmp_path: Path) -> None:
    settings = SpoolSettings(path=tmp_path / "later" / "spool.sqlite", max_bytes=1024 * 1024)
    findings = [each for each in disk_findings(settings) if "in memory" not in each.text.en]
    assert grades(findings) == [Grade.OK]
    assert list(tmp_path.iterdir()) == []


def test_a_spool_that_may_outgrow_the_disk_is_a_warning(tmp_path: Path) -> None:
    room = os.statvfs(tmp_path)
    settings = SpoolSettings(path=tmp_path / "spool.sqlite", max_bytes=10 * room.f_blocks * room.f_frsize)
    assert "spool.max_bytes" in text(disk_findings(settings))
    assert Grade.WARNING in grades(disk_findings(settings))


def test_a_full_disk_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_checks, "_LEAST_FREE", 2**62)
    findings = list(disk_findings(SpoolSettings(path=tmp_path / "spool.sqlite")))
    assert findings[-1].grade is Grade.WRONG
    assert "the disk is full" in findings[-1].text.en


@pytest.mark.parametrize("failing", ["fsync", "statvfs"])
def test_a_disk_that_does_not_sync_or_write_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    if failing == "fsync":

        def fail(_file: int) -> None:
            raise OSError(30, "Read-only file system")

        monkeypatch.setattr(os, "fsync", fail)
        settings = SpoolSettings(path=tmp_path / "spool.sqlite")
    else:
        settings = SpoolSettings(path=Path("/proc/1/none/spool.sqlite"))
    findings = list(disk_findings(settings))
    assert grades(findings) == [Grade.WRONG]
    assert "spool.path" in text(findings)


def test_a_disk_in_memory_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_checks, "_file_system", lambda _folder: "tmpfs")
    assert "a power cut loses" in text(disk_findings(SpoolSettings(path=tmp_path / "spool.sqlite")))


def test_a_spool_that_is_not_made_yet_is_well(tmp_path: Path) -> None:
    assert grades(spool_findings(tmp_path / "spool.sqlite")) == [Grade.OK]


def test_a_spool_in_use_is_examined_beside_the_agent(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    spool = Spool.open(path, LIMITS, system_clock())
    try:
        spool.accept([("door", group(0, 1))])
        assert is_running(path)
        findings = list(spool_findings(path))
        assert grades(findings) == [Grade.OK]
        assert "1 batches with 1 readings wait" in text(findings)
    finally:
        spool.close()
    assert not is_running(path)


def test_a_damaged_spool_is_wrong_and_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    path.write_bytes(b"no database" * 1000)
    findings = list(spool_findings(path))
    assert grades(findings) == [Grade.WRONG]
    assert "restart the agent" in text(findings)


def test_losses_and_files_set_aside_are_warnings(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    path.write_bytes(b"no database" * 1000)
    spool = Spool.open(path, SpoolLimits(1, 1e6, 500), system_clock())
    for number in range(3):
        spool.accept([("door", group(number, 1))])
    spool.close()
    findings = list(spool_findings(path))
    assert grades(findings) == [Grade.OK, Grade.WARNING, Grade.WARNING]
    assert "set aside" in findings[1].text.en
    assert "declared lost (last reason: spool_full)" in findings[2].text.en
