"""A source that subscribes to a broker in the store, or to a network server's; acknowledges what is in the spool."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from threading import Event
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from edge.configuration import ConfiguredPath
from edge.readings import ReadingGroup
from edge.receipt import Receipt
from edge.sources.decoding import DecodedSourceSettings, Payload, PayloadReader, group
from edge.sources.source import Journal, SourceTroubleError

if TYPE_CHECKING:
    from edge.sources.mqtt_connection import Delivery, MqttConnection

_LOOK_S = 0.2
_DIGEST_CHARACTERS = 12

TopicFilter = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00]+$")]


class MqttSubscriptionSettings(DecodedSourceSettings):
    """Configuration of a subscription; the broker keeps messages of QoS 1 and 2 for it while the agent is off."""

    kind: Literal["mqtt"] = "mqtt"
    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    topics: Annotated[tuple[TopicFilter, ...], Field(min_length=1, max_length=100)]
    """Filters, as ``zigbee2mqtt/+``."""
    protocol: Literal["5", "3.1.1"] = "5"
    client_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """By it the broker knows the session; None: made of the source's name. No other client may have the same."""
    username: str | None = None
    password_file: ConfiguredPath | None = None
    ca_file: ConfiguredPath | None = None
    """Certificates that the broker's must chain to; with it the connection is TLS."""
    keep_alive_s: Annotated[int, Field(ge=5, le=3600)] = 30
    session_s: Annotated[int, Field(ge=60, le=2**32 - 2)] = 7 * 86_400
    """How long the broker keeps messages for an agent that is off (MQTT 5; else it is the broker's to say)."""
    retained: Literal["ignore", "accept"] = "ignore"
    """What to do with retained messages at the subscription: such a value may be of any age, and would be taken as of
    now. "accept" where the state itself is wanted, as a device's availability."""
    most_bytes: Annotated[int, Field(ge=1, le=16 * 1024 * 1024)] = 1024 * 1024
    """Longest message that is decoded; a longer one is refused."""
    most_unaccepted: Annotated[int, Field(ge=1, le=1000)] = 100
    """Messages on their way to the spool at a time."""

    @field_validator("topics")
    @classmethod
    def _filters(cls, topics: tuple[str, ...]) -> tuple[str, ...]:
        for each in topics:
            levels = each.split("/")
            if "#" in "/".join(levels[:-1]) or any(("#" in x or "+" in x) and len(x) > 1 for x in levels):
                msg = f"'{each}' is not a topic filter: + and # stand for whole levels, # at the end only"
                raise ValueError(msg)
            if each.startswith("$share/"):
                msg = f"'{each}': a shared subscription has no order and no session of its own; subscribe plainly"
                raise ValueError(msg)
        return topics

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.password_file is not None and self.username is None:
            msg = "password_file needs username"
            raise ValueError(msg)
        return self

    @property
    def session_name(self) -> str:
        """The client id."""
        return self.client_id or f"smartstore-{self.name}"

    def build(self) -> MqttSubscription:
        """Return the source."""
        return MqttSubscription(self, self.reader())

    def password(self) -> str | None:
        """Return the password, read anew from its file.

        Raises
        ------
        SourceTroubleError
            It cannot be read.
        """
        try:
            return None if self.password_file is None else self.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            problem = f"the password cannot be read: {error}"
            raise SourceTroubleError(problem, "check the file that password_file names, and its rights") from error


class _Seen(NamedTuple):
    """A message of QoS 1 as the broker would deliver it again: its packet id, and a digest of topic and payload."""

    packet: int
    digest: str

    @classmethod
    def of(cls, delivery: Delivery) -> _Seen:
        content = delivery.topic.encode() + b"\0" + delivery.payload
        return cls(delivery.packet, hashlib.sha256(content).hexdigest()[:_DIGEST_CHARACTERS])


class MqttSubscription:
    """Yields what each message says, and acknowledges it when that is accepted.

    A position names the latest messages, so that one that was accepted, but whose acknowledgement never reached the
    broker, is known when the broker delivers it again: it is acknowledged, and not accepted twice.
    """

    def __init__(self, settings: MqttSubscriptionSettings, reader: PayloadReader) -> None:
        self._settings = settings
        self._reader = reader

    @property
    def name(self) -> str:
        """Name of the source."""
        return self._settings.name

    def keep(self, journal: Journal) -> None:
        """Use this journal from now on."""
        self._reader.keep(journal)

    def groups(self, position: str | None, stop: Event) -> Iterator[ReadingGroup]:
        """Yield a group a message until ``stop`` is set.

        Raises
        ------
        SourceTroubleError
            The broker cannot be reached, refuses, or the connection ends.
        """
        from edge.sources.mqtt_connection import ROOM, MqttConnection  # noqa: PLC0415 - loaded where it is used only

        # As many as the broker may have delivered without having our acknowledgements.
        accepted = _seen_of(position, self._settings.most_unaccepted + ROOM)
        with MqttConnection(self._settings, self._settings.password()) as connection:
            while not stop.is_set():
                delivery = connection.next(_LOOK_S)
                if delivery is not None:
                    yield from self._delivered(delivery, connection, accepted)

    def _delivered(
        self, delivery: Delivery, connection: MqttConnection, accepted: deque[_Seen]
    ) -> Iterator[ReadingGroup]:
        if delivery.retained and self._settings.retained == "ignore":
            connection.acknowledge(delivery)
            return
        if delivery.is_acknowledged_by_packet:
            seen = _Seen.of(delivery)
            if delivery.again and seen in accepted:
                connection.acknowledge(delivery)
                return
            accepted.append(seen)
        payload = self._read(delivery)
        if payload.is_empty:
            connection.acknowledge(delivery)
            return
        receipt = Receipt(lambda: connection.acknowledge(delivery))
        yield group([payload], " ".join(f"{each.packet}-{each.digest}" for each in accepted), receipt)

    def _read(self, delivery: Delivery) -> Payload:
        if len(delivery.payload) > self._settings.most_bytes:
            return self._reader.refused("too_long", f"the message is longer than {self._settings.most_bytes} bytes")
        return self._reader.arrived(delivery.payload, delivery.topic)


def _seen_of(position: str | None, most: int) -> deque[_Seen]:
    """Return the messages that a position names."""
    pairs = (each.partition("-") for each in (position or "").split())
    return deque((_Seen(int(packet), digest) for packet, _, digest in pairs if packet.isdecimal()), maxlen=most)
