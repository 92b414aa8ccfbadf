"""The questions of ``init``, on a terminal or from a file with an answer a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from edge.onboarding import source_kinds
from edge.onboarding.toml_text import read_value
from edge.onboarding.wording import Language, Words
from edge.sources.kinds import KINDS

_AGENT = Words("Name of this agent, as the platform gave it", "代理名称（由平台给出）")
_HOST = Words("Host of the platform's broker", "平台消息服务器的主机名")
_PORT = Words("Its port", "端口")
_CA = Words(
    "File of the platform's CA certificate (empty: the broker is on this machine)",
    "平台 CA 证书文件（留空：消息服务器在本机）",
)
_PASSWORD = Words("File of this agent's password (empty: none)", "代理密码文件（留空：无）")
_SPOOL = Words("File of the spool", "缓存文件")
_KINDS = Words("Kinds of sources:", "数据源种类：")
_KIND = Words(
    "Kind of the next source, by number or name (empty: no more)", "下一个数据源的种类，填序号或名称（留空：结束）"
)
_NO_KIND = Words("There is no such kind.", "没有这个种类。")
_OPTION = Words("Option {key} of decoder {decoder}", "解码器 {decoder} 的选项 {key}")
_DEFAULT_SPOOL = "/var/lib/smartstore-edge/spool.sqlite"

PRESETS = {"agent": _AGENT, "host": _HOST, "port": _PORT, "ca_file": _CA, "password_file": _PASSWORD, "spool": _SPOOL}
DEFAULTS = {"port": "8883", "spool": _DEFAULT_SPOOL}
REQUIRED = ("agent", "host")


class NoAnswerError(Exception):
    """The answers ended before a question that needs one; ``key`` says which."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class Questions:
    """Asks one person.

    Parameters
    ----------
    ask
        Shows a question and returns the answer; ``EOFError`` where there is none any more.
    say
        Shows a line.
    """

    def __init__(self, language: Language, ask: Callable[[str], str], say: Callable[[str], None]) -> None:
        self._language = language
        self._ask = ask
        self._say = say

    def preset(self, key: str) -> str:
        """Return the answer to one of ``PRESETS``, its default where the person gives none."""
        return self._answer(PRESETS[key], key, DEFAULTS.get(key, ""), needed=key in REQUIRED)

    def sources(self) -> Iterator[dict[str, Any]]:
        """Yield the keys of each source that the person describes."""
        kinds = list(KINDS)
        self._say(_KINDS.told(self._language))
        for number, name in enumerate(kinds, start=1):
            self._say(f"  {number} {name} - {source_kinds.TITLES[name].told(self._language)}")
        while (kind := self._kind(kinds)) is not None:
            yield self._source(kind)

    def _kind(self, kinds: list[str]) -> str | None:
        while answer := self._answer(_KIND, "kind", "", needed=False):
            if answer in kinds:
                return answer
            if answer.isdecimal() and 1 <= int(answer) <= len(kinds):
                return kinds[int(answer) - 1]
            self._say(_NO_KIND.told(self._language))
        return None

    def _source(self, kind: str) -> dict[str, Any]:
        needed = source_kinds.needed(kind)
        found: dict[str, Any] = {"kind": kind}
        for key in source_kinds.asked(kind):
            values = source_kinds.offered(kind, key)
            label = f"{key} ({' | '.join(values)})" if values else key
            answer = self._answer(Words(label, label), key, "", needed=key in needed)
            if answer:
                found[key] = read_value(answer)
        decoder = str(found.get("decoder", ""))
        options = {
            key: read_value(self._answer(_OPTION.format(key=key, decoder=decoder), key, "", needed=True))
            for key in source_kinds.decoder_needs(decoder)
        }
        return found | ({"options": options} if options else {})

    def _answer(self, question: Words, key: str, default: str, *, needed: bool) -> str:
        shown = question.told(self._language) + (f" [{default}]" if default else "") + ": "
        while True:
            try:
                answer = self._ask(shown).strip() or default
            except EOFError:
                if needed and not default:
                    raise NoAnswerError(key) from None
                return default
            if answer or not needed:
                return answer
