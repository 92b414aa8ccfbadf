"""What devices say on a broker in the store: each message is tried with every decoder that can be tried."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from paho.mqtt.enums import MQTTProtocolVersion
from pydantic import ValidationError

from edge.decoders.decoder import Arrival, Decoder, DecoderOptions, PayloadRefusedError
from edge.decoders.registry import DECODERS
from edge.onboarding.broker_talk import BrokerTalk, Login, Message, NoAnswerError
from edge.onboarding.suggestion import Suggestion, joined, said
from edge.onboarding.wording import Words
from edge.wire.topics import PREFIX

_ANSWER_S = 5.0
_MESSAGES_OF_A_TOPIC = 3
_MOST_TOPICS = 500
_MOST_UNKNOWN = 30
_MOST_KEYS = 8
_GUESSES: dict[str, Any] = {"device": "to-be-named", "period_s": 600.0, "interval_s": 300.0, "time_zone": "UTC"}
"""Options with which a decoder is tried where it must have them; a person puts the right ones."""

_FILL_IN = Words("put the right value: {keys}", "请填入正确的值：{keys}")
_NAME_IT = Words("devices as the registry has to name them: {devices}", "设备名称，须与平台登记一致：{devices}")


class BrokerDiscoveryError(Exception):
    """A broker that cannot be listened to; ``words`` says why and what to do."""

    def __init__(self, words: Words) -> None:
        super().__init__(words.en)
        self.words = words


def listened(login: Login, filters: Sequence[str], seconds: float) -> list[Message]:
    """Return what comes on a broker within ``seconds``, retained messages included.

    Raises
    ------
    BrokerDiscoveryError
        The broker is not reached or refuses.
    """
    try:
        with BrokerTalk(login, _ANSWER_S) as talk:
            if not _is_let_in(talk):
                with BrokerTalk(login, _ANSWER_S, MQTTProtocolVersion.MQTTv311) as older:
                    _let_in(older, login)
                    return _heard(older, filters, seconds)
            return _heard(talk, filters, seconds)
    except (OSError, NoAnswerError) as error:
        text = Words(
            "no MQTT broker at {host}:{port} ({error}); check host, port and ca_file",
            "{host}:{port} 没有 MQTT 消息服务器（{error}）；请检查主机、端口和 CA 证书",
        )
        raise BrokerDiscoveryError(text.format(host=login.host, port=login.port, error=error)) from error


def recognised(messages: Iterable[Message]) -> Iterator[Suggestion]:
    """Yield a suggestion for each group of topics that the same decoders read, then the topics that none reads."""
    by_topic: dict[str, list[bytes]] = defaultdict(list)
    for name, payload in messages:
        if not name.startswith(f"{PREFIX}/") and (name in by_topic or len(by_topic) < _MOST_TOPICS):
            by_topic[name] = [*by_topic[name], payload][-_MESSAGES_OF_A_TOPIC:]
    readers = [_Reader(decoder) for decoder in DECODERS.values()]
    groups: dict[tuple[str, ...], dict[str, _Read]] = defaultdict(dict)
    unknown: list[str] = []
    for name, payloads in sorted(by_topic.items()):
        read = {reader.name: found for reader in readers if (found := reader.read(name, payloads)) is not None}
        if read:
            groups[tuple(sorted(read))][name] = read[min(read)]
        else:
            unknown.append(name)
    for number, (decoders, topics) in enumerate(sorted(groups.items()), start=1):
        yield _suggestion(number, decoders, topics)
    for name in unknown[:_MOST_UNKNOWN]:
        yield _unknown(name, by_topic[name][-1])


class _Read(NamedTuple):
    """The devices that a decoder found in a topic, and the guessed options that it needed for that."""

    devices: frozenset[str]
    guessed: tuple[str, ...]


class _Reader:
    """A decoder with guessed options: first those that it must have, then more of them."""

    def __init__(self, decoder: Decoder[Any]) -> None:
        self.name = decoder.name
        self._decoder = decoder
        fields = decoder.options.model_fields
        required = [key for key, field in fields.items() if field.is_required()]
        self._variants: list[tuple[tuple[str, ...], DecoderOptions]] = []
        for further in ((), ("time_zone",), ("device",), ("device", "time_zone")):
            keys = tuple(dict.fromkeys([*required, *(key for key in further if key in fields)]))
            with suppress(KeyError, ValidationError):  # it needs what nobody can guess, such as a map
                options = decoder.options.model_validate({key: _GUESSES[key] for key in keys})
                self._variants.append((keys, options))

    def read(self, name: str, payloads: Sequence[bytes]) -> _Read | None:
        """Return what is read out of a topic's messages; None where nothing is."""
        for keys, options in self._variants:
            devices = {device for payload in payloads for device in self._devices(name, payload, options)}
            if devices:
                return _Read(frozenset(devices), keys)
        return None

    def _devices(self, name: str, payload: bytes, options: DecoderOptions) -> set[str]:
        try:
            decoded = self._decoder.decode(Arrival(payload, 0, name), options)
        except PayloadRefusedError:
            return set()
        except Exception:  # noqa: BLE001, RUF100 - a decoder's defect must not end the search
            return set()
        return {reading.series.device for reading in decoded.readings}


def _is_let_in(talk: BrokerTalk) -> bool:
    try:
        return not talk.connect().is_failure
    except NoAnswerError:
        return False


def _let_in(talk: BrokerTalk, login: Login) -> None:
    code = talk.connect()
    if code.is_failure:
        text = Words(
            "the broker at {host}:{port} refuses ({code}); give --username and --password-file of one of its users",
            "{host}:{port} 的消息服务器拒绝连接（{code}）；请给出 --username 和 --password-file",
        )
        raise BrokerDiscoveryError(text.format(host=login.host, port=login.port, code=code))


def _heard(talk: BrokerTalk, filters: Sequence[str], seconds: float) -> list[Message]:
    refused = [name for name, code in zip(filters, talk.subscribe(filters, qos=0), strict=True) if code.is_failure]
    if len(refused) == len(filters):
        listed = ", ".join(refused)
        text = Words("the broker does not let this user read {topics}", "消息服务器不允许该用户读取 {topics}")
        raise BrokerDiscoveryError(text.format(topics=listed))
    return talk.receive(seconds)


def _suggestion(number: int, decoders: tuple[str, ...], topics: dict[str, _Read]) -> Suggestion:
    chosen = DECODERS[decoders[0]]
    options = {key: _GUESSES[key] for read in topics.values() for key in read.guessed}
    notes = [_FILL_IN.format(keys=", ".join(options))] if options else []
    if "device" not in options:
        devices = sorted({device for read in topics.values() for device in read.devices})
        notes.append(_NAME_IT.format(devices=said(", ".join(devices))))
    if len(decoders) > 1:
        others = ", ".join(decoders[1:])
        notes.append(Words(f"these decoders read it too: {others}", f"以下解码器也能读取：{others}"))
    source = {"kind": "mqtt", "name": f"{chosen.name}-{number}", "topics": joined(topics), "decoder": chosen.name}
    count = len(topics)
    title = Words("{title}; topics: {count}", "{title}；主题数：{count}").format(title=chosen.title, count=count)
    return Suggestion(title, source, options, tuple(notes))


def _unknown(name: str, payload: bytes) -> Suggestion:
    """Describe a topic that no decoder reads, by the names in its JSON; never by its values."""
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return Suggestion(
            Words("{topic}: no decoder reads it", "{topic}：没有能读取它的解码器").format(topic=said(name))
        )
    keys = said(", ".join(list(document)[:_MOST_KEYS]))
    title = Words("{topic}: JSON with {keys}", "{topic}：JSON，含 {keys}").format(topic=said(name), keys=keys)
    note = Words(
        "describe it in a map, and try that: smartstore-edge try MAP PAYLOAD",
        "请写一个映射文件并试验：smartstore-edge try MAP PAYLOAD",
    )
    source = {"kind": "mqtt", "name": "to-be-named", "topics": [name], "decoder": "json_map"}
    return Suggestion(title, source, {"map": "map.toml"}, (note,))
