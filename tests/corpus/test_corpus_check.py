"""Known bugs as records, and `lockstep corpus check`, which looks for them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from lockstep.cli import run
from lockstep.corpus.check import Sight, check, difference
from lockstep.corpus.record import PROGRAM, TRACE, Record, records
from lockstep.errors import ExitCode, RuntimeUnavailableError, UsageError
from lockstep.program.notation import decode
from lockstep.program.trial import expected
from lockstep.runtimes import registry

ALL = records()
PROGRAMS = [record for record in ALL if record.program is not None]
MADE_UP = """
runtime = "wasmtime"
tier = "cranelift"
wrong = ["WRONG"]
right = ["RIGHT"]
expected = "1"
actual = "2"
source = "nobody"
"""


@pytest.fixture
def made_up(tmp_path: Path) -> Path:
    """A folder with one record, of a bug that nobody has: 1 + 1 is what it should be."""
    (runtime,) = registry.select("wasmtime")
    folder = tmp_path / "made-up"
    folder.mkdir()
    text = MADE_UP.replace("WRONG", runtime.version).replace("RIGHT", "v8:liftoff")
    (folder / "record.toml").write_text(text)
    (folder / PROGRAM).write_text(
        "(program (function () (i32) () (i32.add (i32.const 1) (i32.const 1))) (site 0 ()))"
    )
    return tmp_path


@pytest.mark.parametrize("record", ALL, ids=lambda record: record.name)
def test_a_record_has_what_shows_it_and_a_version_that_is_wrong(record: Record) -> None:
    assert record.program is not None or (record.folder / TRACE).is_file()
    assert record.wrong
    assert record.right or record.needs
    assert not any(record.is_wrong(version) for version in record.right if ":" not in version)


@pytest.mark.parametrize("record", PROGRAMS, ids=lambda record: record.name)
def test_a_program_of_a_record_is_about_its_bug_and_has_one_right_result(record: Record) -> None:
    assert record.program is not None
    assert len(expected(record.program)) == 1
    assert record.shows_in(record.program) is bool(record.marks)


def test_a_mark_tells_bugs_of_one_version_apart() -> None:
    shl, shuffle = records(["wasmtime-shl-address", "wasmtime-shuffle"])
    assert shl.program is not None
    assert not shuffle.shows_in(shl.program)


@pytest.mark.parametrize("record", ALL, ids=lambda record: record.name)
def test_a_known_bug_is_seen_where_it_is_and_nowhere_else(record: Record) -> None:
    seen = list(check(record))
    if {Sight.DETECTED, Sight.MISSED}.isdisjoint(one.sight for one in seen):
        pytest.skip(f"no wrong version is here: {seen[0].why}")
    assert [one for one in seen if not one.sight.good and one.sight is not Sight.ABSENT] == []


@pytest.mark.parametrize("version", ["0.5.0", "7.0.0", "10.0.1", "41.0.0"])
def test_a_range_of_versions_is_in_the_order_of_numbers(version: str) -> None:
    record = msgspec.structs.replace(ALL[0], wrong=("0.5.0", "7.0.0 - 41.0.0"))
    assert record.is_wrong(version)
    assert not record.is_wrong("6.0.0")
    assert not record.is_wrong("41.0.1")
    assert record.bounds == ["41.0.0", "7.0.0", "0.5.0"]


def test_a_bug_that_is_not_there_is_missed(
    made_up: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["corpus", "check", "--corpus", str(made_up)]) == ExitCode.DIVERGENCE
    said = capsys.readouterr().out
    assert ":cranelift  missed" in said
    assert "right, as it should be" in said


def test_a_version_that_is_not_here_is_told_with_what_would_help(
    made_up: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = made_up / "made-up" / "record.toml"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("wrong")]
    lines = [line if not line.startswith("right") else "right = []" for line in lines]
    path.write_text("\n".join([*lines, 'wrong = ["0.1.0"]']))
    code = run(["corpus", "check", "made-up", "--corpus", str(made_up)])
    assert code == ExitCode.NOTHING_COMPARABLE
    assert "not available here: `lockstep runtimes install wasmtime@0.1.0`" in (
        capsys.readouterr().out
    )


def test_what_is_missing_is_installed_on_request(
    made_up: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def refuse(engine: str, version: str) -> None:
        asked.append((engine, version))
        raise RuntimeUnavailableError("no network")

    monkeypatch.setattr("lockstep.corpus.check.install.install", refuse)
    (record,) = records(folder=made_up)
    record = msgspec.structs.replace(record, wrong=("0.1.0",), right=())
    assert [one.why for one in check(record, install_missing=True)] == ["no network"]
    assert asked == [("wasmtime", "0.1.0")]


def test_another_trap_than_the_right_one_is_a_difference() -> None:
    (runtime,) = registry.select("wasmtime")
    (overflow,) = records(["pywasm-overflow"])
    assert not difference(overflow, runtime)


def test_names_and_keys_that_do_not_exist_are_told(
    made_up: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["corpus", "check", "wasmtime-shufle"]) == ExitCode.USAGE
    assert "did you mean `wasmtime-shuffle`?" in capsys.readouterr().err
    path = made_up / "made-up" / "record.toml"
    path.write_text(path.read_text() + "\nversion = 1\n")
    with pytest.raises(UsageError, match="no key of a record is called `version`"):
        records(folder=made_up)


def test_an_empty_folder_is_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no records"):
        records(folder=tmp_path)


def test_the_programs_of_records_are_texts_that_can_be_read() -> None:
    for record in PROGRAMS:
        assert decode((record.folder / PROGRAM).read_text()) == record.program
