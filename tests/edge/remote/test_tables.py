"""What the platform may say, and what it may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge.broker_settings import BrokerSettings
from edge.configuration import ConfigurationError
from edge.remote.tables import laid_over, local_tables
from edge.settings import AgentSettings, EdgeSettings, SpoolSettings, UplinkSettings
from edge.sources.recording import RecordingSettings


@pytest.fixture
def local(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "secrets").mkdir()
    return local_tables(
        EdgeSettings(
            agent=AgentSettings(id="shop-1"),
            broker=BrokerSettings(host="localhost", password_file=tmp_path / "secrets" / "broker"),
            spool=SpoolSettings(path=Path("conf/spool.db"), max_age_s=5.0, batch_readings=7),
            uplink=UplinkSettings(window=3),
            source=(RecordingSettings(name="local", path=Path("a.csv"), map=Path("a.toml")),),
        )
    )


def test_nothing_said_is_the_local_file(local: dict[str, Any], tmp_path: Path) -> None:
    settings = laid_over(local, "", tmp_path)
    assert local_tables(settings) == local


def test_single_keys_of_spool_and_uplink_and_all_sources(local: dict[str, Any], tmp_path: Path) -> None:
    text = (
        "[spool]\nmax_age_s = 9\n[uplink]\nbacklog_batches_per_s = 4\n"
        '[[source]]\nkind = "recording"\nname = "r"\npath = "r.csv"\nmap = "sub/m.toml"\n'
        '[[report]]\nmode = "on_change"\nquantity = "temperature"\ndead_band = 0.5\nat_least_every_s = 600\n'
    )
    settings = laid_over(local, text, tmp_path)
    assert (settings.spool.max_age_s, settings.spool.batch_readings) == (9.0, 7)
    assert settings.spool.path == Path("conf/spool.db")
    assert (settings.uplink.backlog_batches_per_s, settings.uplink.window) == (4.0, 3)
    (source,) = settings.source
    assert isinstance(source, RecordingSettings)
    assert (source.path, source.map) == (tmp_path / "r.csv", tmp_path / "sub/m.toml")
    assert len(settings.report) == 1
    assert (settings.agent, settings.broker) == (local["agent"], local["broker"])


RECORDING = '[[source]]\nkind = "recording"\nname = "r"\npath = "{path}"\nmap = "m.toml"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("= 5", "not TOML"),
        ('[agent]\nid = "other"', "agent: the platform sets"),
        ('[broker]\nhost = "elsewhere"', "broker: the platform sets"),
        ("[remote_configuration]\nenabled = true", "remote_configuration: the platform sets"),
        ('[enrolment]\nhost = "elsewhere"', "enrolment: the platform sets"),
        ('[spool]\npath = "elsewhere"', "the spool stays where it is"),
        ("spool = 5", "must be a table"),
        ("[uplink]\nwindow = 0", "configuration: uplink.window"),
        ("[uplink]\nwindows = 5", "configuration: uplink.windows"),
        ("source = []", "configuration: source"),
        ('[[source]]\nkind = "none"', "configuration: source[0]"),
        (RECORDING.format(path="r.csv") * 2, "different names"),
        (RECORDING.format(path="/etc/passwd"), "in the folder of the agent"),
        (RECORDING.format(path="../r.csv"), "in the folder of the agent"),
        (RECORDING.format(path="secrets/broker"), "the agent's own credential"),
        (RECORDING.format(path="secrets/broker.waiting"), "the agent's own credential"),
        (RECORDING.format(path="x/../secrets/broker"), "the agent's own credential"),
        (RECORDING.format(path="r.csv").replace('"r"', '"24:E1:24:FF:39:20"'), "personal data: (mac address)"),
        (RECORDING.format(path="QUJD" * 60), "personal data: (blob)"),
        (RECORDING.format(path="r.csv").replace('"r"', '"-----BEGIN PRIVATE KEY"'), "a key or certificate"),
        (RECORDING.format(path="r.csv") + 'password = "secret"\n', "source[0].password"),
    ],
)
def test_what_may_not_be_said_is_named(local: dict[str, Any], tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        laid_over(local, text, tmp_path)
    assert said in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_a_link_out_of_the_folder_is_followed(local: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "r.csv").symlink_to("/etc/passwd")
    with pytest.raises(ConfigurationError, match="in the folder"):
        laid_over(local, RECORDING.format(path="r.csv"), tmp_path)


def test_a_device_s_password_is_used_and_never_read_as_data(local: dict[str, Any], tmp_path: Path) -> None:
    push = (
        '[[source]]\nkind = "http_push"\nname = "p"\ndecoder = "hikvision_people_counting"\nport = 8100\n'
        'authentication = "digest"\nusername = "u"\npassword_file = "secrets/camera"\n'
        '[source.options]\ndevice = "cam-1"\n'
    )
    assert laid_over(local, push, tmp_path).source[0].name == "p"
    with pytest.raises(ConfigurationError, match="holds a secret"):
        laid_over(local, push + RECORDING.format(path="secrets/camera"), tmp_path)
