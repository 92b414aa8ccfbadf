"""The examination over TLS, against a real broker with a password file and an access list: each fault by its name."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from edge_tools.fake_ingest import fake_ingest, wanting
from edge_tools.running import AGENT
from fault_tools.tls_broker import Authority, TlsBroker
from standalone.data_folder import scratch_folder

from edge.onboarding import platform_checks
from edge.onboarding.examination import Patience, examined
from edge.onboarding.finding import Finding, Grade

PATIENCE = Patience("", 5.0, 0.2)


class Place:
    """A broker that speaks TLS, another authority, and the files of an agent."""

    def __init__(self, folder: Path) -> None:
        self.first, self.other = (Authority(folder / "certificates", name) for name in ("first", "other"))
        (folder / "certificates").chmod(0o755)
        self.broker = TlsBroker(folder / "broker", {"ingest": secrets.token_urlsafe(24)}, self.first)
        self.broker.start()
        self.broker.add_user(AGENT)
        self.password_file, self.ca_file = folder / "password", folder / "broker-ca.pem"
        shutil.copy(self.broker.password_file(AGENT), self.password_file)
        shutil.copy(self.first.certificate, self.ca_file)
        self.config = folder / "agent.toml"
        self.config.write_text(
            f'[agent]\nid = "{AGENT}"\n[broker]\nhost = "{self.broker.host}"\nport = {self.broker.port}\n'
            f'password_file = "password"\nca_file = "broker-ca.pem"\n[spool]\npath = "spool.db"\n'
            '[[source]]\nkind = "simulated_store"\nname = "trial"\nstore = "sim-store-a"\ndays = [2026-05-04]\n'
        )

    def findings(self) -> dict[str, Finding]:
        return {finding.check: finding for finding in examined(self.config, PATIENCE)}

    def have_access(self, change: Callable[[str], str]) -> None:
        """Have the running broker hold another access list."""
        access = (self.broker.folder / "access").read_text()
        assert change(access) != access
        self.broker._write("access", change(access))
        self.broker.reload()


@pytest.fixture
def place() -> Iterator[Place]:
    with scratch_folder("doctor-over-tls") as folder:
        place = Place(folder)
        yield place
        place.broker.stop()


def wrong_ca(place: Place) -> None:
    shutil.copy(place.other.certificate, place.ca_file)


def another_authoritys_certificate(place: Place) -> None:
    place.broker.stop()
    place.broker.authority = place.other
    place.broker.start()


def expired(place: Place) -> None:
    place.first.issue(-20, -10)
    place.broker.restart()


def not_valid_yet(place: Place) -> None:
    place.first.issue(10, 20)
    place.broker.restart()


def ends_soon(place: Place) -> None:
    place.first.issue(-80, 10)
    place.broker.restart()


def wrong_password(place: Place) -> None:
    place.password_file.write_text("another\n")


def revoked(place: Place) -> None:
    lines = (place.broker.folder / "passwords").read_text().splitlines(keepends=True)
    place.broker._write("passwords", "".join(line for line in lines if not line.startswith(f"{AGENT}:")))
    place.broker.reload()


def publishing_forbidden(place: Place) -> None:
    place.have_access(lambda text: text.replace("pattern write smartstore/v1/%u/batch\n", ""))


FAULTS = [
    (
        wrong_ca,
        "tls",
        Grade.WRONG,
        ["not issued by what", "broker-ca.pem"],
        ["current CA certificate", "索取当前的 CA 证书"],
    ),
    (another_authoritys_certificate, "tls", Grade.WRONG, ["not issued by what"], ["do not go on", "请勿继续"]),
    (expired, "tls", Grade.WRONG, ["has expired"], ["platform has to renew", "由平台更换证书"]),
    (not_valid_yet, "tls", Grade.WRONG, ["not valid yet"], ["clock", "时钟"]),
    (ends_soon, "tls", Grade.WARNING, ["is valid until"], ["9 days are left", "仅剩 9 天"]),
    (
        wrong_password,
        "credentials",
        Grade.WRONG,
        [f"refuses {AGENT}"],
        ["broker.password_file", "broker.password_file"],
    ),
    (revoked, "credentials", Grade.WRONG, [f"refuses {AGENT}"], ["or has revoked it", "已吊销"]),
    (
        publishing_forbidden,
        "rights",
        Grade.WRONG,
        [f"smartstore/v1/{AGENT}/batch"],
        ["access list", "访问控制表"],
    ),
]


ALL_THE_WAY = ("network", "tls", "credentials", "rights", "ingest")


@pytest.mark.filterwarnings("ignore:.*SSLSocket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("fault", "check", "grade", "said", "fixes"), FAULTS, ids=lambda value: getattr(value, "__name__", "")
)
def test_each_fault_is_named_with_what_to_do(  # noqa: PLR0917 - a table
    place: Place,
    fault: Callable[[Place], None],
    check: str,
    grade: Grade,
    said: list[str],
    fixes: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with fake_ingest(place.broker, lambda batch, _sha256: wanting(batch), trusted=place.first.certificate):
        well = place.findings()
    assert {name: well[name].grade for name in ALL_THE_WAY} == dict.fromkeys(ALL_THE_WAY, Grade.OK)
    monkeypatch.setattr(platform_checks, "_STATES_WITHIN_S", 0.1)  # ingest is gone: nothing can come
    fault(place)
    findings = place.findings()
    assert findings[check].grade is grade
    if grade is Grade.WRONG:  # what lies beyond is not judged
        assert not findings.keys() & set(ALL_THE_WAY[ALL_THE_WAY.index(check) + 1 :])
    check_told(findings[check], said, fixes)


def check_told(finding: Finding, said: list[str], fixes: list[str]) -> None:
    assert all(each in finding.text.en for each in said)
    assert finding.text.zh != finding.text.en
    assert finding.fix is not None
    assert fixes[0] in finding.fix.en
    assert fixes[1] in finding.fix.zh


def test_an_ingest_that_answers_but_is_not_heard_by_all(place: Place) -> None:
    """Without the right to read the workers' states an agent never sends; its question is answered all the same."""
    with fake_ingest(place.broker, lambda batch, _sha256: wanting(batch), trusted=place.first.certificate):
        place.have_access(lambda text: text.replace("pattern read smartstore/v1/ingest/+/state\n", ""))
        finding = place.findings()["ingest"]
    assert finding.grade is Grade.WRONG
    check_told(finding, ["the agent would not send"], ["read smartstore/v1/ingest/+/state", "访问控制表"])
