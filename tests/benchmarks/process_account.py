"""Memory and processor time of processes, from the kernel's account."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

_MIB_PER_KIB = 1 / 1024


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process now, in MiB."""
    return _field(pid, "VmRSS")


def peak_resident_mib(pid: int) -> float:
    """Return the highest resident memory that a process has had, in MiB."""
    return _field(pid, "VmHWM")


def own_resident_mib(pid: int) -> float:
    """Return the resident memory now that is the process's own, without what it maps of programs and libraries."""
    return _field(pid, "RssAnon")


def proportional_mib(pid: int) -> float:
    """Return the resident memory now with each page shared with other processes counted by its share, in MiB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(kib) for kib in re.findall(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)) * _MIB_PER_KIB


def _field(pid: int, name: str) -> float:
    match = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    if match is None:
        msg = f"process {pid} has no {name}: it has ended"
        raise ValueError(msg)
    return int(match[1]) * _MIB_PER_KIB


def processor_s(pid: int) -> float:
    """Return the processor time that a process and those below it, as far as they run, have used, in seconds."""
    ticks = os.sysconf("SC_CLK_TCK")
    parents: dict[int, tuple[int, float]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            parents[int(stat.parent.name)] = int(fields[1]), (int(fields[11]) + int(fields[12])) / ticks
    family = {pid}
    while grown := {child for child, (parent, _) in parents.items() if parent in family} - family:
        family |= grown
    return sum(parents[member][1] for member in family if member in parents)
