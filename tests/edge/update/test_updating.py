"""What keeps a release from being installed, what is remembered of it, and what is told; programs are stand-ins."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from update_tools.signing import Keys, rewritten, sha256_of, small_release

from edge.configuration import read_configuration
from edge.onboarding.wording import Words
from edge.run_state import RunState
from edge.settings import EdgeSettings
from edge.spool import schema
from edge.update import updating
from edge.update.announcement import Announcement, AnnouncementFile
from edge.update.journal import Attempt, Journal, JournalFile, Step
from edge.update.problems import ReleaseDelayed
from edge.update.reported import read_report
from edge.update.updating import Outcome, Tools, Updater, Wishes
from edge.wire.release import ReleaseState

PROGRAM = """#!/bin/sh
echo '{{"version": "{version}", "spool_schema": {schema}}}'
"""


class Bench:
    """A folder of releases, and a clock that moves by itself; the agent says what the test wants."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.folder = folder / "opt", folder
        self.config, self.spool = folder / "agent.toml", folder / "spool.db"
        self.keys = Keys(folder)
        self.pip, self.program = "#!/bin/sh\nexit 0\n", ""
        self.now_s = 0.0
        self.healthy = True
        self.write_config()
        self.root.mkdir()
        self._make(self.root / "versions" / "0.1.0")
        for link in ("current", "proven"):
            (self.root / link).symlink_to("versions/0.1.0")
        monkeypatch.setattr(updating, "read_run_state", lambda _spool: self.state())
        self.archive = folder / "release.zip"
        small_release(self.keys, self.archive)
        self.announce()

    def write_config(self, **update: str) -> None:
        keys = {
            "root": f'"{self.root}"',
            "release_key": f'"{self.keys.public}"',
            "restart_command": '["true"]',
        } | update
        lines = "\n".join(f"{key} = {value}" for key, value in keys.items() if value)
        self.config.write_text(
            '[agent]\nid = "shop-1"\n[broker]\nhost = "localhost"\n[spool]\npath = "spool.db"\n'
            '[[source]]\nkind = "simulated_store"\nname = "a"\nstore = "sim-store-a"\nfollow = true\n'
            f"[update]\n{lines}\n"
        )

    def announce(self, version: str = "0.2.0") -> Announcement:
        announced = Announcement(version=version, url=str(self.archive), sha256=sha256_of(self.archive))
        AnnouncementFile(self.spool).keep(announced)
        return announced

    def state(self) -> RunState:
        version = (self.root / "current").readlink().name if self.healthy else "0.1.0"
        return RunState(run=version, version=version, spool="s", written_us=int(self.now_s * 1e6))

    def run(self, **wishes: bool) -> Outcome:
        settings = read_configuration(self.config, EdgeSettings)
        tools = Tools(self._make, lambda: self.now_s, lambda: int(self.now_s * 1e6), self._sleep)
        return Updater(settings, self.config, Wishes(**wishes), tools).run()

    @property
    def journal(self) -> Journal:
        return JournalFile(self.root).read()

    @property
    def said(self) -> tuple[str, ReleaseState] | None:
        report = read_report(self.root / "update.json")
        return (report.version, report.state) if report else None

    @property
    def current(self) -> str:
        return (self.root / "current").readlink().name

    def _sleep(self, duration_s: float) -> None:
        self.now_s += duration_s

    def _make(self, environment: Path) -> None:
        (environment / "bin").mkdir(parents=True)
        program = self.program or PROGRAM.format(version=environment.name, schema=schema.SCHEMA_VERSION)
        for name, text in (("python", self.pip), ("smartstore-edge", program)):
            (environment / "bin" / name).write_text(text)
            (environment / "bin" / name).chmod(0o755)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def test_nothing_announced_is_nothing_to_do(bench: Bench) -> None:
    AnnouncementFile(bench.spool).keep(None)
    assert bench.run() == Outcome(Words("no release is announced", "没有发布新版本"), done=True)
    assert bench.said is None


def test_a_release_is_watched_for_five_minutes_and_then_proved(bench: Bench) -> None:
    outcome = bench.run()
    assert outcome.done
    assert outcome.text.zh == "版本 0.2.0 已取代 0.1.0 运行"
    assert bench.now_s == pytest.approx(300)
    assert bench.said == ("0.2.0", ReleaseState.APPLIED)
    assert bench.current == "0.2.0"
    assert (bench.root / "proven").readlink() == Path("versions/0.2.0")
    assert sorted(path.name for path in (bench.root / "versions").iterdir()) == ["0.1.0", "0.2.0"]
    assert not (bench.root / "incoming").exists()
    assert bench.run().text.en == "the announced version 0.2.0 runs"


def test_only_the_last_two_versions_are_kept(bench: Bench) -> None:
    for version in ("0.2.0", "0.3.0", "0.4.0"):
        small_release(bench.keys, bench.archive, version)
        bench.announce(version)
        assert bench.run().done
    assert sorted(path.name for path in (bench.root / "versions").iterdir()) == ["0.3.0", "0.4.0"]
    outcome = bench.run(revert=True)
    assert outcome.done
    assert outcome.text.en == "version 0.4.0 was rolled back to 0.3.0: taken back by hand"
    assert [path.name for path in (bench.root / "versions").iterdir()] == ["0.3.0"]
    assert bench.current == "0.3.0"
    assert not bench.run(revert=True).done


def test_one_that_is_not_healthy_is_rolled_back_and_remembered(bench: Bench) -> None:
    bench.healthy = False
    outcome = bench.run()
    assert outcome.text.zh == "版本 0.2.0 已回退到 0.1.0：版本 0.2.0 在 300 秒内未能启动"
    assert bench.said == ("0.2.0", ReleaseState.ROLLED_BACK)
    assert bench.current == "0.1.0"
    assert bench.now_s == pytest.approx(300)
    assert bench.run().done, "it is known already"
    assert bench.now_s == pytest.approx(300)
    bench.healthy = True
    assert bench.run(retry=True).done
    assert bench.said == ("0.2.0", ReleaseState.APPLIED)


def test_a_corrected_archive_of_the_same_version_is_another_release(bench: Bench) -> None:
    bench.healthy = False
    bench.run()
    bench.healthy = True
    bench.keys = Keys(bench.folder, "second")
    small_release(bench.keys, bench.archive)
    bench.write_config()
    bench.announce()
    assert bench.run().done
    assert bench.current == "0.2.0"


def test_a_bad_signature_is_refused_and_the_present_version_does_not_look_again(bench: Bench) -> None:
    bench.write_config(release_key=f'"{Keys(bench.folder, "stranger").public}"')
    outcome = bench.run()
    assert "the signature of release 0.2.0 is not by the holder" in outcome.text.en
    assert not outcome.done
    assert bench.said == ("0.2.0", ReleaseState.REFUSED)
    assert bench.current == "0.1.0"
    bench.archive.unlink()
    assert bench.run().done, "it is not even fetched"
    assert not bench.run(retry=True).done
    assert bench.said == ("0.2.0", ReleaseState.DELAYED)


def test_what_one_version_refuses_a_later_one_looks_at_again(bench: Bench) -> None:
    announced = bench.announce()
    journal = Journal().rejecting(announced, ReleaseState.REFUSED, "0.1.0", "why")
    assert journal.rejects(announced, "0.1.0")
    assert not journal.rejects(announced, "0.1.1")
    rolled_back = Journal().rejecting(announced, ReleaseState.ROLLED_BACK, "0.1.0", "why")
    assert rolled_back.rejects(announced, "0.1.1")
    assert not rolled_back.rejects(announced.model_copy(update={"sha256": "0" * 64}), "0.1.0")


def test_an_archive_that_is_not_the_announced_one_is_waited_for(bench: Bench) -> None:
    bench.announce()
    whole = bench.archive.read_bytes()
    bench.archive.write_bytes(whole[: len(whole) // 2])  # it is being copied
    assert not bench.run().done
    assert bench.said == ("0.2.0", ReleaseState.DELAYED)
    bench.archive.write_bytes(whole)
    assert bench.run().done


def test_a_further_file_is_refused(bench: Bench) -> None:
    rewritten(bench.archive, {}, (("../../evil", b"x"),))
    bench.announce()
    assert "../../evil is not among the signed files" in bench.run().text.en
    assert bench.said == ("0.2.0", ReleaseState.REFUSED)
    assert not list(bench.folder.rglob("evil"))


def test_an_older_release_wants_a_person(bench: Bench) -> None:
    small_release(bench.keys, bench.archive, "0.0.9")
    bench.announce("0.0.9")
    for _ in range(2):
        outcome = bench.run()
        assert not outcome.done
        assert "release 0.0.9 is older than 0.1.0, which runs" in outcome.text.en
        assert bench.said == ("0.0.9", ReleaseState.REFUSED)
    assert bench.run(downgrade=True).done
    assert bench.current == "0.0.9"


def test_what_is_installed_but_does_not_fit_is_not_run(bench: Bench) -> None:
    bench.program = PROGRAM.format(version="0.2.1", schema=1)
    assert "release 0.2.0 calls itself 0.2.1" in bench.run().text.en
    assert bench.said == ("0.2.0", ReleaseState.REFUSED)
    for program, said in (
        ("#!/bin/sh\necho 'agent.toml: source: no such kind' >&2\nexit 2\n", "agent.toml: source: no such kind"),
        ("#!/bin/sh\necho hello\n", "does not say whether it can run here"),
        ("#!/bin/sh\n", "does not say whether it can run here"),
        ("no program\n", "smartstore-edge failed"),
    ):
        bench.program = program
        assert said in bench.run(retry=True).text.en
        assert bench.said == ("0.2.0", ReleaseState.DELAYED)
    assert bench.current == "0.1.0"
    assert bench.now_s == 0


def test_what_pip_says_is_told_and_tried_again(bench: Bench) -> None:
    bench.pip = "#!/bin/sh\necho 'ERROR: no matching distribution for core' >&2\nexit 1\n"
    assert "ERROR: no matching distribution for core" in bench.run().text.en
    assert bench.said == ("0.2.0", ReleaseState.DELAYED)
    bench.pip = "#!/bin/sh\nexit 0\n"
    bench.archive.unlink()  # it is here already
    assert bench.run().done


@pytest.mark.parametrize(
    ("update", "said"),
    [
        ({"release_key": ""}, "update.release_key is not set"),
        ({"release_key": '"absent.pem"'}, "absent.pem cannot be read"),
    ],
)
def test_without_a_key_nothing_is_installed_and_the_platform_hears_of_it(
    bench: Bench, update: dict[str, str], said: str
) -> None:
    bench.write_config(**update)
    assert said in bench.run().text.en
    assert bench.said == ("0.2.0", ReleaseState.DELAYED)


def test_a_key_or_configuration_that_others_can_change_is_not_used(bench: Bench) -> None:
    bench.keys.public.chmod(0o666)
    assert "somebody else than root can change" in bench.run().text.en
    bench.keys.public.chmod(0o644)
    bench.config.chmod(0o666)
    with pytest.raises(ReleaseDelayed, match=f"somebody else than root can change {bench.config}"):
        bench.run()
    bench.config.chmod(0o644)
    bench.root.chmod(0o777)
    with pytest.raises(ReleaseDelayed, match=f"can change {bench.root}"):
        bench.run()


def test_an_agent_that_cannot_be_restarted_gets_the_old_version_back_at_once(bench: Bench) -> None:
    bench.write_config(restart_command='["sh", "-c", "echo no such unit >&2; exit 5"]')
    outcome = bench.run()
    assert "the agent was not restarted: 5 no such unit" in outcome.text.en
    assert bench.current == "0.1.0"
    assert bench.now_s == 0
    bench.write_config(restart_command='["absent-program"]')
    assert "the agent was not restarted" in bench.run(retry=True).text.en
    assert bench.said == ("0.2.0", ReleaseState.ROLLED_BACK)


def test_a_full_disk_does_not_keep_an_ill_release(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    write: Callable[[JournalFile, Journal], None] = JournalFile.write

    def fails_to_roll_back(file: JournalFile, journal: Journal) -> None:
        if journal.attempt is not None and journal.attempt.step is Step.ROLL_BACK:
            raise OSError(28, "No space left on device")
        write(file, journal)

    monkeypatch.setattr(JournalFile, "write", fails_to_roll_back)
    bench.healthy = False
    assert "was rolled back to 0.1.0" in bench.run().text.en
    assert bench.current == "0.1.0"
    assert (bench.root / "versions" / "0.2.0").exists(), "its trial is not over for the journal"
    monkeypatch.setattr(JournalFile, "write", write)
    assert "was rolled back to 0.1.0" in bench.run().text.en
    assert bench.said == ("0.2.0", ReleaseState.ROLLED_BACK)
    assert not (bench.root / "versions" / "0.2.0").exists()


def test_a_release_on_trial_whose_files_are_gone_is_taken_back(bench: Bench) -> None:
    attempt = Attempt(release=bench.announce(), before="0.1.0", step=Step.TRY)
    JournalFile(bench.root).write(Journal().trying(attempt))
    assert "its files are gone" in bench.run().text.en
    assert bench.said == ("0.2.0", ReleaseState.ROLLED_BACK)
    assert bench.current == "0.1.0"


def test_a_trial_that_was_begun_ends_whatever_is_announced_by_then(bench: Bench) -> None:
    bench.run()
    journal = bench.journal
    (bench.root / "proven").unlink()
    (bench.root / "proven").symlink_to("versions/0.1.0")
    attempt = Attempt(release=bench.announce(), before="0.1.0", step=Step.TRY, starts=1)
    JournalFile(bench.root).write(journal.trying(attempt))
    AnnouncementFile(bench.spool).keep(None)
    bench.write_config(release_key="")
    assert bench.run().text.en == "version 0.2.0 runs, in place of 0.1.0"


def test_a_person_ends_a_trial_that_was_interrupted(bench: Bench) -> None:
    attempt = Attempt(release=bench.announce(), before="0.1.0", step=Step.TRY)
    bench._make(bench.root / "versions" / "0.2.0")
    JournalFile(bench.root).write(Journal().trying(attempt))
    outcome = bench.run(revert=True)
    assert outcome == Outcome(
        Words(
            "version 0.2.0 was rolled back to 0.1.0: taken back by hand",
            "版本 0.2.0 已回退到 0.1.0：由人工回退",
        ),
        done=True,
    )
    assert bench.now_s == 0
    assert bench.said == ("0.2.0", ReleaseState.ROLLED_BACK)


def test_what_the_agent_wrote_is_read_without_trust(bench: Bench) -> None:
    path = bench.spool.with_name("spool.db.announced.json")
    secret = bench.folder / "secret.json"
    secret.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(secret)
    assert bench.run().text.en == "no release is announced"
    path.unlink()
    os.mkfifo(path)
    assert bench.run().text.en == "no release is announced"
    path.unlink()
    path.write_bytes(b"[" * 2_000_000)
    assert bench.run().text.en == "no release is announced"
    assert bench.said is None
