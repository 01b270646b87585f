"""Finds of our own in released engines: what each record says is still seen."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from lockstep import protocol
from lockstep.cli import run
from lockstep.corpus.record import FOUND as FOLDER
from lockstep.corpus.record import Record, read_record, records
from lockstep.errors import ExitCode
from lockstep.program.application import MASK, MULTIPLIER, ROTATION, with_window
from lockstep.program.text import wast
from lockstep.program.trial import module_of
from lockstep.protocol import Action, ActionKind, Observation
from lockstep.report.issue import issue
from lockstep.report.specification import CORE, PLACES
from lockstep.report.subject import subject
from lockstep.runtimes import registry
from lockstep.trace import read, record

FOUND = sorted((Path(__file__).parents[2] / "corpus" / "found").glob("*/record.toml"))

RECORDS = records(folder=FOLDER)
PROGRAMS = [one for one in RECORDS if one.program is not None]
OF_A_MACHINE = ("- Binary", "- Machine", "- CPU features")
"""Lines of a report that are another on every machine."""

SLOW = (pytest.mark.long, pytest.mark.timeout(1800))


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.parent.name)
def test_a_find_says_what_its_trace_says(path: Path) -> None:
    record = tomllib.loads(path.read_text())
    trace = read(path.parent / "reproducer.trace")
    assert trace.header.fingerprint == record["fingerprint"]
    assert trace.header.suspects.split(",") == record["suspects"]
    assert trace.header.kind == record["kind"]
    assert len(trace.events) == record["events"]
    assert {"expected", "actual", "source"} <= set(record)


def with_marks(path: Path) -> ParameterSet:
    """The parameter of a record; `slow` is one whose engine compiles for minutes."""
    slow = tomllib.loads(path.read_text()).get("slow", False)
    return pytest.param(path, marks=SLOW if slow else (), id=path.parent.name)


@pytest.mark.parametrize("path", [with_marks(path) for path in FOUND])
def test_a_find_still_shows_in_the_version_that_is_wrong(path: Path) -> None:
    known = read_record(path)
    here = {rt.engine: rt.version for rt in registry.available()[0]}
    version = here.get(known.runtime)
    if version is None or not known.is_wrong(version):
        pytest.skip(f"{known.runtime} {known.wrong} is not here; `lockstep runtimes`")
    reproducer = str(path.parent / "reproducer.trace")
    assert run(["replay", "--expect-divergence", reproducer]) == ExitCode.AGREE


def named(record: Record) -> str:
    return record.name


@pytest.mark.parametrize("known", RECORDS, ids=named)
def test_a_record_names_the_section_that_says_who_is_right(known: Record) -> None:
    assert known.section
    assert set(known.section) <= set(PLACES)
    assert "section" in known.source


def test_most_records_are_programs() -> None:
    assert len(PROGRAMS) > len(RECORDS) / 2


@pytest.mark.parametrize("known", PROGRAMS, ids=named)
def test_a_program_is_the_one_of_the_script_and_of_the_module(known: Record) -> None:
    assert known.program is not None
    assert wast(with_window(known.program)) == (known.folder / "program.wast").read_text()
    assert module_of(known.program) == (known.folder / "guest.wasm").read_bytes()


@pytest.mark.parametrize("known", [one for one in PROGRAMS if one.gave], ids=named)
def test_what_a_record_says_was_given_is_what_its_trace_recorded(known: Record) -> None:
    total = 0
    for word in known.gave:
        turned = (total << ROTATION | total >> (64 - ROTATION)) & MASK
        total = (turned ^ int(word, 0)) * MULTIPLIER & MASK
    report = Action(ActionKind.REPORT, total.to_bytes(8, "little"))
    short = record(protocol.encode_observation(Observation(16, bytes(32), (report,))))
    assert short is not None
    (dissent,) = read(known.folder / "reproducer.trace").dissents
    assert dissent.answer.split()[-1] == short.digest.hex()


def lines_of(report: str) -> list[str]:
    return [line for line in report.splitlines() if not line.startswith(OF_A_MACHINE)]


@pytest.mark.parametrize("known", RECORDS, ids=named)
def test_the_report_of_a_record_is_the_one_that_the_command_makes(known: Record) -> None:
    """`lockstep report NAME --format issue > corpus/found/NAME/issue.md` makes it anew."""
    stored = (known.folder / "issue.md").read_text()
    about = subject(known.folder)
    assert lines_of(stored) == lines_of(issue(about, about.gave, None))


@pytest.mark.parametrize("known", RECORDS, ids=named)
def test_a_report_has_all_that_maintainers_ask_for(known: Record) -> None:
    report = (known.folder / "issue.md").read_text()
    title, *rest = report.splitlines()
    assert known.bounds[0] in title
    assert any(CORE + place in report for place in known.section)
    headings = [line for line in rest if line.startswith("## ")]
    assert [heading.split()[1] for heading in headings] == [
        "Test", "Steps", "Expected", "Actual", "Versions", "How"
    ]  # fmt: skip
    for place in ("/tmp", "/home", "/root"):
        assert place not in report
