"""Scratch folders: in memory where there is such a file system, gone when lockstep is.

All of one process lie in one folder that it holds a lock on. A folder that nobody locks is left
over from a lockstep that was killed, and the next one removes it.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import os
import shutil
import tempfile
import time
from pathlib import Path

from lockstep.errors import OutputError

PREFIX = "lockstep-"
YOUNG_S = 60.0  # a younger folder may not have its lock yet
ROOMY_BYTES = 1 << 30  # containers often have a /dev/shm of 64 MiB


def new_scratch(parent: Path | None = None) -> Path:
    """A new empty folder; raises `OutputError`. The caller removes it, or the end of lockstep."""
    return _make(parent or _root())


def _make(place: Path) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    except OSError as error:
        raise OutputError(place, error.strerror or str(error)) from None


@functools.cache
def _root() -> Path:
    place = _place()
    for folder in place.glob(f"{PREFIX}*"):
        _remove_stale(folder)
    root = _make(place)
    _lock(root)
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return root


def _place() -> Path:
    shared = Path("/dev/shm")
    if shared.is_dir() and os.access(shared, os.W_OK | os.X_OK):
        space = os.statvfs(shared)
        if space.f_bavail * space.f_frsize >= ROOMY_BYTES:
            return shared
    return Path(tempfile.gettempdir())


def _remove_stale(folder: Path) -> None:
    with contextlib.suppress(OSError):
        if time.time() - folder.stat().st_mtime > YOUNG_S:
            lock = _lock(folder)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path) -> int:
    """A file descriptor that locks `folder` while it is open; raises `OSError` if another does."""
    lock = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock
