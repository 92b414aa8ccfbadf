"""The deny-list: names and shapes of personal data that must never leave a device nor be kept by the platform.

Decoders are allow-lists; this is the second lock. Policy: PIPL Art. 4, 26 and 28, GB/T 35273-2020, and the face
recognition measures of 2025.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_WORDS = frozenset(
    """
    face faces facial image images img jpg jpeg png picture photo snapshot embedding embeddings feature features
    mac macs imei imsi plate plates licence license openid unionid phone mobile telephone name idcard trackid
    gender sex age ages emotion mood child children adult adults person persons customer customers employee employees
    member members vector gait biometric biometrics passport email
    """.split()
)
_PHRASES = "trackid personid customerid employeeid memberid idcard macaddress deviceidfa childcount agegroup".split()
_CHINESE = "人脸 面部 图像 图片 照片 特征 车牌 手机 电话 姓名 身份证 性别 年龄 情绪 会员 轨迹 步态".split()
_BASE64_LIKE = re.compile(r"^[A-Za-z0-9+/_-]{200,}={0,2}$")
_MAC = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f])")
_SPLIT = re.compile(r"[^A-Za-z]+|(?<=[a-z])(?=[A-Z])")
_QUOTED = re.compile(r"[\"'<]([A-Za-z_][A-Za-z0-9_ -]{1,40})[\"'>]")
_IDENTIFYING_KEYS = frozenset({"device", "channel", "quantity"})


def forbidden_names(document: Any) -> list[str]:
    """Return the deny-listed words that a document's field names or short texts hold, sorted, each once.

    Looks at every key, at texts that are names (device, channel, quantity), at blobs that look like base64, at MAC
    addresses, and, in what is not JSON, at quoted or tagged names. The content itself is never returned.
    """
    return sorted(set(_found(document)))


def _found(node: Any, key: str = "") -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _in_name(str(name))
            yield from _found(value, str(name))
    elif isinstance(node, list | tuple):
        for item in node:
            yield from _found(item, key)
    elif isinstance(node, str):
        yield from _in_text(node, key)


def _in_text(text: str, key: str) -> Iterator[str]:
    if _BASE64_LIKE.match(text):
        yield "(blob)"
    if _MAC.search(text):
        yield "(mac address)"
    if key in _IDENTIFYING_KEYS:
        yield from _in_name(text)
    elif not key:
        for match in _QUOTED.finditer(text):
            yield from _in_name(match[1])
        yield from (word for word in _CHINESE if word in text)


def _in_name(name: str) -> Iterator[str]:
    words = [part.lower() for part in _SPLIT.split(name) if part]
    yield from (word for word in words if word in _WORDS)
    joined = "".join(words)
    yield from (phrase for phrase in _PHRASES if phrase in joined)
    yield from (word for word in _CHINESE if word in name)
