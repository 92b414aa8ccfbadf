"""What the examination says of the platform's configurations, and which settings it goes on with."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.broker_settings import BrokerSettings
from edge.onboarding.examination import Patience, examined
from edge.onboarding.finding import Finding, Grade
from edge.onboarding.remote_checks import in_force
from edge.remote.held import Held, HeldFile
from edge.settings import AgentSettings, EdgeSettings, RemoteConfigurationSettings, SpoolSettings
from edge.sources.simulated_store import SimulatedStoreSettings
from edge.wire.configuration import Configuration

AT_US = 1_778_464_800_000_000  # 2026-05-11T02:00:00Z
STORE = "sim-store-a"


def document(number: int, *names: str, toml: str | None = None) -> Configuration:
    text = "".join(
        f'[[source]]\nkind = "simulated_store"\nname = "{name}"\nstore = "{STORE}"\nfollow = true\n' for name in names
    )
    return Configuration(number=number, issued_us=5, toml=text if toml is None else toml)


@pytest.fixture
def local(tmp_path: Path) -> EdgeSettings:
    return EdgeSettings(
        agent=AgentSettings(id="shop-1"),
        broker=BrokerSettings(host="localhost"),
        spool=SpoolSettings(path=tmp_path / "spool.db"),
        source=(SimulatedStoreSettings(name="local", store=STORE, follow=True),),
    )


def kept(local: EdgeSettings, *states: Held) -> None:
    """Write states one after the other, an hour apart."""
    ticks = iter(range(AT_US, AT_US + 10 * 3_600_000_000, 3_600_000_000))
    file = HeldFile(local.spool.path, lambda: next(ticks))
    for state in states:
        file.write(state)


def found(local: EdgeSettings) -> tuple[list[str], list[Finding]]:
    settings, findings = in_force(local, local.spool.path.with_name("agent.toml"))
    return [source.name for source in settings.source], findings


def test_where_nothing_was_sent_nothing_is_said(local: EdgeSettings) -> None:
    assert found(local) == (["local"], [])


def test_a_trial_and_its_end(local: EdgeSettings) -> None:
    trial = Held().trying(document(5, "remote"))
    kept(local, trial, trial.started(1), trial.started(2))
    names, (finding,) = found(local)
    assert (names, finding.check, finding.grade) == (["remote"], "remote_configuration", Grade.OK)
    assert finding.text.en == "number 5: on trial since 2026-05-11T02:00:00+00:00"
    kept(local, trial, trial.started(1), trial.proved())
    names, (finding,) = found(local)
    assert (names, finding.grade) == (["remote"], Grade.OK)
    assert finding.text.en == "number 5: applied since 2026-05-11T03:00:00+00:00"
    assert finding.text.zh == "编号 5：自 2026-05-11T03:00:00+00:00 起已生效"


def test_one_that_was_rolled_back_warns_says_what_runs_and_what_to_do(local: EdgeSettings) -> None:
    good = Held().trying(document(4, "good")).proved()
    kept(local, good, good.trying(document(5, "remote")).taken_back("source remote has not worked: no route to host"))
    names, (finding,) = found(local)
    assert (names, finding.grade) == (["good"], Grade.WARNING)
    assert finding.text.en == (
        "number 5: rolled back since 2026-05-11T03:00:00+00:00"
        " (source remote has not worked: no route to host); in force: number 4"
    )
    assert "已回退" in finding.text.zh
    assert "现行：编号 4" in finding.text.zh
    assert finding.fix is not None
    assert "that the device is on" in finding.fix.en
    assert "请检查设备已开机" in finding.fix.zh


def test_one_that_was_refused_warns(local: EdgeSettings) -> None:
    kept(local, Held().refusing(document(5, toml="colour = 1"), "configuration: colour: the platform sets source"))
    names, (finding,) = found(local)
    assert (names, finding.grade) == (["local"], Grade.WARNING)
    assert "refused since" in finding.text.en
    assert "colour" in finding.text.en
    assert finding.text.en.endswith("in force: the local file alone")
    assert finding.fix is not None
    assert "corrected" in finding.fix.en


def test_one_that_does_not_go_with_the_local_file_any_more(local: EdgeSettings) -> None:
    kept(local, Held().trying(document(5, toml="[spool]\nmax_bytes = 5\n")).proved())
    names, (applied, unusable) = found(local)
    assert (names, applied.grade, unusable.grade) == (["local"], Grade.OK, Grade.WARNING)
    assert "number 5" in unusable.text.en
    assert "spool.max_bytes" in unusable.text.en


def test_an_agent_that_is_not_to_be_configured_from_afar(local: EdgeSettings) -> None:
    kept(local, Held().trying(document(5, "remote")).proved())
    off = local.model_copy(update={"remote_configuration": RemoteConfigurationSettings(enabled=False)})
    assert found(off) == (["local"], [])


@pytest.mark.parametrize("content", ["", "{", '{"good": 5}', "\0"])
def test_a_damaged_file_is_a_warning(local: EdgeSettings, content: str) -> None:
    local.spool.path.with_name("spool.db.configuration.json").write_text(content)
    names, (finding,) = found(local)
    assert (names, finding.grade) == (["local"], Grade.WARNING)
    assert "damaged" in finding.text.en
    assert "文件已损坏" in finding.text.zh


def test_a_file_of_the_release_before_has_no_date(local: EdgeSettings) -> None:
    held = Held().trying(document(5, "remote")).proved()
    text = held.model_dump_json(exclude={"reported_us"})
    local.spool.path.with_name("spool.db.configuration.json").write_text(text)
    names, (finding,) = found(local)
    assert (names, finding.text.en) == (["remote"], "number 5: applied since -")


def test_a_report_that_stays_keeps_its_date_over_restarts(local: EdgeSettings) -> None:
    held = Held().trying(document(5, "remote"))
    HeldFile(local.spool.path, lambda: AT_US).write(held)
    again = HeldFile(local.spool.path, lambda: AT_US + 1)
    again.write(again.read().started(1))
    assert again.kept().reported_us == AT_US
    again.write(again.kept().proved())
    assert again.kept().reported_us == AT_US + 1


def test_the_examination_looks_at_the_sources_that_the_agent_runs(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(
        '[agent]\nid = "shop-1"\n[broker]\nhost = "127.0.0.1"\nport = 9\n[spool]\npath = "spool.db"\n'
        f'[[source]]\nkind = "simulated_store"\nname = "local"\nstore = "{STORE}"\nfollow = true\n'
    )
    kept_days = f'[[source]]\nkind = "simulated_store"\nname = "remote"\nstore = "{STORE}"\ndays = [2026-05-04]\n'
    HeldFile(tmp_path / "spool.db").write(Held().trying(document(5, toml=kept_days)).proved())
    checks = [finding.check for finding in examined(config, Patience("", 1.0, 1.0))]
    assert "remote_configuration" in checks
    assert [check for check in checks if check.startswith("source.")] == ["source.remote"]
