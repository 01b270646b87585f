"""An engine in the cache that cannot start: told once, with its remedy, and in nobody's way."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from lockstep.cli import run
from lockstep.errors import ExitCode, RuntimeUnavailableError
from lockstep.runtimes import install, kept, registry
from lockstep.runtimes.install.clients import Client, Step
from lockstep.runtimes.install.recipes import Recipe
from lockstep.runtimes.kept import Kept, Record
from lockstep.runtimes.model import Missing

WELL = b"#!/bin/sh\nexit 0\n"
FUZZ = ("fuzz", "--seed", "1", "--max-runs", "6", "--jobs", "1", "--runtimes")
REMEDY = "lockstep runtimes remove wasmi@2.0.0 && lockstep runtimes install wasmi@2.0.0"


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKSTEP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def wasmi() -> Kept:
    """A wasmi as the installer leaves it, but for what its program does."""
    with kept.adding("wasmi", "2.0.0") as folder:
        program = folder / "bin" / "run_wasmi"
        program.parent.mkdir()
        program.write_bytes(WELL)
        program.chmod(0o755)
        record = Record(
            "wasmi", "2.0.0", "bin/run_wasmi", "0" * 64, "2026-01-01T00:00:00Z", (), len(WELL)
        )
        (folder / kept.RECORD).write_bytes(msgspec.json.encode(record))
    return kept.found("wasmi")[0]


def program_of(one: Kept) -> Path:
    return one.folder / "bin" / "run_wasmi"


def missing() -> Missing:
    (found,) = [each for each in registry.available()[1] if each.name == "wasmi"]
    return found


def test_a_whole_one_is_there(wasmi: Kept) -> None:
    assert wasmi.damage() is None
    (runtime,) = registry.select("wasmi")
    assert (runtime.version, runtime.remedy) == ("2.0.0", REMEDY)


def test_a_program_that_is_gone_or_cut_is_missing_with_the_reason(wasmi: Kept) -> None:
    program_of(wasmi).write_bytes(WELL[:5])
    assert "has 5 bytes, 17 were installed" in missing().reason
    program_of(wasmi).unlink()
    assert "bin/run_wasmi: No such file" in missing().reason
    assert missing().remedy == "lockstep runtimes install wasmi"
    with pytest.raises(RuntimeUnavailableError, match="is damaged"):
        registry.select("wasmi@2.0.0")


def test_a_record_that_is_gone_bad_is_told_where_engines_are_listed(
    wasmi: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    (wasmi.folder / kept.RECORD).write_bytes(b"{")
    assert run(["runtimes", "list"]) == ExitCode.AGREE
    assert REMEDY in capsys.readouterr().out
    assert "record.json" in missing().reason


def test_a_folder_of_java_archives_without_any_is_missing(wasmi: Kept) -> None:
    chicory = wasmi.folder.with_name("chicory@1.7.5")
    wasmi.folder.rename(chicory)
    reasons = {each.name: each.reason for each in registry.available()[1]}
    assert "chicory" in reasons


@pytest.mark.parametrize(
    "program",
    [
        b"\x7fELF" + b"\0" * 13,
        b"#!/nowhere/sh\n\n\n\n",
        b"#!/bin/sh\nexit 9\n",
        b"#!/bin/sh\nkill $$",
    ],
    ids=["no program", "no interpreter", "ends", "dies"],
)
def test_one_that_does_not_start_is_told_once_and_the_others_go_on(
    wasmi: Kept, program: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    program_of(wasmi).write_bytes(program.ljust(len(WELL))[: len(WELL)])
    assert wasmi.damage() is None
    code = run([*FUZZ, "wasmtime,v8,wasmi"])
    said = capfd.readouterr().err
    assert code == ExitCode.AGREE
    assert said.count("BROKEN wasmi:default") == 1
    assert f"hint: `{REMEDY}`" in said
    assert "0 divergences" in said
    assert "wasmtime@" in said
    assert not Path(".lockstep").exists() or not list(Path(".lockstep/finds").iterdir())


def test_installing_makes_a_damaged_one_whole_and_leaves_a_whole_one_alone(
    wasmi: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = program_of(wasmi)
    script = 'mkdir -p "$1/bin" && printf "#!/bin/sh\\nexit 0 #" > "$1/bin/run_wasmi"'
    script += ' && chmod +x "$1/bin/run_wasmi"'

    def steps(_recipe: Recipe, _version: str, folder: Path, work: Path) -> list[Step]:
        return [Step(("sh", "-c", script, "sh", str(folder)), work)]

    client = Client(lambda _: None, steps, lambda _: [], "")
    monkeypatch.setitem(install.CLIENTS, "cargo", client)
    install.install("wasmi", "2.0.0")
    assert program.read_bytes() == WELL
    program.unlink()
    install.install("wasmi", "2.0.0")
    assert program.read_bytes() == b"#!/bin/sh\nexit 0 #"
    assert kept.found("wasmi")[0].damage() is None
