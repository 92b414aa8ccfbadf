"""Wrong configurations fail at once and name the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.configuration import ConfigurationError, read_configuration
from edge.settings import EdgeSettings

GOOD = """
[agent]
id = "mall-7"

[broker]
host = "127.0.0.1"
port = 1883
password_file = "secret"

[spool]
path = "state/spool.db"

[[source]]
kind = "recording"
name = "doors"
path = "doors.csv"
map = "doors.toml"
"""


def read(folder: Path, text: str) -> EdgeSettings:
    config = folder / "edge.toml"
    config.write_text(text, encoding="utf-8")
    return read_configuration(config, EdgeSettings)


def test_a_good_file_gives_settings_with_paths_beside_it(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD)
    assert settings.spool.path == tmp_path / "state/spool.db"
    assert settings.broker.password_file == tmp_path / "secret"
    assert settings.uplink.window == 16
    (tmp_path / "secret").write_text("two words \n")
    assert settings.broker.password() == "two words "


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('id = "mall-7"', 'id = "Mall 7"', "agent.id"),
        ('id = "mall-7"', 'id = "ingest"', "agent.id"),
        ('host = "127.0.0.1"', 'host = "broker.example.com"', "broker.ca_file"),
        ('host = "127.0.0.1"', 'host = "192.168.1.20"', "broker.ca_file"),
        ("port = 1883", "port = 0", "broker.port"),
        ("port = 1883", "prot = 1883", "broker.prot"),
        ('path = "state/spool.db"', "", "spool.path"),
        ('path = "state/spool.db"', 'path = "s"\nmax_bytes = 3', "spool.max_bytes"),
        ('path = "state/spool.db"', 'path = "s"\nbatch_readings = 10001', "spool.batch_readings"),
        ('path = "state/spool.db"', 'path = "s"\n[uplink]\nwindow = 0', "uplink.window"),
        (
            'path = "state/spool.db"',
            'path = "s"\n[uplink]\nacknowledgement_timeout_s = inf',
            "acknowledgement_timeout_s",
        ),
        ('kind = "recording"', 'kind = "gramophone"', "source[0]"),
        ('map = "doors.toml"', "", "source[0].map"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, old: str, new: str, key: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigurationError, match=r"edge\.toml: ") as caught:
        read(tmp_path, GOOD.replace(old, new))
    assert key in str(caught.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_needs_no_tls(tmp_path: Path, host: str) -> None:
    assert read(tmp_path, GOOD.replace("127.0.0.1", host)).broker.ca_file is None


def test_beyond_this_machine_a_ca_file_is_enough(tmp_path: Path) -> None:
    text = GOOD.replace('host = "127.0.0.1"', 'host = "broker.example.com"\nca_file = "ca.pem"')
    assert read(tmp_path, text).broker.ca_file == tmp_path / "ca.pem"


def test_two_sources_of_one_name_are_refused(tmp_path: Path) -> None:
    source = GOOD[GOOD.index("[[source]]") :]
    with pytest.raises(ConfigurationError, match="more than once: doors"):
        read(tmp_path, GOOD + source)


@pytest.mark.parametrize("text", ["[agent", "\ud800"])
def test_what_is_no_toml_is_named(tmp_path: Path, text: str) -> None:
    config = tmp_path / "edge.toml"
    config.write_bytes(text.encode("utf-8", errors="surrogatepass"))
    with pytest.raises(ConfigurationError, match="not TOML"):
        read_configuration(config, EdgeSettings)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_configuration(tmp_path / "none.toml", EdgeSettings)


RULE = """
[[source.report]]
mode = "on_change"
quantity = "temperature"
device = "fridge-*"
dead_band = 0.2
at_least_every_s = 900
priority = "high"

[[report]]
mode = "window"
quantity = "carbon_dioxide"
window_s = 300
"""


def test_report_rules_of_a_source_and_of_the_file(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD + 'priority = "high"\n' + RULE)
    (source,) = settings.source
    assert source.priority == "high"
    assert [(rule.mode, rule.device, rule.channel) for rule in source.report] == [("on_change", "fridge-*", "*")]
    assert [(rule.mode, rule.quantity) for rule in settings.report] == [("window", "carbon_dioxide")]
    assert read(tmp_path, GOOD).source[0].report == ()


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ('quantity = "temperature"', 'quantity = "entries"', "source[0].report[0].quantity", "every reading counts"),
        ('quantity = "temperature"', 'quantity = "active_energy"', "source[0].report[0].quantity", "cumulative"),
        ('quantity = "temperature"', 'quantity = "warmth"', "source[0].report[0].quantity", "temperature"),
        ('quantity = "temperature"', 'quantity = "bay_occupied"', "source[0].report[0].dead_band", "no dead band"),
        ("dead_band = 0.2", "dead_band = -0.2", "source[0].report[0].dead_band", "greater"),
        ("at_least_every_s = 900", "", "source[0].report[0].at_least_every_s", "required"),
        ("at_least_every_s = 900", "at_least_every_s = 0", "source[0].report[0].at_least_every_s", "greater"),
        ('priority = "high"', 'priority = "urgent"', "source[0].report[0].priority", "high"),
        ('quantity = "carbon_dioxide"', 'quantity = "exits"', "report[0].quantity", "every reading counts"),
        ('quantity = "carbon_dioxide"', 'quantity = "door_open"', "report[0].quantity", "state"),
        ("window_s = 300", "dead_band = 3", "report[0].window_s", "required"),
        ('mode = "window"', 'mode = "median"', "report[0]", "on_change"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_naming_the_key(
    tmp_path: Path, old: str, new: str, key: str, words: str
) -> None:
    assert old in RULE
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, GOOD + RULE.replace(old, new))
    assert f": {key}: " in str(caught.value)
    assert words in str(caught.value)
