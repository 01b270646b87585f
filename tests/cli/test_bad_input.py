"""Every mistake gets one message with the place and the remedy, exit code 2, and no traceback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import wasmtime

from lockstep.cli import run
from lockstep.errors import ExitCode

SHA = "0" * 64
WRONG_GUESTS = {
    "empty.wasm": b"",
    "text.wasm": b"hello",
    "cut.wasm": b"\0asm\1\0\0\0\1\x7f",
}
IMPORTS = """(module
  (import "wasi_snapshot_preview1" "fd_read" (func (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))
  (memory (export "memory") 1) (func (export "_start")))"""
SILENT = '(module (memory (export "memory") 1 1) (func (export "_start")))'


class Outcome:
    def __init__(self, code: int, errors: str) -> None:
        self.code, self.errors = code, errors


@pytest.fixture
def lockstep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> object:
    """Run a command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("LOCKSTEP_"):
            monkeypatch.delenv(name)

    def command(*arguments: str) -> Outcome:
        code = run(list(arguments))
        return Outcome(code, capfd.readouterr().err)

    return command


def expect_refused(outcome: Outcome, *says: str) -> None:
    assert outcome.code == ExitCode.USAGE, outcome.errors
    assert "Traceback" not in outcome.errors
    assert outcome.errors.count("error: ") == 1
    for text in says:
        assert text in outcome.errors


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "bad.trace:1: not a trace"),
        ("lockstep-trace 9\n", "trace version 9"),
        (f"lockstep-trace 1\nguest g {SHA}\n\n0 digest\n", "bad.trace:4: cut short"),
        (f"lockstep-trace 1\nguest g {SHA}\n\n0 waltz\nend 1\n", "unknown event kind `waltz`"),
        (f"lockstep-trace 1\nguest g {SHA}\n\n0 decode {'0' * 2200000}\nend 1\n", "1 MiB"),
        (f"lockstep-trace 1\nguest g {SHA}\n\n0 digest\nend 1\n", "--guest PATH"),
    ],
)
@pytest.mark.parametrize("command", ["replay", "reduce", "show", "export"])
def test_a_bad_trace(lockstep, tmp_path: Path, text: str, says: str, command: str) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "bad.trace").write_text(text)
    expect_refused(lockstep(command, "bad.trace"), says)


@pytest.mark.parametrize("name", sorted(WRONG_GUESTS))
def test_a_module_that_is_not_wasm(lockstep, tmp_path: Path, name: str) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / name).write_bytes(WRONG_GUESTS[name])
    expect_refused(lockstep("fuzz", "--guest", name, "--max-runs", "1"), name)
    expect_refused(lockstep("guest", "audit", name), name)


def test_a_module_that_imports_too_much_hears_which(lockstep, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "more.wasm").write_bytes(wasmtime.wat2wasm(IMPORTS))
    expect_refused(lockstep("fuzz", "--guest", "more.wasm"), "more.wasm", "random_get")


def test_a_module_that_does_not_speak_the_protocol(lockstep, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "mute.wasm").write_bytes(wasmtime.wat2wasm(SILENT))
    expect_refused(
        lockstep("fuzz", "--guest", "mute.wasm", "--runtimes", "wasmtime,v8"),
        "mute.wasm",
        "does not speak the guest protocol",
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("fuzz", "--runtimes", "wasmtim"), "did you mean `wasmtime`?"),
        (("fuzz", "--runtimes", "wasmtime:wynch"), "did you mean `winch`?"),
        (("fuzz", "--runtimes", "canary:trap+att=3"), "did you mean `at`?"),
        (("fuzz", "--runtimes", "wasmtime@1.0.0"), "1.0.0"),
        (("fuzz", "--guest", "hotstuf"), "did you mean `hotstuff`?"),
        (("fuzz", "--sead", "1"), "--seed"),
        (("fuzz", "--seed", "x"), "--seed"),
        (("fuzz", "--max-time", "soon"), "60s"),
        (("fuzz", "--report", "xml:x"), "jsonl:PATH"),
        (("fuz",), "fuz"),
        (("replay", "nowhere"), "nowhere"),
        (("import", "hotstuff", "absent.bin"), "absent.bin"),
    ],
)
def test_an_unknown_word_hears_the_nearest_one(lockstep, arguments, says) -> None:  # type: ignore[no-untyped-def]
    expect_refused(lockstep(*arguments), says)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("[tool.lockstep]\nsead = 1", "did you mean `seed`?"),
        ("[tool.lockstep.fuzz]\nmaxtime = 1", "did you mean `max-time`?"),
        ("[tool.lockstep.runtimes]\nmine = 'mywasm run'", "mine"),
        ("[tool.lockstep.runtimes]\nmine = 7", "mine"),
        ("[tool.lockstep\n", "pyproject.toml"),
    ],
)
def test_a_bad_setting_is_named_with_its_file(lockstep, tmp_path, settings, says) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "pyproject.toml").write_text(settings)
    expect_refused(lockstep("fuzz", "--max-runs", "1"), says)


def test_an_unknown_variable(lockstep, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("LOCKSTEP_SEAD", "1")
    expect_refused(lockstep("runtimes"), "LOCKSTEP_SEED")


def test_places_that_cannot_be_written(lockstep, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "file").write_text("")
    short = ("fuzz", "--runtimes", "wasmtime,v8", "--max-runs", "1")
    expect_refused(lockstep(*short, "--output", "file/finds"), "cannot write file/finds")
    expect_refused(lockstep(*short, "--report", "jsonl:file/x"), "cannot write file/x")
    expect_refused(
        lockstep(*short, "--report", "jsonl:/dev/full"), "cannot write /dev/full", "No space"
    )


def test_events_that_are_none(lockstep, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "noise.bin").write_bytes(b"\xff" * 64)
    expect_refused(lockstep("import", "hotstuff", "noise.bin"), "noise.bin: no event at byte 0")
