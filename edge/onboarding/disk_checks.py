"""Whether the disk can hold the spool, and whether the spool on it is sound."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from edge.onboarding.finding import Finding, ok, warning, wrong
from edge.onboarding.wording import Words, plain
from edge.settings import SpoolSettings
from edge.spool import schema
from edge.spool.records import SpoolError
from edge.spool.status import SpoolStatus, read_status

_MIB = 1024 * 1024
_LEAST_FREE = 16 * _MIB
_IN_MEMORY = {"tmpfs", "ramfs"}


def disk_findings(spool: SpoolSettings) -> Iterator[Finding]:
    """Yield whether the spool's folder is writable, keeps what is synced, and has room."""
    folder = _existing(spool.path.parent)
    if problem := _write_synced(folder):
        yield wrong(
            "disk",
            Words("{folder} cannot be written ({problem})", "{folder} 无法写入（{problem}）").format(
                folder=folder, problem=problem
            ),
            Words(
                "give the user that the agent runs as the right to write there (chown), remount a read-only disk, "
                "or choose another spool.path",
                "请让运行代理的用户对该目录有写权限（chown），重新挂载只读磁盘，或改用别的 spool.path",
            ),
        )
        return
    if (kind := _file_system(folder)) in _IN_MEMORY:
        yield warning(
            "disk",
            Words(
                f"{folder} is in memory ({kind}): a power cut loses what is pending",
                f"{folder} 位于内存中（{kind}）：断电会丢失待确认的数据",
            ),
            Words("choose a spool.path on a disk", "请把 spool.path 放到磁盘上"),
        )
    yield _room(spool, folder)


def spool_findings(path: Path) -> Iterator[Finding]:
    """Yield whether the spool's file is sound, and what in it a person should know of."""
    if not path.exists():
        yield ok("spool", Words(f"{path} is made when the agent first starts", f"{path} 将在代理首次启动时创建"))
        return
    try:
        if not _is_sound(path):
            yield wrong(
                "spool",
                Words(f"{path} is damaged", f"{path} 已损坏"),
                Words(
                    "restart the agent: it sets the damaged file aside and goes on with a new one; keep the old file",
                    "请重启代理：它会搁置损坏的文件并使用新文件；请保留旧文件",
                ),
            )
            return
        status = read_status(path)
    except SpoolError as error:
        yield wrong("spool", plain(error.problem), plain(error.fix))
        return
    yield ok(
        "spool",
        Words(
            f"sound; {status.depth.batches} batches with {status.depth.readings} readings wait for the platform",
            f"完好；{status.depth.batches} 批共 {status.depth.readings} 条读数等待平台确认",
        ),
    )
    yield from _to_know(status)


def is_running(spool: Path) -> bool:
    """Tell whether an agent has this spool now: whether its lock is held."""
    try:
        lock = os.open(spool.with_name(f"{spool.name}.lock"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that is there: the agent makes the rest."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _write_synced(folder: Path) -> str | None:
    """Write, sync and remove a small file as the spool would; return what went wrong, None where nothing did."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".smartstore-doctor-") as file:
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
            directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
    except OSError as error:
        return error.strerror or str(error)
    return None


def _file_system(folder: Path) -> str:
    """Return the type of the file system that a folder is on, empty where the kernel does not tell."""
    device = folder.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            before, _, after = line.partition(" - ")
            if before.split()[2] == number:
                return after.split()[0]
    except (OSError, IndexError):
        return ""
    return ""


def _room(spool: SpoolSettings, folder: Path) -> Finding:
    state = os.statvfs(folder)
    free = state.f_bavail * state.f_frsize
    used = spool.path.stat().st_size if spool.path.exists() else 0
    left = max(0, spool.max_bytes - used)
    sizes = {"free": free // _MIB, "left": -(-left // _MIB)}
    if free < _LEAST_FREE:
        text = Words("{free} MiB free: the disk is full", "仅剩 {free} MiB：磁盘已满").format(**sizes)
        fix = Words("free space on the disk that holds the spool", "请清理缓存所在的磁盘")
        return wrong("disk", text, fix)
    if free < left:
        text = Words(
            "{free} MiB free, but the spool may still grow by {left} MiB",
            "剩余 {free} MiB，而缓存最多还会增长 {left} MiB",
        ).format(**sizes)
        fix = Words("free space, or lower spool.max_bytes", "请清理磁盘，或调低 spool.max_bytes")
        return warning("disk", text, fix)
    text = Words(
        "writable, synced, {free} MiB free; the spool may grow by {left} MiB",
        "可写，可同步，剩余 {free} MiB；缓存最多还会增长 {left} MiB",
    )
    return ok("disk", text.format(**sizes))


def _is_sound(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)) as db:
            return schema.is_sound(db)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return False
        problem = f"{path} cannot be read: {error}"
        raise SpoolError(problem, "check that it is the agent's spool, and its rights") from error


def _to_know(status: SpoolStatus) -> Iterator[Finding]:
    totals = status.totals
    if status.set_aside_files:
        names = " ".join(status.set_aside_files)
        yield warning(
            "spool",
            Words(f"damaged files were set aside: {names}", f"有被搁置的损坏文件：{names}"),
            Words(
                "check the disk and the power supply; keep the files until what they held is known",
                "请检查磁盘和供电；在弄清其内容之前请保留这些文件",
            ),
        )
    if totals.lost_readings or totals.lost_batches:
        last = status.losses[0].reason if status.losses else "-"
        yield warning(
            "spool",
            Words(
                f"{totals.lost_readings} readings were dropped and declared lost (last reason: {last})",
                f"已丢弃并申报丢失 {totals.lost_readings} 条读数（最近原因：{last}）",
            ),
            Words(
                "give the spool more room (spool.max_bytes, spool.max_age_s) or mend the uplink",
                "请增大缓存（spool.max_bytes、spool.max_age_s）或修复上行网络",
            ),
        )
    if totals.refused_batches:
        yield warning(
            "spool",
            Words(
                f"the platform has refused {totals.refused_readings} readings in {totals.refused_batches} batches",
                f"平台拒收了 {totals.refused_batches} 批共 {totals.refused_readings} 条读数",
            ),
            Words(
                "ask the platform why (its list of refusals): most often the agent is not approved, or a device is not "
                "registered; what was refused is kept there and can be replayed",
                "请向平台查询拒收清单：通常是代理尚未批准或设备尚未登记；被拒收的数据保留在平台，可重新处理",
            ),
        )
