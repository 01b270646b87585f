"""Compiled code on disk, so that a slow compiler works once a machine and not once a process.

The key holds all that the code depends on: the module, the engine, its version and tier, flags and
binary, our host, and what the processor can do. So another engine never gets this one's code, and
a find is confirmed without any of it (`Fleet`). A file begins with the SHA-256 of the rest.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lockstep import files
from lockstep.errors import OutputError
from lockstep.guest import catalog
from lockstep.processor import cpu_features

if TYPE_CHECKING:
    from lockstep.runtimes.model import Runtime

FILES_MAX = 200
REFUSED_S = 24 * 3600.0
"""How long it is believed that a module cannot be compiled within our limits."""
DIGEST_BYTES = 32


def path_of(runtime: Runtime, module: Path) -> Path:
    """Where the code of `module` is, if it was ever compiled by `runtime`."""
    parts = [runtime.spec, runtime.sha256, runtime.place.stamp, cpu_features(), *runtime.flags]
    parts += [_sha256(path) for path in (module, *runtime.host_files())]
    return _folder() / hashlib.sha256("\0".join(parts).encode()).hexdigest()


def fetch(path: Path) -> bytes | None:
    """What `keep` put there; None where there is nothing, or nothing whole."""
    with contextlib.suppress(OSError):
        content = path.read_bytes()
        digest, code = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
        if hashlib.sha256(code).digest() == digest:
            path.touch()
            return code
    return None


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """While one process compiles what will be at `path`, others wait for it."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # then everybody compiles
            _folder().mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context((_folder() / f"lock-{path.name[0]}").open("wb"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def keep(path: Path, code: bytes) -> None:
    """Keep `code`; where that cannot be, it is compiled again next time. The oldest files go."""
    with contextlib.suppress(OutputError, OSError):
        files.write_atomically(path, hashlib.sha256(code).digest() + code)
        by_age = sorted(_folder().glob("?" * 64), key=lambda file: file.stat().st_mtime)
        for old in by_age[:-FILES_MAX]:
            old.unlink()


def refuse(path: Path, reason: str) -> None:
    """Note why nothing will be at `path`: what fails slowly is not tried all the time."""
    with contextlib.suppress(OutputError, OSError):
        files.write_atomically(_refusal(path), reason.encode())


def refused(path: Path) -> str:
    """Why nothing is at `path`; empty where that is not known."""
    with contextlib.suppress(OSError):
        if time.time() - _refusal(path).stat().st_mtime < REFUSED_S:
            return _refusal(path).read_text()
    return ""


def _refusal(path: Path) -> Path:
    return path.with_name(f"refused-{path.name}")


def _folder() -> Path:
    return catalog.cache_dir() / "compiled"


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
