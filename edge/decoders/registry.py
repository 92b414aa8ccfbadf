"""The decoders that the agent knows: the project's own, and those that an installed package adds by an entry point."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from edge.decoders.decoder import Decoder
from edge.on_demand import OnDemand

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

_OWN = {
    "axis_3d_people_counter": "edge.decoders.axis:AXIS_3D_PEOPLE_COUNTER",
    "axis_object_analytics": "edge.decoders.axis:AXIS_OBJECT_ANALYTICS",
    "axis_people_counter": "edge.decoders.axis:AXIS_PEOPLE_COUNTER",
    "hanwha_people_count": "edge.decoders.hanwha:HANWHA_PEOPLE_COUNT",
    "hikvision_people_counting": "edge.decoders.hikvision:HIKVISION_PEOPLE_COUNTING",
    "irisys_vector": "edge.decoders.irisys:IRISYS_VECTOR",
    "dlt645": "edge.decoders.dlt645:DLT645",
    "hanshow": "edge.decoders.hanshow:HANSHOW",
    "homie_shelf": "edge.decoders.homie_shelf:HOMIE_SHELF",
    "bacnet_map": "edge.decoders.bacnet_map:BACNET_MAP",
    "json_map": "edge.decoders.json_map:JSON_MAP",
    "modbus_map": "edge.decoders.modbus_map:MODBUS_MAP",
    "open_epaper_link": "edge.decoders.open_epaper_link:OPEN_EPAPER_LINK",
    "rtsf_checkout": "edge.decoders.rtsf_checkout:RTSF_CHECKOUT",
    "shelly": "edge.decoders.shelly:SHELLY",
    "solum": "edge.decoders.solum:SOLUM",
    "tasmota": "edge.decoders.tasmota:TASMOTA",
    "xibo": "edge.decoders.xibo:XIBO",
    "xovis": "edge.decoders.xovis:XOVIS",
    "zigbee2mqtt": "edge.decoders.zigbee2mqtt:ZIGBEE2MQTT",
    "bosch_tps110": "edge.decoders.bosch_parking:TPS110",
    "imbuildings_people_counter": "edge.decoders.imbuildings:IMBUILDINGS",
    "milesight_vs121": "edge.decoders.milesight_counters:VS121",
    "milesight_vs133": "edge.decoders.milesight_counters:VS133",
    "milesight_vs350": "edge.decoders.milesight_counters:VS350",
    "milesight_vs360": "edge.decoders.milesight_counters:VS360",
    "milesight_vs121_p": "edge.decoders.milesight_json:VS121_P",
    "milesight_vs125": "edge.decoders.milesight_json:VS125",
    "milesight_em400": "edge.decoders.milesight_level:EM400",
    "milesight_ct101": "edge.decoders.milesight_power:CT101",
    "milesight_ws523": "edge.decoders.milesight_power:WS523",
    "milesight_am319": "edge.decoders.milesight_sensors:AM319",
    "milesight_em300": "edge.decoders.milesight_sensors:EM300",
    "terabee_people_flow": "edge.decoders.terabee:TERABEE",
}
"""Where each of the project's own is, by its name."""


def discovered() -> Mapping[str, Decoder[Any]]:
    """Return every decoder by name: those of installed packages, and the project's own, imported when one is used.

    Raises ``TypeError`` where an entry point names something else, ``ValueError`` where two have one name.
    """
    added: dict[str, Decoder[Any]] = {}
    for decoder in (point.load() for point in entry_points(group=ENTRY_POINTS)):
        if not isinstance(decoder, Decoder):
            msg = f"entry point group {ENTRY_POINTS}: {decoder!r} is not a Decoder"
            raise TypeError(msg)
        if decoder.name in _OWN or decoder.name in added:
            msg = f"two decoders are named '{decoder.name}'"
            raise ValueError(msg)
        added[decoder.name] = decoder
    return OnDemand(_OWN, added)


DECODERS = discovered()
"""Decoders by name."""


def table() -> str:
    """Return the decoders as a table in Markdown, for the handbook."""
    rows = [f"| `{name}` | {DECODERS[name].title} | {DECODERS[name].made_from} |" for name in sorted(DECODERS)]
    return "\n".join(["| decoder | devices | made from |", "| --- | --- | --- |", *rows])
