"""How far this machine's clock is off: by a time server (SNTP, RFC 4330), or by the platform's answer."""

from __future__ import annotations

import secrets
import socket
import struct
import time
from collections.abc import Callable

from edge.onboarding.finding import Finding, ok, skipped, warning, wrong
from edge.onboarding.wording import Words

CHECK = "clock"
_PACKET = struct.Struct(">BBbb 11I")
_CLIENT_VERSION_4 = 0x23
_SERVER_MODE, _UNSYNCHRONISED = 4, 3
_FROM_1900_S = 2_208_988_800
"""From NTP's first second to 1970-01-01T00:00:00Z."""
_ERA_S = 2**32
_WARN_S, _WRONG_S = 2.0, 60.0
_FIX = Words(
    "switch time synchronisation on (timedatectl set-ntp true) and let the machine reach a time server; "
    "readings without a time of their own take this clock",
    "请开启时间同步（timedatectl set-ntp true），并让本机能访问时间服务器；没有自带时间的读数以本机时钟为准",
)


class NoTimeError(Exception):
    """A time server that gave no usable answer."""


def time_server_offset_s(host: str, port: int, timeout_s: float, now_s: Callable[[], float] = time.time) -> float:
    """Return by how much this clock is behind a time server's, in seconds; negative: it is ahead.

    ((T2 - T1) + (T3 - T4)) / 2 of RFC 4330, section 5. Sent is a random number instead of this clock's time; the answer
    has to repeat it.

    Raises
    ------
    NoTimeError
        There is no answer, or none that tells the time.
    """
    nonce = secrets.randbits(64)
    question = _PACKET.pack(_CLIENT_VERSION_4, 0, 0, 0, *[0] * 9, nonce >> 32, nonce & 0xFFFFFFFF)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as line:
            line.settimeout(timeout_s)
            line.connect(address)
            sent_s = now_s()
            line.send(question)
            answer = line.recv(512)
            received_s = now_s()
    except OSError as error:
        raise NoTimeError(str(error) or type(error).__name__) from error
    return _offset_s(answer, nonce, sent_s, received_s)


def judged(offset_s: float, by: Words) -> Finding:
    """Return what an offset of this clock means; ``by`` names whose clock it was compared with."""
    if abs(offset_s) <= _WARN_S:
        text = Words("agrees with {by} within {tolerance:g} s", "与{by}相差不超过 {tolerance:g} 秒")
        return ok(CHECK, text.format(by=by, tolerance=_WARN_S))
    direction = Words("behind", "慢") if offset_s > 0 else Words("ahead of", "快")
    text = Words("{seconds:.1f} s {direction} {by}", "比{by}{direction} {seconds:.1f} 秒")
    told = text.format(seconds=abs(offset_s), direction=direction, by=by)
    return wrong(CHECK, told, _FIX) if abs(offset_s) > _WRONG_S else warning(CHECK, told, _FIX)


def by_time_server(host: str, port: int, timeout_s: float) -> Finding:
    """Compare this clock with a time server's; skipped where it cannot be asked."""
    try:
        offset_s = time_server_offset_s(host, port, timeout_s)
    except NoTimeError as error:
        text = Words(
            "the time server {host} does not answer ({error}); name one that this network reaches by --time-server",
            "时间服务器 {host} 没有应答（{error}）；可用 --time-server 指定本网络能访问的服务器",
        )
        return skipped(CHECK, text.format(host=host, error=error))
    return judged(offset_s, Words(f"the time server {host}", f"时间服务器 {host} "))


def by_platform(answered_us: int, now_us: int) -> Finding:
    """Compare this clock with the time that the platform wrote into an answer just received."""
    return judged((answered_us - now_us) / 1e6, Words("the platform's clock", "平台时钟"))


def _offset_s(answer: bytes, nonce: int, sent_s: float, received_s: float) -> float:
    if len(answer) < _PACKET.size:
        raise NoTimeError("the answer is too short")
    first, stratum, _, _, *words = _PACKET.unpack_from(answer)
    if first & 7 != _SERVER_MODE or words[5] << 32 | words[6] != nonce:
        raise NoTimeError("the answer is not to this question")
    if first >> 6 == _UNSYNCHRONISED or not 1 <= stratum <= 15:
        raise NoTimeError("the server does not know the time itself")
    arrived_s, answered_s = _unix_s(words[7], words[8], sent_s), _unix_s(words[9], words[10], sent_s)
    return ((arrived_s - sent_s) + (answered_s - received_s)) / 2


def _unix_s(seconds: int, fraction: int, about_s: float) -> float:
    """Return an NTP time stamp as seconds since 1970, in the era (136 years long) that is nearest to ``about_s``."""
    since_1970 = seconds + fraction / 2**32 - _FROM_1900_S
    return since_1970 + round((about_s - since_1970) / _ERA_S) * _ERA_S
