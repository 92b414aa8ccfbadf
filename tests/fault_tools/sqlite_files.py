"""Every call with which SQLite changes a file, seen before it happens: the default VFS of this process, wrapped.

The library is reached through ctypes, so that the very SQLite that ``sqlite3`` uses is watched. Only its VFS interface
is touched, which is stable (https://www.sqlite.org/c3ref/vfs.html); opening a directory, which SQLite does in order to
sync it, is seen by way of its table of system calls.
"""

from __future__ import annotations

import _sqlite3
import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p
from pathlib import Path
from typing import Any, Protocol

import pytest

OK = 0
IOERR_WRITE, FULL, READONLY = 778, 13, 8
_CREATE = 4
_SYNCED_DIRECTORY = b"openDirectory"


class Watcher(Protocol):
    """Who is asked before a file changes; another answer than ``OK`` is what SQLite gets instead of the change."""

    def created(self, path: Path) -> int: ...

    def written(self, path: Path, offset: int, data: bytes) -> int: ...

    def truncated(self, path: Path, size: int) -> int: ...

    def synced(self, path: Path) -> int: ...

    def deleted(self, path: Path) -> int: ...

    def directory_synced(self, path: Path) -> int: ...


class _Methods(Structure):
    """sqlite3_io_methods."""

    _fields_ = [
        ("version", c_int),
        *((name, c_void_p) for name in ("close", "read", "write", "truncate", "sync", "size", "lock", "unlock")),
        *((name, c_void_p) for name in ("check_lock", "control", "sector", "characteristics", "shm_map", "shm_lock")),
        *((name, c_void_p) for name in ("shm_barrier", "shm_unmap", "fetch", "unfetch")),
    ]


class _File(Structure):
    """sqlite3_file, as far as every VFS has it."""

    _fields_ = [("methods", POINTER(_Methods))]


class _Vfs(Structure):
    """sqlite3_vfs."""

    _fields_ = [
        ("version", c_int),
        ("file_bytes", c_int),
        ("longest_path", c_int),
        ("following", c_void_p),
        ("name", c_char_p),
        ("data", c_void_p),
        *((name, c_void_p) for name in ("open", "delete", "access", "full_path", "dl_open", "dl_error", "dl_sym")),
        *((name, c_void_p) for name in ("dl_close", "randomness", "sleep", "time", "last_error", "time_64")),
        *((name, c_void_p) for name in ("set_system_call", "get_system_call", "next_system_call")),
    ]


_OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, POINTER(_File), c_int, c_void_p)
_DELETE = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)
_WRITE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_TRUNCATE = CFUNCTYPE(c_int, c_void_p, c_int64)
_SYNC = CFUNCTYPE(c_int, c_void_p, c_int)
_OPEN_DIRECTORY = CFUNCTYPE(c_int, c_char_p, c_void_p)
_SET_CALL = CFUNCTYPE(c_int, c_void_p, c_char_p, c_void_p)
_GET_CALL = CFUNCTYPE(c_void_p, c_void_p, c_char_p)

_kept: list[Any] = []
"""What SQLite may still call; never given back, since a connection may outlive its test."""


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(_sqlite3.__file__)
    try:
        library.sqlite3_vfs_find.restype = POINTER(_Vfs)
        library.sqlite3_vfs_register.argtypes = [POINTER(_Vfs), c_int]
        library.sqlite3_vfs_unregister.argtypes = [POINTER(_Vfs)]
    except AttributeError:
        pytest.skip("this Python's SQLite shows no symbols, so that its files cannot be watched")
    return library


class _Shim:
    """A VFS that asks a watcher and goes on to the real one."""

    def __init__(self, real: Any, watcher: Watcher) -> None:
        self._real = real
        self._watcher = watcher
        self._paths: dict[int, Path] = {}
        self._wrapped: dict[int, Any] = {}
        self.callbacks: list[Any] = []
        self.vfs = _Vfs.from_buffer_copy(real.contents)
        self.vfs.name = b"watched"
        self.vfs.open = self._callback(_OPEN, self._open)
        self.vfs.delete = self._callback(_DELETE, self._delete)
        self._real_open = _OPEN(real.contents.open)
        self._real_delete = _DELETE(real.contents.delete)

    def _callback(self, kind: Any, function: Callable[..., int]) -> int | None:
        made = kind(function)
        self.callbacks.append(made)
        return ctypes.cast(made, c_void_p).value

    def watch_directories(self) -> Callable[[], None]:
        """See the syncs of directories too; returns what ends it."""
        contents = self._real.contents
        real = _OPEN_DIRECTORY(_GET_CALL(contents.get_system_call)(self._real, _SYNCED_DIRECTORY))

        def opened(path: bytes, descriptor: int) -> int:
            self._watcher.directory_synced(Path(path.decode()).parent)
            return int(real(path, descriptor))

        set_call = _SET_CALL(contents.set_system_call)
        set_call(self._real, _SYNCED_DIRECTORY, self._callback(_OPEN_DIRECTORY, opened))
        return lambda: set_call(self._real, _SYNCED_DIRECTORY, None)

    def _open(self, _vfs: int, name: int, file: Any, flags: int, out: int) -> int:
        if not name:
            return int(self._real_open(ctypes.addressof(self._real.contents), name, file, flags, out))
        path = Path(ctypes.string_at(name).decode())
        if flags & _CREATE and not path.exists() and (answer := self._watcher.created(path)) != OK:
            return answer
        result = int(self._real_open(ctypes.addressof(self._real.contents), name, file, flags, out))
        if result == OK and file.contents.methods:
            self._paths[ctypes.addressof(file.contents)] = path
            file.contents.methods = self._methods(file.contents.methods)
        return result

    def _methods(self, real: Any) -> Any:
        address = ctypes.addressof(real.contents)
        if address not in self._wrapped:
            wrapped = _Methods.from_buffer_copy(real.contents)
            write, truncate, sync = (
                _WRITE(real.contents.write),
                _TRUNCATE(real.contents.truncate),
                _SYNC(real.contents.sync),
            )

            def written(file: int, data: int, size: int, offset: int) -> int:
                answer = self._watcher.written(self._paths[file], offset, ctypes.string_at(data, size))
                return answer if answer != OK else int(write(file, data, size, offset))

            def truncated(file: int, size: int) -> int:
                answer = self._watcher.truncated(self._paths[file], size)
                return answer if answer != OK else int(truncate(file, size))

            def synced(file: int, flags: int) -> int:
                result = int(sync(file, flags))
                return self._watcher.synced(self._paths[file]) if result == OK else result

            wrapped.write = self._callback(_WRITE, written)
            wrapped.truncate = self._callback(_TRUNCATE, truncated)
            wrapped.sync = self._callback(_SYNC, synced)
            self._wrapped[address] = wrapped
        return ctypes.pointer(self._wrapped[address])

    def _delete(self, _vfs: int, name: bytes, sync_directory: int) -> int:
        path = Path(name.decode())
        if path.exists() and (answer := self._watcher.deleted(path)) != OK:
            return answer
        return int(self._real_delete(ctypes.addressof(self._real.contents), name, sync_directory))


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Have every connection opened meanwhile ask ``watcher``; close such connections before the end."""
    library = _library()
    real = library.sqlite3_vfs_find(None)
    shim = _Shim(real, watcher)
    _kept.append(shim)
    unwatch = shim.watch_directories()
    library.sqlite3_vfs_register(ctypes.byref(shim.vfs), 1)
    try:
        yield
    finally:
        unwatch()
        library.sqlite3_vfs_unregister(ctypes.byref(shim.vfs))
        library.sqlite3_vfs_register(real, 1)
