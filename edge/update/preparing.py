"""From an announcement to an installed release that says that it can run here; nothing that runs is touched."""

from __future__ import annotations

import shutil
from pathlib import Path

from edge import event_log
from edge.onboarding.wording import Words
from edge.settings import EdgeSettings
from edge.spool import schema
from edge.update.announcement import Announcement
from edge.update.archive import unpack
from edge.update.fetching import fetch
from edge.update.installing import MakeEnvironment, install, rehearse
from edge.update.layout import Layout
from edge.update.problems import REPORT_IT, ReleaseDelayed, ReleaseRefused
from edge.update.signature import check_release_key
from edge.wire.release import numbers_of

log = event_log.get(__name__)


class OlderRelease(ReleaseRefused):
    """A person may want it after all, so that it is not remembered as refused."""


def check_newer(version: str, current: str) -> None:
    """Raise ``OlderRelease`` where a version is older than the one that runs."""
    if numbers_of(version) < numbers_of(current):
        problem = Words(
            "release {version} is older than {current}, which runs", "版本 {version} 早于正在运行的 {current}"
        )
        fix = Words(
            "announce a newer one, or run smartstore-edge update with --allow-downgrade",
            "请发布更新的版本，或运行 smartstore-edge update 并加 --allow-downgrade",
        )
        raise OlderRelease(problem.format(version=version, current=current), fix)


def prepare(
    announced: Announcement, layout: Layout, settings: EdgeSettings, config: Path, make: MakeEnvironment
) -> None:
    """Fetch, check and install a release, and have it look whether it can run here.

    Raises
    ------
    ReleaseDelayed
        It cannot be had, checked or installed now.
    ReleaseRefused
        It is not to be installed.
    """
    key, version = settings.update.release_key, announced.version
    if key is None:
        problem = Words("update.release_key is not set in {file}", "{file} 未设置 update.release_key")
        fix = Words("name the file of the platform's public release key there", "请在其中指定平台版本公钥的文件")
        raise ReleaseDelayed(problem.format(file=config), fix)
    check_release_key(key)
    log.info("release_taken_up", version=version, url=announced.url)
    archive = fetch(announced, layout.incoming, settings.update.ca_file)
    wheels = layout.incoming / "wheels"
    try:
        shutil.rmtree(wheels, ignore_errors=True)
        wheels.mkdir(mode=0o700)
        install(unpack(archive, key, version, wheels), wheels, layout.environment(version), make)
    except OSError as error:
        problem = Words("{folder} cannot take it: {error}", "{folder} 无法写入：{error}")
        fix = Words("check the disk and the rights of the folder", "请检查磁盘和目录权限")
        raise ReleaseDelayed(problem.format(folder=layout.root, error=error.strerror or str(error)), fix) from None
    finally:
        shutil.rmtree(wheels, ignore_errors=True)
    _ask(version, layout.program(version), config, settings.spool.path)


def _ask(version: str, program: Path, config: Path, spool: Path) -> None:
    said = rehearse(program, config, spool)
    if said.version != version:
        problem = Words("release {version} calls itself {said}", "版本 {version} 自称 {said}")
        raise ReleaseRefused(problem.format(version=version, said=said.version), REPORT_IT)
    if said.spool_schema > schema.SCHEMA_VERSION:
        problem = Words(
            "release {version} would rewrite the spool so that there was no way back from it",
            "版本 {version} 会改写缓存文件，之后将无法回退",
        )
        fix = Words(
            "first update to a version that reads spools of schema {schema}",
            "请先更新到能够读取模式 {schema} 缓存的版本",
        )
        raise ReleaseRefused(problem.format(version=version), fix.format(schema=said.spool_schema))
