"""Whether this device can install what the platform announces, and what became of the release dealt with last."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edge.onboarding.finding import Finding, ok, warning
from edge.onboarding.wording import Words, plain
from edge.settings import UpdateSettings
from edge.update.layout import Layout
from edge.update.problems import ReleaseDelayed
from edge.update.reported import journal_path, read_report
from edge.update.signature import check_openssl, check_release_key, check_trusted
from edge.wire.release import ReleaseReport, ReleaseState

_ROOT = frozenset({0})
_TOLD = {
    ReleaseState.DELAYED: Words("could not be installed so far", "目前还无法安装"),
    ReleaseState.REFUSED: Words("was refused", "已被拒绝"),
    ReleaseState.ROLLED_BACK: Words("was rolled back", "已被回退"),
}


def update_findings(update: UpdateSettings, config: Path) -> Iterator[Finding]:
    """Yield what is found; nothing where the device is not to install releases."""
    if update.release_key is None:
        return
    try:
        check_release_key(update.release_key, _ROOT)
        check_trusted(config, _ROOT)
        check_openssl()
        current = Layout(update.root).current
    except ReleaseDelayed as error:
        yield warning("update", error.problem, error.fix)
        return
    report = read_report(journal_path(update.root))
    if report is not None and report.state in _TOLD:
        yield _last(report)
        return
    text = Words("version {version}; releases are checked with {key}", "版本 {version}；用 {key} 校验新版本")
    yield ok("update", text.format(version=current, key=update.release_key))


def _last(report: ReleaseReport) -> Finding:
    text = Words("release {version} {state}: {why}", "版本 {version}{state}：{why}")
    fix = Words(
        "mend what it says and wait for the next run, or announce another release; smartstore-edge update --retry "
        "tries one again that was refused or rolled back",
        "请按提示处理并等待下次运行，或发布其他版本；smartstore-edge update --retry 可重试被拒绝或回退的版本",
    )
    return warning(
        "update", text.format(version=report.version, state=_TOLD[report.state], why=plain(report.detail)), fix
    )
