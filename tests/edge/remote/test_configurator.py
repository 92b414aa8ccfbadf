"""Which configuration runs after which event, with a clock that the test moves."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.broker_settings import BrokerSettings
from edge.configuration import ConfigurationError
from edge.remote.configurator import Configurator
from edge.remote.held import HeldFile
from edge.settings import AgentSettings, EdgeSettings, RemoteConfigurationSettings, SpoolSettings
from edge.source_states import SourceState
from edge.sources.simulated_store import SimulatedStoreSettings
from edge.update.announcement import AnnouncementFile
from edge.wire.configuration import Configuration, ConfigurationState
from edge.wire.model import canonical, digest

STORE = "sim-store-a"


class Bench:
    """An agent's files, and a configurator for each start of its process."""

    def __init__(self, folder: Path, *, enabled: bool = True) -> None:
        self.folder = folder
        self.now_s = 100.0
        self.local = EdgeSettings(
            agent=AgentSettings(id="shop-1"),
            broker=BrokerSettings(host="localhost"),
            spool=SpoolSettings(path=folder / "spool.db"),
            remote_configuration=RemoteConfigurationSettings(enabled=enabled, probation_s=60),
            source=(SimulatedStoreSettings(name="local", store=STORE, follow=True),),
        )
        self.start()

    def start(self) -> list[str]:
        """Start the process anew; return the names of the sources that it runs."""
        self.configurator = Configurator(self.local, self.folder / "edge.toml", lambda: self.now_s)
        return self.course()

    def course(self) -> list[str]:
        return [source.name for source in self.configurator.course().sources]

    def send(self, number: int, *names: str, toml: str | None = None) -> bool:
        self.configurator.offer(canonical(document(number, *names, toml=toml)))
        return self.configurator.look([])

    def after(self, seconds: float, *states: SourceState) -> bool:
        self.now_s += seconds
        return self.configurator.look(states)

    @property
    def said(self) -> tuple[int, ConfigurationState] | None:
        report = self.configurator.report
        return (report.number, report.state) if report else None


def document(number: int, *names: str, toml: str | None = None) -> Configuration:
    text = "".join(
        f'[[source]]\nkind = "simulated_store"\nname = "{name}"\nstore = "{STORE}"\nfollow = true\n' for name in names
    )
    return Configuration(number=number, issued_us=5, toml=text if toml is None else toml)


def failing(name: str) -> SourceState:
    return SourceState(name, running=True, failures=3, error="connection refused")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_without_a_document_the_local_file_holds(bench: Bench) -> None:
    assert bench.start() == ["local"]
    assert bench.said is None
    assert not bench.after(1000)


def test_a_document_is_tried_and_then_good(bench: Bench) -> None:
    assert bench.send(1, "a", "b")
    assert bench.course() == ["a", "b"]
    assert bench.said == (1, ConfigurationState.TRIAL)
    assert not bench.after(59)
    assert bench.said == (1, ConfigurationState.TRIAL)
    assert not bench.after(2)
    assert bench.said == (1, ConfigurationState.APPLIED)
    report = bench.configurator.report
    assert report
    assert report.sha256 == digest(canonical(document(1, "a", "b")))
    assert bench.start() == ["a", "b"]
    assert bench.said == (1, ConfigurationState.APPLIED)


def test_known_and_older_documents_change_nothing(bench: Bench) -> None:
    assert bench.send(5, "a")
    assert bench.course() == ["a"]
    assert not bench.send(5, "a")
    assert not bench.send(5, "b")
    assert not bench.send(4, "b")
    bench.configurator.offer(b"")
    assert not bench.configurator.look([])
    assert bench.start() == ["a"]


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("= 5", "not TOML"),
        ("[uplink]\nwindow = 0", "uplink.window"),
        ('[[source]]\nkind = "recording"\nname = "r"\npath = "none.csv"\nmap = "none.toml"\n', "none.toml"),
    ],
)
def test_what_cannot_be_run_is_refused_and_what_ran_goes_on(bench: Bench, toml: str, said: str) -> None:
    assert not bench.send(3, toml=toml)
    assert bench.said == (3, ConfigurationState.REFUSED)
    report = bench.configurator.report
    assert report
    assert said in report.detail
    assert bench.start() == ["local"]
    assert bench.said == (3, ConfigurationState.REFUSED)
    assert bench.send(4, "a")
    assert bench.course() == ["a"]


@pytest.mark.parametrize("payload", [b"{", b'{"type":"configuration"}', canonical(document(1, "a"))[:-5], b"\xff"])
def test_what_is_no_document_is_left_alone(bench: Bench, payload: bytes) -> None:
    bench.configurator.offer(payload)
    assert not bench.configurator.look([])
    assert bench.said is None


def test_a_new_source_that_never_worked_takes_the_configuration_back(bench: Bench) -> None:
    assert bench.send(1, "a")
    assert bench.course() == ["a"]
    assert not bench.after(61)
    assert bench.send(2, "a", "b")
    assert bench.course() == ["a", "b"]
    assert bench.after(61, failing("b"))
    assert bench.said == (2, ConfigurationState.ROLLED_BACK)
    report = bench.configurator.report
    assert report
    assert report.detail == "source b has not worked: connection refused"
    assert bench.course() == ["a"]
    assert bench.start() == ["a"]


def test_a_source_that_was_there_before_or_has_worked_once_says_nothing_against_it(bench: Bench) -> None:
    assert bench.send(1, "a")
    bench.course()
    assert not bench.after(61)
    assert bench.send(2, "a", "b")
    bench.course()
    worked = SourceState("b", running=True, failures=1, error="once", contact_us=7)
    assert not bench.after(61, failing("a"), worked)
    assert bench.said == (2, ConfigurationState.APPLIED)


def test_an_agent_that_ends_again_and_again_takes_it_back(bench: Bench) -> None:
    assert bench.send(1, "a")
    assert bench.course() == ["a"]
    assert bench.start() == ["a"]
    assert bench.start() == ["a"]
    assert bench.start() == ["local"]
    assert bench.said == (1, ConfigurationState.ROLLED_BACK)


def test_a_clean_stop_says_nothing_against_it(bench: Bench) -> None:
    assert bench.send(1, "a")
    assert bench.course() == ["a"]
    for _ in range(10):
        bench.configurator.stopped()
        assert bench.start() == ["a"]
    assert not bench.after(61)
    assert bench.said == (1, ConfigurationState.APPLIED)


def test_a_later_document_replaces_one_on_trial_and_is_held_against_what_is_good(bench: Bench) -> None:
    assert bench.send(1, "a")
    bench.course()
    assert bench.send(2, "b")
    assert bench.course() == ["b"]
    assert bench.after(61, failing("b"))
    assert bench.course() == ["local"]


def test_an_empty_document_gives_the_local_file_back(bench: Bench) -> None:
    assert bench.send(1, "a")
    bench.course()
    assert not bench.after(61)
    assert bench.send(2, toml="")
    assert bench.course() == ["local"]
    assert not bench.after(61)
    assert bench.said == (2, ConfigurationState.APPLIED)


def test_a_good_one_that_cannot_be_run_any_more_gives_way_to_the_local_file(bench: Bench) -> None:
    assert bench.send(1, "a")
    bench.course()
    assert not bench.after(61)
    path = bench.folder / "spool.db.configuration.json"
    path.write_text(path.read_text().replace("sim-store-a", "gone-store"))
    assert bench.start() == ["local"]
    assert bench.said == (1, ConfigurationState.ROLLED_BACK)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xff", b'{"good": 5}'])
def test_a_damaged_file_is_as_none_and_the_document_is_taken_up_again(bench: Bench, content: bytes) -> None:
    assert bench.send(1, "a")
    bench.course()
    (bench.folder / "spool.db.configuration.json").write_bytes(content)
    assert bench.start() == ["local"]
    assert bench.send(1, "a")
    assert bench.course() == ["a"]


def test_an_agent_that_is_not_to_be_configured_keeps_to_its_file(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.send(1, "a")
    bench = Bench(tmp_path, enabled=False)
    assert bench.course() == ["local"]
    assert bench.said is None


def test_a_disk_that_takes_nothing_leaves_everything_as_it_is(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(HeldFile, "write", full)
    assert not bench.send(1, "a")
    assert bench.said is None
    assert bench.course() == ["local"]


def test_without_any_that_can_be_run_the_operator_is_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    broken = bench.local.model_copy(
        update={"source": (SimulatedStoreSettings.model_construct(name="x", store="none", seed=1, days=(), speed=0.0),)}
    )
    with pytest.raises((ConfigurationError, LookupError)):
        Configurator(broken, tmp_path / "edge.toml", lambda: 0.0).course()


RELEASE = '[release]\nversion = "{version}"\nurl = "https://platform.example/r.zip"\nsha256 = "{sha}"\n'


def release(version: str = "1.2.3") -> str:
    return RELEASE.format(version=version, sha="ab" * 32)


def sources(*names: str) -> str:
    return document(1, *names).toml


def announced(bench: Bench) -> str | None:
    found = AnnouncementFile(bench.folder / "spool.db").read()
    return None if found is None else found.version


def test_a_release_alone_is_announced_without_a_new_course(bench: Bench) -> None:
    assert not bench.send(1, toml=release())
    assert bench.said == (1, ConfigurationState.APPLIED)
    assert announced(bench) == "1.2.3"
    assert bench.start() == ["local"]
    assert not bench.send(2, toml=release("1.3.0"))
    assert announced(bench) == "1.3.0"
    assert not bench.send(3, toml="")
    assert announced(bench) is None
    assert bench.said == (3, ConfigurationState.APPLIED)


def test_a_release_with_other_sources_is_announced_once_they_have_proved_themselves(bench: Bench) -> None:
    assert bench.send(1, toml=sources("a") + release())
    assert bench.course() == ["a"]
    assert announced(bench) is None
    assert not bench.after(61)
    assert announced(bench) == "1.2.3"
    assert not bench.send(2, toml=sources("a") + release("1.3.0"))  # the sources stay as they are
    assert announced(bench) == "1.3.0"
    assert bench.send(3, toml=sources("b") + release("1.4.0"))
    bench.course()
    assert bench.after(61, failing("b"))
    assert announced(bench) == "1.3.0"


def test_the_same_document_once_more_is_run_anew(bench: Bench) -> None:
    assert not bench.send(1, toml=release())
    assert bench.send(2, toml=release())  # a person wants the sources started with the files that are there now


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (release("1.2"), "release.version"),
        (release("01.2.3"), "release.version"),
        (release().replace("https://", "http://"), "release.url: Value error, this must be https"),
        (release().replace("https://platform", "https://user:secret@platform"), "release.url"),
        (release().replace("https://platform.example/r.zip", "media/r.zip"), "release.url"),
        (release().replace("https://platform.example/r.zip", "https:///r.zip"), "release.url"),
        (release().replace("https://platform.example/r.zip", "https://a b/r.zip"), "release.url"),
        (release().replace("https://platform.example/r.zip", "https://[::1/r.zip"), "release.url"),
        (release().replace("abab", "ABAB"), "release.sha256"),
        (release() + 'release_key = "mine.pem"\n', "release.release_key"),
        ("release = 5", "release"),
        ('[release]\nversion = "1.2.3"\n', "release.url"),
        ('[update]\nrelease_key = "mine.pem"\n', "update: the platform sets"),
    ],
)
def test_a_wrong_announcement_is_refused(bench: Bench, toml: str, said: str) -> None:
    assert not bench.send(1, toml=toml)
    assert bench.said == (1, ConfigurationState.REFUSED)
    assert bench.configurator.report
    assert said in bench.configurator.report.detail
    assert announced(bench) is None


def test_a_path_where_somebody_copies_it_to_is_announced_as_well(bench: Bench) -> None:
    assert not bench.send(1, toml=release().replace("https://platform.example/r.zip", "/media/usb"))
    assert announced(bench) == "1.2.3"


def test_an_end_between_both_files_is_made_good_by_the_next_start(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not bench.send(1, toml=release())
    with monkeypatch.context() as patched:
        patched.setattr(HeldFile, "write", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
        bench.send(2, toml=release("1.3.0"))
    assert announced(bench) == "1.3.0"
    assert bench.said == (1, ConfigurationState.APPLIED)
    bench.start()
    assert announced(bench) == "1.2.3"
    (bench.folder / "spool.db.announced.json").write_bytes(b"{")
    assert announced(bench) is None
    bench.start()
    assert announced(bench) == "1.2.3"


def test_an_agent_that_is_not_to_be_configured_announces_nothing(bench: Bench) -> None:
    assert not bench.send(1, toml=release())
    bench = Bench(bench.folder, enabled=False)
    assert announced(bench) is None
