"""The kinds of sources by the word that ``kind`` takes, each imported when a configuration has such a source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Protocol

from pydantic import PlainValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from edge.on_demand import OnDemand
from edge.reporting.rule import Reported, ReportedSource
from edge.sources.source import Source

KINDS: OnDemand[type[ReportedSource]] = OnDemand(
    {
        "mqtt": "edge.sources.mqtt_subscription:MqttSubscriptionSettings",
        "http_push": "edge.sources.http_push:HttpPushSettings",
        "http_poll": "edge.sources.http_poll:HttpPollSettings",
        "hikvision_alert_stream": "edge.sources.alert_stream:AlertStreamSettings",
        "modbus_poll": "edge.sources.modbus_poll:ModbusPollSettings",
        "dlt645_poll": "edge.sources.dlt645_poll:Dlt645PollSettings",
        "bacnet_poll": "edge.sources.bacnet_poll:BacnetPollSettings",
        "file_tail": "edge.sources.file_tail:FileTailSettings",
        "recording": "edge.sources.recording:RecordingSettings",
        "simulated_store": "edge.sources.simulated_store:SimulatedStoreSettings",
    }
)
"""Models of the kinds."""


class ConfiguredSource(Reported, Protocol):
    """What the models of all kinds have in common."""

    @property
    def kind(self) -> str:
        """The word by which its kind is found."""

    @property
    def name(self) -> str:
        """Name of the source."""

    def build(self) -> Source:
        """Return the source."""


def _of_its_kind(table: Any, info: ValidationInfo) -> Any:
    """Return the settings that a ``[[source]]`` table holds; those that were checked before are left as they are."""
    if isinstance(table, ReportedSource):
        return table
    kind = table.get("kind") if isinstance(table, Mapping) else None
    if not isinstance(kind, str) or kind not in KINDS:
        message = "kind must be one of {known}"
        raise PydanticCustomError("source_kind", message, {"known": ", ".join(KINDS)})
    return KINDS[kind].model_validate(table, context=info.context)


SourceSettings = Annotated[ConfiguredSource, PlainValidator(_of_its_kind)]
"""A ``[[source]]`` table: the settings of its kind."""
