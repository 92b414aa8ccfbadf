"""The decoders that the agent knows: the project's own, and those that an installed package adds by an entry point."""

from __future__ import annotations

from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any

from edge.decoders.axis import AXIS_3D_PEOPLE_COUNTER, AXIS_OBJECT_ANALYTICS, AXIS_PEOPLE_COUNTER
from edge.decoders.bosch_parking import TPS110
from edge.decoders.decoder import Decoder
from edge.decoders.dlt645 import DLT645
from edge.decoders.hanshow import HANSHOW
from edge.decoders.hanwha import HANWHA_PEOPLE_COUNT
from edge.decoders.hikvision import HIKVISION_PEOPLE_COUNTING
from edge.decoders.homie_shelf import HOMIE_SHELF
from edge.decoders.imbuildings import IMBUILDINGS
from edge.decoders.irisys import IRISYS_VECTOR
from edge.decoders.json_map import JSON_MAP
from edge.decoders.milesight_counters import VS121, VS133, VS350, VS360
from edge.decoders.milesight_json import VS121_P, VS125
from edge.decoders.milesight_level import EM400
from edge.decoders.milesight_power import CT101, WS523
from edge.decoders.milesight_sensors import AM319, EM300
from edge.decoders.modbus_map import MODBUS_MAP
from edge.decoders.open_epaper_link import OPEN_EPAPER_LINK
from edge.decoders.rtsf_checkout import RTSF_CHECKOUT
from edge.decoders.shelly import SHELLY
from edge.decoders.solum import SOLUM
from edge.decoders.tasmota import TASMOTA
from edge.decoders.terabee import TERABEE
from edge.decoders.xibo import XIBO
from edge.decoders.xovis import XOVIS
from edge.decoders.zigbee2mqtt import ZIGBEE2MQTT

ENTRY_POINTS = "smartstore.decoders"
"""Group of entry points, each naming a ``Decoder``."""

TRAPS = (
    "counter kinds in one message",
    "16-bit wrap",
    "32-bit wrap",
    "reboot",
    "scheduled reset",
    "commanded reset",
    "numbers as strings",
    "mixed units",
    "absent is not zero",
    "group and person events",
    "inverted mounting",
    "late history",
    "frozen device clock",
    "repeated local hour",
    "personal fields dropped",
)
"""The traps that recur in devices' payloads; each is met by a case of at least one decoder."""

_OWN: tuple[Decoder[Any], ...] = (
    AXIS_3D_PEOPLE_COUNTER,
    AXIS_OBJECT_ANALYTICS,
    AXIS_PEOPLE_COUNTER,
    HANWHA_PEOPLE_COUNT,
    HIKVISION_PEOPLE_COUNTING,
    IRISYS_VECTOR,
    DLT645,
    HANSHOW,
    HOMIE_SHELF,
    JSON_MAP,
    MODBUS_MAP,
    OPEN_EPAPER_LINK,
    RTSF_CHECKOUT,
    SHELLY,
    SOLUM,
    TASMOTA,
    XIBO,
    XOVIS,
    ZIGBEE2MQTT,
    TPS110,
    IMBUILDINGS,
    VS121,
    VS133,
    VS350,
    VS360,
    VS121_P,
    VS125,
    EM400,
    CT101,
    WS523,
    AM319,
    EM300,
    TERABEE,
)


def discovered() -> dict[str, Decoder[Any]]:
    """Return every decoder by name: those here, and those of installed packages.

    Raises ``TypeError`` where an entry point names something else, ``ValueError`` where two have one name.
    """
    added = [point.load() for point in entry_points(group=ENTRY_POINTS)]
    found: dict[str, Decoder[Any]] = {}
    for decoder in (*_OWN, *added):
        if not isinstance(decoder, Decoder):
            msg = f"entry point group {ENTRY_POINTS}: {decoder!r} is not a Decoder"
            raise TypeError(msg)
        if decoder.name in found:
            msg = f"two decoders are named '{decoder.name}'"
            raise ValueError(msg)
        found[decoder.name] = decoder
    return found


DECODERS = MappingProxyType(discovered())
"""Decoders by name."""


def table() -> str:
    """Return the decoders as a table in Markdown, for the handbook."""
    rows = [f"| `{name}` | {DECODERS[name].title} | {DECODERS[name].made_from} |" for name in sorted(DECODERS)]
    return "\n".join(["| decoder | devices | made from |", "| --- | --- | --- |", *rows])
