"""An update from announcement to end, and its way back: each step written down before it is done.

A kill or a power cut at any moment leaves a journal, two links, and nothing half: the next run goes on from there, or
takes the release back. The steps that count are exchanges of one file or link each.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from edge import event_log
from edge.onboarding.wording import Words, plain
from edge.run_state import read_run_state
from edge.settings import EdgeSettings
from edge.source_states import read_states
from edge.update.announcement import Announcement, AnnouncementFile
from edge.update.health import Health, baseline_of
from edge.update.installing import MakeEnvironment, make_environment
from edge.update.journal import Attempt, Journal, JournalFile, Step
from edge.update.layout import Layout
from edge.update.preparing import OlderRelease, check_newer, prepare
from edge.update.problems import ReleaseRefused, UpdateProblem
from edge.update.signature import check_trusted
from edge.wire.release import ReleaseState

_MOST_STARTS = 3
"""Starts of one trial, after which the release counts as what ends them, be it by ending the whole device."""
_MOST_REASON_CHARACTERS = 2000
_BY_HAND = Words("taken back by hand", "由人工回退")
_LOOK_S = 1.0
_RESTART_S = 600.0

log = event_log.get(__name__)


class Tools(NamedTuple):
    """What an update needs of its surroundings."""

    make_environment: MakeEnvironment = make_environment
    monotonic_s: Callable[[], float] = time.monotonic
    now_us: Callable[[], int] = lambda: time.time_ns() // 1000
    sleep: Callable[[float], None] = time.sleep


class Wishes(NamedTuple):
    """What a person at the device asks for beyond what is announced."""

    downgrade: bool = False
    """Install a version that is older than the present one, too."""
    retry: bool = False
    """Try a release once more that was refused or rolled back."""
    revert: bool = False
    """Go back to the version before the present one."""


class Outcome(NamedTuple):
    """How a run ended."""

    text: Words
    done: bool
    """False: something is to be seen to."""


class Updater:
    """One run of the command, as the owner of the folder of releases."""

    def __init__(self, settings: EdgeSettings, config: Path, wishes: Wishes, tools: Tools) -> None:
        self._settings = settings
        self._update = settings.update
        self._spool = settings.spool.path
        self._config = config
        self._wishes = wishes
        self._tools = tools
        self._layout = Layout(settings.update.root)
        self._file = JournalFile(settings.update.root)
        self._journal = Journal()

    def run(self) -> Outcome:
        """Finish what was begun, or take up what is announced, or do nothing.

        Raises
        ------
        ReleaseDelayed
            This device cannot update: another run is under way, or something is not as it must be.
        OSError
            The disk cannot take it; the next run goes on.
        """
        for path in (self._config, self._update.root):
            check_trusted(path)
        with self._layout.locked():
            self._journal = self._file.read()
            outcome = self._run()
            tried = self._journal.attempt
            self._layout.remove_others({self._journal.previous, tried.release.version if tried else None})
        return outcome

    def _run(self) -> Outcome:
        if self._journal.attempt is not None:
            return self._go_on(self._journal.attempt)
        current, proven = self._layout.current, self._layout.proven
        if current != proven:  # the journal is lost, or somebody changed the link
            self._layout.make_current(proven)
            self._restart()
            log.error("release_unproved", version=current, before=proven, fix="none: what was proved runs again")
            text = Words("{current} was never proved: {proven} runs again", "{current} 未经验证：已恢复运行 {proven}")
            return Outcome(text.format(current=current, proven=proven), done=False)
        if self._wishes.revert:
            return self._revert(current)
        announced = AnnouncementFile(self._spool).read()
        if announced is None:
            return Outcome(Words("no release is announced", "没有发布新版本"), done=True)
        if announced.version == current:
            text = Words("the announced version {version} runs", "已在运行所发布的版本 {version}")
            return Outcome(text.format(version=current), done=True)
        return self._take_up(announced, current)

    def _take_up(self, announced: Announcement, current: str) -> Outcome:
        """Install what is announced, and try it; what keeps that from being done is reported."""
        version = announced.version
        if not self._wishes.retry and self._journal.rejects(announced, current):
            text = Words(
                "release {version} was refused or rolled back before and is not tried again; --retry does",
                "版本 {version} 曾被拒绝或回退，不再尝试；可用 --retry 重试",
            )
            return Outcome(text.format(version=version), done=True)
        try:
            if not self._wishes.downgrade:
                check_newer(version, current)
            prepare(announced, self._layout, self._settings, self._config, self._tools.make_environment)
        except UpdateProblem as error:
            return self._not_taken(announced, current, error)
        before = baseline_of(read_run_state(self._spool), read_states(self._spool), self._tools.now_us())
        attempt = Attempt(release=announced, before=current, step=Step.TRY, baseline=before)
        self._keep(self._journal.trying(attempt))
        shutil.rmtree(self._layout.incoming, ignore_errors=True)
        return self._go_on(attempt)

    def _not_taken(self, announced: Announcement, current: str, error: UpdateProblem) -> Outcome:
        why, version = error.problem, announced.version
        if isinstance(error, ReleaseRefused) and not isinstance(error, OlderRelease):
            shutil.rmtree(self._layout.incoming, ignore_errors=True)
            said = self._journal.rejecting(announced, ReleaseState.REFUSED, current, why.en)
        else:
            state = ReleaseState.REFUSED if isinstance(error, OlderRelease) else ReleaseState.DELAYED
            said = self._journal.saying(version, state, why.en)
        log.warning("release_not_installed", version=version, problem=why.en, fix=error.fix.en)
        if said != self._journal:
            self._keep(said)
        return Outcome(Words("{problem}; {fix}", "{problem}；{fix}").format(problem=why, fix=error.fix), done=False)

    def _revert(self, current: str) -> Outcome:
        previous, applied = self._journal.previous, self._journal.applied
        if previous is None or applied is None or not self._layout.program(previous).exists():
            return Outcome(Words("there is no version to go back to", "没有可以回退的版本"), done=False)
        log.info("release_reverted", version=current, before=previous)
        attempt = Attempt(release=applied, before=previous, step=Step.ROLL_BACK, reason=_BY_HAND.en)
        self._keep(self._journal.model_copy(update={"attempt": attempt}))
        return self._roll_back(attempt, _BY_HAND, wanted=True)

    def _go_on(self, attempt: Attempt) -> Outcome:
        """Do what is written down to be done next, and what follows from it."""
        if attempt.step is Step.ROLL_BACK:
            return self._roll_back(attempt, plain(attempt.reason))
        if attempt.step is Step.TRY and self._wishes.revert:
            self._decide_to_roll_back(_BY_HAND)
            return self._roll_back(attempt, _BY_HAND, wanted=True)
        if attempt.step is Step.TRY:
            if why := self._try(attempt):
                self._decide_to_roll_back(why)
                return self._roll_back(attempt, why)
            self._keep(self._journal.at_step(step=Step.PROVE))
        return self._prove(attempt)

    def _try(self, attempt: Attempt) -> Words | None:
        """Run a release and watch it; return why it is to be taken back, None where it is healthy."""
        version, window_s = attempt.release.version, self._update.healthy_after_s
        if attempt.starts >= _MOST_STARTS:
            return Words("device or update ended again and again while it ran", "试运行期间设备或更新程序反复中断")
        if not self._layout.program(version).exists():
            return Words("its files are gone", "其文件已不存在")
        self._keep(self._journal.at_step(starts=attempt.starts + 1))
        self._layout.make_current(version)
        log.info("release_tried", version=version, before=attempt.before, healthy_after_s=window_s)
        if why := self._restart():
            return why
        begun_s = self._tools.monotonic_s()
        health = Health(version, attempt.baseline, begun_s)
        while (now_s := self._tools.monotonic_s()) < begun_s + window_s:
            health.look(read_run_state(self._spool), read_states(self._spool), now_s)
            self._tools.sleep(min(_LOOK_S, window_s / 10))
        problems = health.problems(now_s)
        together = Words("; ".join(each.en for each in problems), "；".join(each.zh for each in problems))
        return together if problems else None

    def _prove(self, attempt: Attempt) -> Outcome:
        version, before = attempt.release.version, attempt.before
        self._layout.make_proven(version)
        self._keep(self._journal.proved())
        log.info("release_applied", version=version, before=before)
        text = Words("version {version} runs, in place of {before}", "版本 {version} 已取代 {before} 运行")
        return Outcome(text.format(version=version, before=before), done=True)

    def _decide_to_roll_back(self, why: Words) -> None:
        try:
            self._keep(self._journal.at_step(step=Step.ROLL_BACK, reason=why.en[:_MOST_REASON_CHARACTERS]))
        except OSError as error:
            # A full disk must not keep an ill release running; the next run finds its trial and counts it.
            log.error("update_journal_not_kept", error=str(error), fix="free space on the disk of the releases")

    def _roll_back(self, attempt: Attempt, why: Words, *, wanted: bool = False) -> Outcome:
        version, before = attempt.release.version, attempt.before
        self._layout.make_current(before)
        self._layout.make_proven(before)
        failed = self._restart()
        if self._journal.attempt is not None and self._journal.attempt.step is Step.ROLL_BACK:
            self._keep(self._journal.rolled_back())
        if not wanted:
            fix = "see the log of that version (journalctl -u smartstore-edge); announce a corrected release"
            log.error("release_rolled_back", version=version, before=before, error=why.en, fix=fix)
        text = Words("version {version} was rolled back to {before}: {why}", "版本 {version} 已回退到 {before}：{why}")
        text = text.format(version=version, before=before, why=why)
        if failed is not None:
            text = Words("{text}; {failed}", "{text}；{failed}").format(text=text, failed=failed)
        return Outcome(text, done=wanted and failed is None)

    def _restart(self) -> Words | None:
        """Have the service manager start the agent anew; return what went wrong, None where nothing did."""
        command = self._update.restart_command
        try:
            done = subprocess.run(  # noqa: S603 - root's own configuration says what to run
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_RESTART_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            said = str(error)
        else:
            if done.returncode == 0:
                return None
            said = f"{done.returncode} {' '.join(done.stderr.split())}"
        log.error("agent_not_restarted", command=list(command), error=said[:300], fix="see update.restart_command")
        return Words("the agent was not restarted: {said}", "未能重启代理：{said}").format(said=plain(said[:300]))

    def _keep(self, journal: Journal) -> None:
        self._file.write(journal)
        self._journal = journal
