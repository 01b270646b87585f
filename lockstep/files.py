"""Files written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lockstep.errors import OutputError


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the file system says into an `OutputError` that names `path`."""
    try:
        yield
    except OSError as error:
        hint = "choose another place, or make room" if error.errno == 28 else None
        raise OutputError(path, error.strerror or str(error), hint=hint) from None


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path`; a reader sees the old file or the new one, never half of it."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def folder_atomically(path: Path) -> Iterator[Path]:
    """Give a fresh folder to fill; it becomes `path` when the block ends well.

    A folder that stood at `path` is replaced.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        try:
            yield fresh
            fresh.chmod(0o755)
            if path.exists():
                old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
                path.replace(old / path.name)
                fresh.replace(path)
                shutil.rmtree(old, ignore_errors=True)
            else:
                fresh.replace(path)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise


def check_writable(folder: Path) -> None:
    """Make `folder` if need be and write to it once: better told before a campaign than after."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".try.")
        os.close(handle)
        Path(name).unlink()
