"""Engines in the cache, side by side: one folder a version.

    <cache>/engines/wasmtime@20.0.0/              what the ecosystem's client put there
    <cache>/engines/wasmtime@20.0.0/record.json   what that is, see `Record`

A folder is whole or it is not there: it is filled under a hidden name and renamed at the end.
"""

from __future__ import annotations

import contextlib
import fcntl
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from lockstep import files
from lockstep.errors import UsageError
from lockstep.guest import catalog
from lockstep.runtimes.model import version_key

RECORD = "record.json"
_LOCK = ".lock-"
_HIDDEN = re.compile(r"\.(?P<name>.+@.+)\.[a-z0-9_]{8}")


class Record(msgspec.Struct, frozen=True):
    """What was installed.

    `binary` is relative to the folder and has `size_bytes`, 0 where nobody wrote that down;
    `installed_at` is ISO 8601 in UTC.
    """

    engine: str
    version: str
    binary: str
    sha256: str
    installed_at: str
    commands: tuple[str, ...]
    size_bytes: int = 0


class Kept(msgspec.Struct, frozen=True):
    """One version of one engine in the cache."""

    engine: str
    version: str
    folder: Path

    @property
    def record(self) -> Record:
        """What the installer wrote down; raises `UsageError` where that cannot be read."""
        path = self.folder / RECORD
        try:
            return msgspec.json.decode(path.read_bytes(), type=Record)
        except (OSError, msgspec.DecodeError) as error:
            raise UsageError(f"{path}: {error}", hint=f"remove {self.folder}") from None

    def damage(self) -> str | None:
        """What is wrong with it, as far as a look tells; None when nothing is."""
        try:
            record = self.record
            size_bytes = (self.folder / record.binary).stat().st_size
        except UsageError as error:
            return error.message
        except OSError as error:
            return f"{self.folder} is damaged: {record.binary}: {error.strerror}"
        if record.size_bytes not in (0, size_bytes):
            return (
                f"{self.folder} is damaged: {record.binary} has {size_bytes} bytes, "
                f"{record.size_bytes} were installed"
            )
        return None


def remedy(engine: str, version: str) -> str:
    """The commands that make a kept engine whole."""
    spec = f"{engine}@{version}"
    return f"lockstep runtimes remove {spec} && lockstep runtimes install {spec}"


def root() -> Path:
    """Where they all are."""
    return catalog.cache_dir() / "engines"


def found(engine: str = "*") -> list[Kept]:
    """Every version of `engine`, or of all engines: the newest first."""
    folders = [path.parent for path in root().glob(f"{engine}@*/{RECORD}")]
    visible = [folder for folder in folders if not folder.name.startswith(".")]
    kept = [_kept(folder) for folder in visible]
    kept.sort(key=lambda one: version_key(one.version), reverse=True)
    return sorted(kept, key=lambda one: one.engine)


def _kept(folder: Path) -> Kept:
    engine, _, version = folder.name.partition("@")
    return Kept(engine, version, folder)


@contextlib.contextmanager
def adding(engine: str, version: str) -> Iterator[Path]:
    """Give a folder to fill, which is kept when the block ends well.

    Another process that installs the same is waited for; what a killed one left is removed.
    """
    target = root() / f"{engine}@{version}"
    with files.writing(target):
        root().mkdir(parents=True, exist_ok=True)
    with _locked(target.name):
        _sweep(mine=target.name)
        with files.folder_atomically(target) as fresh:
            yield fresh


def remove(kept: Kept) -> None:
    """Remove it at once, though the files take a moment."""
    with files.writing(kept.folder), _locked(kept.folder.name):
        (kept.folder / RECORD).unlink(missing_ok=True)
        shutil.rmtree(kept.folder)
        _sweep(mine=kept.folder.name)


def _sweep(mine: str) -> None:
    """Remove the half-filled folders of installers that are no more."""
    for path in root().iterdir():
        if match := _HIDDEN.fullmatch(path.name):
            with contextlib.suppress(BlockingIOError), contextlib.ExitStack() as stack:
                if match["name"] != mine:
                    stack.enter_context(_locked(match["name"], wait=False))
                shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _locked(name: str, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of one version; raises `BlockingIOError` where another does and `wait` is not.

    The file stays: removing it would let two processes hold two locks of one name.
    """
    with (root() / f"{_LOCK}{name}").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
