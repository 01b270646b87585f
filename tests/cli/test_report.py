"""`lockstep report`: from the name of a find to what is sent to a runtime's maintainers."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from lockstep import trace
from lockstep.cli import run
from lockstep.corpus.record import FOUND
from lockstep.errors import ExitCode
from lockstep.program.notation import decode
from lockstep.runtimes import registry

RECORD = "pywasm-f32-copysign"


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert run(["report", *arguments]) == ExitCode.AGREE
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert run(["report", *arguments]) == ExitCode.USAGE
    return capsys.readouterr().err


@pytest.fixture
def finds(tmp_path: Path) -> Path:
    """A folder of two finds, made of a record, whose ids begin alike."""
    output = tmp_path / "finds"
    (spec,) = (rt for rt in registry.select("pywasm"))
    for name in ("e6b751ab28105d7c", "e6ffffffffffffff"):
        shutil.copytree(FOUND / RECORD, output / name)
        (output / name / "record.toml").unlink()
        (output / name / "issue.md").unlink()
        (output / name / "report.txt").write_text(
            "actions differs at event 1\n\nmachine: Plan9 4 mips\nCPU features: none\nruntimes:\n"
            f"  {spec.spec} SHA-256 {'ab' * 32}\n  wasmtime@50.0.1:cranelift SHA-256 {'cd' * 32}\n"
        )
    return output


def test_the_stored_report_is_what_is_printed_first(
    finds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = (finds / "e6b751ab28105d7c" / "report.txt").read_text()
    assert printed(capsys, "e6b7", "--output", str(finds)) == stored
    assert printed(capsys, str(finds / "e6b751ab28105d7c")) == stored


def test_an_issue_tells_of_the_machine_that_the_find_was_made_on(
    finds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = printed(capsys, "e6b7", "--output", str(finds), "--format", "issue")
    assert report.startswith(
        "# pywasm 2.2.3: `f32.copysign` gives `nan:0x400001`, should be `nan:0x1`\n"
    )
    assert "`Plan9 4 mips`" in report
    assert f"SHA-256 `{'ab' * 32}`" in report
    assert "`wasmtime@50.0.1:cranelift`" in report


def test_a_record_is_found_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    report = printed(capsys, RECORD, "--format", "issue")
    stored = (FOUND / RECORD / "issue.md").read_text()
    assert report.split("## Versions")[0] == stored.split("## Versions")[0]


def test_a_record_holds_no_stored_report_and_says_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "hint: `--format issue`" in refused(capsys, RECORD)


def test_what_is_not_there_is_told_with_what_is(
    finds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, "e6b751ab28105d7d", "--output", str(finds))
    assert "hint: did you mean `e6b751ab28105d7c`?" in said
    said = refused(capsys, "", "--output", str(finds))
    assert RECORD in said
    assert "e6ffffffffffffff" in said
    assert "fits 2 finds" in refused(capsys, "e6", "--output", str(finds))


def test_a_folder_of_something_else_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, str(tmp_path), "--format", "issue")
    assert "is no folder of a find" in said


def test_the_script_of_a_report_is_complete(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Its module, its lines and what they print, taken from the text as a reader would."""
    report = printed(capsys, RECORD, "--format", "issue")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", report, re.MULTILINE | re.DOTALL)
    make, _line = [text for language, text in blocks if language == "sh"]
    right, gave = [text for language, text in blocks if language == ""]
    subprocess.run(["bash", "-c", make], cwd=tmp_path, check=True)
    node = (
        "const m = new WebAssembly.Module(require('fs').readFileSync('test.wasm'));"
        "console.log('0x' + new WebAssembly.Instance(m).exports.f1().toString(16))"
    )
    said = subprocess.run(["node", "-e", node], cwd=tmp_path, capture_output=True, text=True)
    assert said.stdout == right
    assert right != gave


def changed(folder: Path, **header: str) -> None:
    path = folder / "reproducer.trace"
    found = trace.read(path)
    trace.write(
        msgspec.structs.replace(found, header=msgspec.structs.replace(found.header, **header)),
        path,
    )


def test_what_a_stranger_calls_a_runtime_never_reaches_a_shell(
    finds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = finds / "e6b751ab28105d7c"
    changed(folder, suspects="pywasm@$(reboot):default")
    assert "is no name of a runtime" in refused(capsys, str(folder), "--format", "issue")


def test_what_a_runtime_says_stays_in_its_fence(
    finds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = finds / "e6b751ab28105d7c"
    path = folder / "reproducer.trace"
    hostile = "ended trap 134 ``` # @all <img src=x> ````sh"
    path.write_text(re.sub(r"(  ~ pywasm:default) .*", rf"\1 {hostile}", path.read_text()))
    report = printed(capsys, str(folder), "--format", "issue")
    assert (
        "# pywasm 2.2.3: `f32.copysign` traps (````` ``` # @all <img src=x> ````sh `````)" in report
    )
    assert "`````\n``` # @all <img src=x> ````sh\n`````" in report


def test_a_find_on_a_trace_has_its_events_and_the_line_of_the_host(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = printed(capsys, "stitch-overwrite", "--format", "issue")
    assert "0 command client=0 sequence=0 01000000" in report
    assert "lockstep export corpus/found/stitch-overwrite/reproducer.trace" in report
    assert 'bin/run_stitch" --tier default guest.wasm < events.bin | cmp - expected.bin' in report


def test_on_a_tie_nobody_is_called_wrong(finds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = finds / "e6b751ab28105d7c"
    changed(folder, suspects="")
    report = printed(capsys, str(folder), "--format", "issue")
    assert "differs from other runtimes, and the lineages tie" in report
    assert "nobody is called right here" in report


def test_where_it_is_not_seen_again_the_report_does_not_say_what_was(
    finds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = finds / "e6b751ab28105d7c"
    changed(folder, suspects="v8:liftoff")
    report = printed(capsys, str(folder), "--format", "issue")
    assert "`f32.copysign` gives a wrong result, should be `nan:0x1`" in report
    assert "and prints" not in report


def test_a_program_without_one_right_result_is_shown_as_a_module(
    finds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = finds / "e6b751ab28105d7c"
    text = "(program (function () (f32) () (f32.div (f32.const 0) (f32.const 0))) (site 0 ()))"
    decode(text)
    (folder / "program.tree").write_text(text)
    report = printed(capsys, str(folder), "--format", "issue")
    assert "no one result of it is right by the specification" in report
    assert "should be" not in report.partition("\n")[0]
    assert "f32.div" in report.partition("\n")[0]
