"""Resident memory of a process, from the kernel's account."""

from __future__ import annotations

import re
from pathlib import Path

_MIB_PER_KIB = 1 / 1024


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process now, in MiB."""
    return _field(pid, "VmRSS")


def peak_resident_mib(pid: int) -> float:
    """Return the highest resident memory that a process has had, in MiB."""
    return _field(pid, "VmHWM")


def _field(pid: int, name: str) -> float:
    match = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    if match is None:
        msg = f"process {pid} has no {name}: it has ended"
        raise ValueError(msg)
    return int(match[1]) * _MIB_PER_KIB
