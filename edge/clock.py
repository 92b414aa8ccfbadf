"""Time as an argument: the wall clock, and a monotonic clock with the boot that it belongs to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

_KERNEL_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the agent takes its time from; monotonic readings compare within one ``boot`` only."""

    now_us: Callable[[], int]
    """Microseconds since 1970-01-01T00:00:00Z; may jump when the device's time is set."""
    monotonic_us: Callable[[], int]
    """Microseconds since a fixed point of this boot; never jumps."""
    boot: UUID

    def monotonic_s(self) -> float:
        """Return the monotonic clock in seconds."""
        return self.monotonic_us() / 1e6


def system_clock() -> Clock:
    """Return the clock of this machine."""
    return Clock(
        now_us=lambda: time.time_ns() // 1000,
        monotonic_us=lambda: time.monotonic_ns() // 1000,
        boot=_boot_id(),
    )


def _boot_id() -> UUID:
    """Return the kernel's boot id; where there is none, one for this start of the process, the safe narrower scope."""
    try:
        return UUID(_KERNEL_BOOT_ID.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return uuid4()
