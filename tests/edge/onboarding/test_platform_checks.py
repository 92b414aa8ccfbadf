"""What broker and ingest say to an agent, against a real broker; and that asking leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from edge_tools.fake_ingest import FakeIngest, fake_ingest, wanting
from edge_tools.running import AGENT, edge_settings
from standalone.broker import PrivateBroker

from edge.onboarding import platform_checks
from edge.onboarding.finding import Finding, Grade
from edge.onboarding.platform_checks import platform_findings


def found(broker: PrivateBroker, tmp_path: Path, answer_s: float = 5.0) -> dict[str, Finding]:
    return {each.check: each for each in platform_findings(edge_settings(tmp_path, broker), answer_s)}


@pytest.fixture
def nobody_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less where nothing can come."""
    monkeypatch.setattr(platform_checks, "_STATES_WITHIN_S", 0.1)


def answering(ingest: FakeIngest) -> None:
    ingest.answer = lambda batch, _sha256: wanting(batch)


def test_an_agent_that_may_do_all_and_is_answered(broker: PrivateBroker, tmp_path: Path) -> None:
    broker.add_user(AGENT)
    with fake_ingest(broker) as ingest:
        answering(ingest)
        findings = found(broker, tmp_path)
        assert ingest.ledger == {}
        assert ingest.presence == []
    assert {check: each.grade for check, each in findings.items() if check != "clock"} == {
        "credentials": Grade.OK,
        "rights": Grade.OK,
        "ingest": Grade.OK,
    }
    assert findings["clock"].grade is Grade.WRONG  # the test's ingest answers as of 1970


def test_a_wrong_password_is_told(broker: PrivateBroker, tmp_path: Path) -> None:
    broker.add_user(AGENT)
    settings = edge_settings(tmp_path, broker)
    assert settings.broker.password_file is not None
    settings.broker.password_file.write_text("another")
    (finding,) = platform_findings(settings, 5)
    assert (finding.check, finding.grade) == ("credentials", Grade.WRONG)
    assert finding.fix is not None
    assert "broker.password_file" in finding.fix.en


def test_a_password_file_that_is_not_there_is_told(broker: PrivateBroker, tmp_path: Path) -> None:
    broker.add_user(AGENT)
    settings = edge_settings(tmp_path, broker)
    assert settings.broker.password_file is not None
    settings.broker.password_file.unlink()
    (finding,) = platform_findings(settings, 5)
    assert (finding.check, finding.grade) == ("credentials", Grade.WRONG)
    assert "cannot be read" in finding.text.en


@pytest.mark.usefixtures("nobody_speaks")
def test_without_an_ingest_worker_the_agent_is_warned(broker: PrivateBroker, tmp_path: Path) -> None:
    broker.add_user(AGENT)
    findings = found(broker, tmp_path)
    assert findings["rights"].grade is Grade.OK
    assert findings["ingest"].grade is Grade.WARNING


def test_an_answer_that_does_not_arrive_is_wrong(broker: PrivateBroker, tmp_path: Path) -> None:
    broker.add_user(AGENT)
    with fake_ingest(broker, lambda _batch, _sha256: None):
        finding = found(broker, tmp_path, answer_s=1.0)["ingest"]
    assert finding.grade is Grade.WRONG
    assert finding.fix is not None
    assert f"smartstore/v1/{AGENT}/ack" in finding.fix.en


@pytest.mark.usefixtures("nobody_speaks")
def test_topics_that_the_access_list_denies_are_named(broker: PrivateBroker, tmp_path: Path) -> None:
    broker.add_user(AGENT)
    broker.stop()
    access = broker.folder / "access"
    original = broker._write_users

    def without_batch() -> None:
        original()
        broker._write("access", access.read_text().replace("pattern write smartstore/v1/%u/batch\n", ""))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(broker, "_write_users", without_batch)
        broker.start()
    finding = found(broker, tmp_path)["rights"]
    assert finding.grade is Grade.WRONG
    assert f"smartstore/v1/{AGENT}/batch" in finding.text.en
    assert "birth" not in finding.text.en
