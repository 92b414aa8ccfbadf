"""What devices say on a broker in the store: each message is tried with every decoder that can be tried."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

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
_NAME_IT = Words("device: the name that the registry has; here {devices}", "device：填平台登记的名称；这里是 {devices}")


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
    readers = _readers()
    groups: dict[tuple[str, ...], dict[str, set[str]]] = defaultdict(dict)
    unknown: list[str] = []
    for name, payloads in sorted(by_topic.items()):
        read = {decoder.name: _devices(decoder, options, name, payloads) for decoder, options in readers}
        decoders = tuple(sorted(each for each, devices in read.items() if devices))
        if decoders:
            groups[decoders][name] = set().union(*(read[each] for each in decoders))
        else:
            unknown.append(name)
    for number, (decoders, topics) in enumerate(sorted(groups.items()), start=1):
        yield _suggestion(number, decoders, topics)
    for name in unknown[:_MOST_UNKNOWN]:
        yield _unknown(name, by_topic[name][-1])


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


def _readers() -> list[tuple[Decoder[Any], DecoderOptions]]:
    """Return the decoders that can be tried, with guessed options."""
    found = []
    for decoder in DECODERS.values():
        fields = decoder.options.model_fields
        guessed = {key: _GUESSES[key] for key, field in fields.items() if key in _GUESSES and field.is_required()}
        if "device" in fields:
            guessed["device"] = _GUESSES["device"]
        try:
            found.append((decoder, decoder.options.model_validate(guessed)))
        except ValidationError:
            continue  # it needs what nobody can guess, such as a map
    return found


def _devices(decoder: Decoder[Any], options: DecoderOptions, name: str, payloads: Sequence[bytes]) -> set[str]:
    """Return the devices that a decoder reads out of a topic's messages, by their own names where it knows these."""
    read: set[str] = set()
    for payload in payloads:
        for chosen in (_unnamed(options), options):
            try:
                decoded = decoder.decode(Arrival(payload, 0, name), chosen)
            except PayloadRefusedError:
                continue
            except Exception:  # noqa: BLE001, RUF100, S112 - a decoder's defect must not end the search
                continue
            if decoded.readings:
                read |= {reading.series.device for reading in decoded.readings}
                break
    return read


def _unnamed(options: DecoderOptions) -> DecoderOptions:
    field = type(options).model_fields.get("device")
    return options if field is None or field.is_required() else options.model_copy(update={"device": None})


def _suggestion(number: int, decoders: tuple[str, ...], topics: dict[str, set[str]]) -> Suggestion:
    chosen = DECODERS[decoders[0]]
    devices = sorted(set().union(*topics.values()))
    fields = chosen.options.model_fields
    options = {key: _GUESSES[key] for key, field in fields.items() if field.is_required() and key in _GUESSES}
    if devices == [_GUESSES["device"]]:
        options["device"] = _GUESSES["device"]
    notes = []
    if options:
        notes.append(_FILL_IN.format(keys=", ".join(options)))
    else:
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
