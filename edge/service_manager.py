"""What the agent tells systemd: that it is ready, that it lives, and that it stops (the protocol of ``sd_notify``).

A datagram of ``NAME=value`` lines to the socket that ``NOTIFY_SOCKET`` names; without the variable nobody listens, and
nothing is sent. See systemd's sd_notify(3) and sd_watchdog_enabled(3).
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping

from edge import event_log

_NEVER_S = float("inf")

log = event_log.get(__name__)


class ServiceManager:
    """The manager of this process, as its environment names it.

    Parameters
    ----------
    environment
        Variables of the process: ``NOTIFY_SOCKET``, ``WATCHDOG_USEC``, ``WATCHDOG_PID``.
    monotonic_s
        The clock by which the watchdog is fed.
    """

    def __init__(
        self, environment: Mapping[str, str] | None = None, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        variables = os.environ if environment is None else environment
        self._address = _address(variables.get("NOTIFY_SOCKET", ""))
        self._monotonic_s = monotonic_s
        self._every_s = _feeding_s(variables)
        self._due_s = monotonic_s()
        self._ready = self._starving = False

    def watch(self, alive: bool) -> None:
        """Say at first that the agent is ready; then feed the watchdog where it is time to.

        Not while ``alive`` is false: the manager then ends the agent and starts it anew.
        """
        if not self._ready:
            self._ready = True
            self._say("READY=1")
        if self._every_s == _NEVER_S:
            return
        if not alive and not self._starving:
            log.error("watchdog_not_fed", fix="none needed: the service manager restarts the agent")
        self._starving = not alive
        now_s = self._monotonic_s()
        if alive and now_s >= self._due_s:
            self._due_s = now_s + self._every_s
            self._say("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the agent stops."""
        self._say("STOPPING=1")

    def _say(self, state: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
                line.connect(self._address)
                line.send(state.encode())
        except OSError as error:
            fix = "check that the unit has Type=notify and allows AF_UNIX in RestrictAddressFamilies"
            log.warning("service_manager_unreachable", state=state, error=str(error), fix=fix)


def _address(named: str) -> str | None:
    """Return the socket's address as the kernel wants it: ``@`` stands for the abstract namespace."""
    if named.startswith("@"):
        return "\0" + named[1:]
    return named if named.startswith("/") else None


def _feeding_s(variables: Mapping[str, str]) -> float:
    """Return how often to feed: three times within the watchdog's time; never where it is off or another's."""
    wanted, process = variables.get("WATCHDOG_USEC", ""), variables.get("WATCHDOG_PID", "")
    if not wanted.isdecimal() or int(wanted) == 0 or (process and process != str(os.getpid())):
        return _NEVER_S
    return int(wanted) / 1e6 / 3
