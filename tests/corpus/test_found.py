"""Finds of our own in released engines: what each record says is still seen."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from lockstep.cli import run
from lockstep.errors import ExitCode
from lockstep.runtimes import registry
from lockstep.trace import read

FOUND = sorted((Path(__file__).parents[2] / "corpus" / "found").glob("*/record.toml"))

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
    record = tomllib.loads(path.read_text())
    here = {rt.engine: rt.version for rt in registry.available()[0]}
    if here.get(record["runtime"]) not in record["wrong"]:
        pytest.skip(f"{record['runtime']} {record['wrong']} is not here; `lockstep runtimes`")
    reproducer = str(path.parent / "reproducer.trace")
    assert run(["replay", "--expect-divergence", reproducer]) == ExitCode.AGREE
