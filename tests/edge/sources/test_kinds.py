"""Every kind of source is found by its word, and an agent imports those that it is configured to use."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from edge.configuration import ConfigurationError, read_configuration
from edge.settings import EdgeSettings
from edge.sources.kinds import KINDS

AGENT = '[agent]\nid = "a"\n[broker]\nhost = "127.0.0.1"\n[spool]\npath = "s"\n'
LOADED = """
import json, sys
from pathlib import Path
import edge.cli
from edge.configuration import read_configuration
from edge.settings import EdgeSettings
read_configuration(Path(sys.argv[1]), EdgeSettings)
print(json.dumps(sorted(name for name in sys.modules if name.startswith("edge."))))
"""


def test_every_kind_is_found_under_the_word_that_its_table_takes() -> None:
    assert {word: get_args(model.model_fields["kind"].annotation) for word, model in KINDS.items()} == {
        word: (word,) for word in KINDS
    }
    assert all(callable(getattr(model, "build", None)) for model in KINDS.values())


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        ('kind = "gramophone"', r"source\[0\]: kind must be one of mqtt, .*simulated_store"),
        ('name = "a"', r"source\[0\]: kind must be one of mqtt"),
        ("kind = [1]", r"source\[0\]: kind must be one of mqtt"),
        ('kind = "recording"', r"source\[0\]\.name: Field required"),
        ('kind = "recording"\nname = "a"\npath = "p"\nmap = "m"\ncolour = 1', r"source\[0\]\.colour: Extra inputs"),
    ],
)
def test_a_wrong_source_is_named_with_what_is_wrong(tmp_path: Path, table: str, wrong: str) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(f"{AGENT}[[source]]\n{table}\n")
    with pytest.raises(ConfigurationError, match=wrong):
        read_configuration(config, EdgeSettings)


def test_a_source_that_is_no_table_is_named(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(f"source = [1]\n{AGENT}")
    with pytest.raises(ConfigurationError, match=r"source\[0\]: kind must be one of mqtt"):
        read_configuration(config, EdgeSettings)


def test_an_agent_imports_the_kinds_and_decoders_that_it_is_configured_to_use(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    source = '[[source]]\nkind = "http_push"\nname = "a"\nport = 80\ndecoder = "hanshow"\n'
    config.write_text(f'{AGENT}{source}options.device = "d"\n')
    done = subprocess.run([sys.executable, "-c", LOADED, str(config)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded: list[Any] = json.loads(done.stdout)
    assert {"edge.sources.http_push", "edge.decoders.hanshow"} <= set(loaded)
    needless = ("simulator", "onboarding", "enrolment", "sources.modbus", "sources.recording", "decoders.xovis")
    assert [name for name in loaded if name.removeprefix("edge.").startswith(needless)] == []
