"""A device of a kind, over the transport that its maker gave it, told by a test what to say and when."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

_DEADLINE_S = 60.0
_SECOND_US = 1_000_000


class Told(NamedTuple):
    """One reading that must come of what a device said; ``t_us`` None: dated by its arrival."""

    device: str
    quantity: str
    channel: str
    value: float
    t_us: int | None = None
    ordinal: int = 0

    @property
    def series(self) -> tuple[str, str, str]:
        return self.device, self.quantity, self.channel


class Counterpart(Protocol):
    """A device, or a server of devices."""

    @property
    def name(self) -> str:
        """Name of its source."""

    @property
    def devices(self) -> tuple[str, ...]:
        """Names under which its readings are known."""

    def source(self) -> str:
        """Return its ``[[source]]`` table."""

    def start(self) -> None:
        """Be there."""

    def stop(self) -> None:
        """Be gone."""

    def tell(self, number: int) -> list[Told]:
        """Say the message of a number, from 0, and return what must be read in it."""


class StatedTimes:
    """Times that devices state: each number its own minute, the first a few minutes ago."""

    def __init__(self) -> None:
        self._first = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=6)

    def minute(self, number: int) -> datetime:
        return self._first + timedelta(minutes=number)


def us(moment: datetime) -> int:
    return int(moment.timestamp()) * _SECOND_US + moment.microsecond


def table(kind: str, name: str, decoder: str, keys: str, options: str) -> str:
    """Return a ``[[source]]`` table of TOML."""
    return (
        f'[[source]]\nkind = "{kind}"\nname = "{name}"\ndecoder = "{decoder}"\n{keys}\n[source.options]\n{options}\n\n'
    )


def post(
    port: int, path: str, body: bytes, content_type: str, handler: urllib.request.BaseHandler | None = None
) -> None:
    """Post as a device does: again until it is accepted, since the agent may not be there yet."""
    handlers = [urllib.request.ProxyHandler({}), *([handler] if handler is not None else [])]
    opener = urllib.request.build_opener(*handlers)
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, {"Content-Type": content_type})
    end_s = time.monotonic() + _DEADLINE_S
    while True:
        try:
            with opener.open(request, timeout=20) as answer:
                assert answer.status == 200
                return
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 503:
                    raise
        except OSError:
            pass  # it does not listen yet
        assert time.monotonic() < end_s, f"nothing accepts {path} within {_DEADLINE_S} s"
        time.sleep(0.05)
