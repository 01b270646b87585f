"""What lies in the cache is whole, however an installer ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from lockstep.errors import UsageError
from lockstep.runtimes import kept
from lockstep.runtimes.kept import Kept, Record

INSTALLER = """
import sys, time
from lockstep.runtimes import kept
with kept.adding("wasmtime", "20.0.0") as folder:
    (folder / "half").write_text("half of it")
    (folder / kept.RECORD).write_text("{}")
    print(folder, flush=True)
    time.sleep(float(sys.argv[1]))
"""


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKSTEP_CACHE_DIR", str(tmp_path))


def put(engine: str, version: str) -> Kept:
    """Something in the cache that looks installed."""
    with kept.adding(engine, version) as folder:
        record = Record(engine, version, "engine", "0" * 64, "2026-01-01T00:00:00Z", ("make",))
        (folder / kept.RECORD).write_bytes(msgspec.json.encode(record))
        (folder / "engine").write_bytes(b"engine")
    return Kept(engine, version, kept.root() / f"{engine}@{version}")


def installer(seconds: float) -> tuple[subprocess.Popen[str], Path]:
    """A process that has filled half of a folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", INSTALLER, str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def end(process: subprocess.Popen[str]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def test_the_newest_comes_first_and_versions_are_numbers() -> None:
    for version in ("9.0.0", "20.0.0", "10.0.1"):
        put("wasmtime", version)
    put("v8", "24.0.0")
    assert [one.version for one in kept.found("wasmtime")] == ["20.0.0", "10.0.1", "9.0.0"]
    assert {one.engine for one in kept.found()} == {"wasmtime", "v8"}
    assert kept.found("wasm") == []


def test_the_record_says_what_was_installed() -> None:
    record = put("wasmtime", "20.0.0").record
    assert (record.engine, record.version, record.commands) == ("wasmtime", "20.0.0", ("make",))


def test_a_record_that_cannot_be_read_is_an_error_with_a_remedy() -> None:
    one = put("wasmtime", "20.0.0")
    (one.folder / kept.RECORD).write_text("{")
    with pytest.raises(UsageError) as error:
        _ = one.record
    assert str(one.folder) in (error.value.hint or "")


def test_while_it_is_being_filled_it_is_not_there() -> None:
    with kept.adding("wasmtime", "20.0.0") as folder:
        (folder / kept.RECORD).write_text("{}")
        assert kept.found() == []


def test_a_failed_installation_leaves_nothing() -> None:
    with pytest.raises(RuntimeError), kept.adding("wasmtime", "20.0.0") as folder:
        (folder / kept.RECORD).write_text("{}")
        raise RuntimeError
    assert kept.found() == []
    assert not folder.exists()


def test_a_killed_installer_leaves_nothing_that_looks_installed_and_the_next_one_tidies() -> None:
    process, half = installer(600)
    end(process)
    assert half.exists()
    assert kept.found() == []
    put("v8", "24.0.0")
    assert not half.exists()
    put("wasmtime", "20.0.0")
    assert [one.version for one in kept.found("wasmtime")] == ["20.0.0"]


def test_a_living_installer_of_something_else_is_left_alone() -> None:
    process, half = installer(600)
    try:
        put("wasmtime", "20.0.0.1")
        assert half.exists()
    finally:
        end(process)


def test_two_installers_of_the_same_wait_for_each_other() -> None:
    process, _ = installer(0.5)
    started_s = time.monotonic()
    put("wasmtime", "20.0.0")
    assert time.monotonic() - started_s > 0.2
    process.communicate(timeout=10)
    assert process.returncode == 0
    assert put("wasmtime", "20.0.0").record.engine == "wasmtime"


def test_what_is_removed_is_gone() -> None:
    one = put("wasmtime", "20.0.0")
    kept.remove(one)
    assert kept.found() == []
    assert not one.folder.exists()
