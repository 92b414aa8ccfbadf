"""Labels and scales known by a MAC address alone need a name in the options, each one of its own."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from edge.decoders.decoder import Arrival, PayloadRefusedError
from edge.decoders.registry import DECODERS

SCALE = {"device": "shelf-a", "channel": "position-3"}


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("solum", {"device": "aims", "labels": {"0AF4D1C0B291": 7, "0A:F4:D1:C0:B2:91": 8}}, "stands once"),
        ("solum", {"device": "aims", "labels": {"0AF4D1C0B291": 7, "0758892BB696": 7}}, "a number of its own"),
        ("solum", {"device": "aims", "labels": {"0AF4D1C0B291": 32_768}}, "less than 32768"),
        ("homie_shelf", {"scales": {"493037D20E1B": SCALE, "49:30:37:D2:0E:1B": SCALE | {"channel": "4"}}}, "once"),
        ("homie_shelf", {"scales": {"493037D20E1B": SCALE, "AABBCCDDEEFF": SCALE}}, "channel of its own"),
        ("homie_shelf", {"scales": {}}, "at least 1"),
    ],
)
def test_a_name_that_two_would_share_is_refused(name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        DECODERS[name].configured(options)


@pytest.mark.parametrize("name", ["xovis", "hanshow", "solum", "open_epaper_link", "xibo", "rtsf_checkout"])
def test_a_device_without_an_identity_must_be_named(name: str) -> None:
    with pytest.raises(ValidationError, match="device"):
        DECODERS[name].configured({})


@pytest.mark.parametrize(
    ("name", "options", "key"),
    [
        ("xovis", {"device": "customer-entrance"}, "device"),
        ("zigbee2mqtt", {"device": "24:E1:24:FF:39:20"}, "device"),
        ("homie_shelf", {"scales": {"493037D20E1B": {"device": "shelf", "channel": "face-3"}}}, "scales.*channel"),
        ("irisys_vector", {"registers": {0: {"quantity": "entries", "channel": "children"}}}, "registers.*channel"),
    ],
)
def test_a_name_that_the_deny_list_would_stop_later_is_a_wrong_setting(
    name: str, options: dict[str, Any], key: str
) -> None:
    with pytest.raises(ValidationError, match=rf"(?s){key}.*deny-list of personal data stops"):
        DECODERS[name].configured(options)


@pytest.mark.parametrize("topic", ["person-counter", "a-24:E1-24:FF:39-20"])
def test_a_name_in_a_topic_that_the_deny_list_would_stop_is_refused_with_what_to_do(topic: str) -> None:
    with pytest.raises(PayloadRefusedError, match="name it in the decoder's options"):
        DECODERS["zigbee2mqtt"].configured({})(Arrival(b'{"temperature": 4}', 0, f"zigbee2mqtt/{topic}"))


def test_a_channel_of_a_shelly_is_counted_in_plain_digits() -> None:
    """Digits of other scripts are none: a series cannot be named by them."""
    decoded = DECODERS["shelly"].configured({"device": "plug"})(Arrival(b'{"apower": 1}', 0, "a/status/switch:\uff10"))
    assert decoded.readings == ()
