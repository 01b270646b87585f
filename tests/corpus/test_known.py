"""Known bugs of real runtimes that are traces: each record says what must be detected."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from lockstep.campaign.hunt import Hunter
from lockstep.campaign.job import describe
from lockstep.campaign.news import Diverged, Reduced
from lockstep.campaign.plan import driver_of
from lockstep.campaign.proof import Lab
from lockstep.cli import run
from lockstep.cli.setting import for_guest
from lockstep.config import Config
from lockstep.corpus.record import records
from lockstep.errors import ExitCode
from lockstep.execute.driver import Driver
from lockstep.execute.fleet import Fleet
from lockstep.guest import catalog
from lockstep.judge import judge
from lockstep.runtimes import kept, registry
from lockstep.runtimes.model import version_key
from lockstep.trace import read

KNOWN = [
    path.parent / "record.toml"
    for path in sorted((Path(__file__).parents[2] / "corpus" / "known").glob("*/original.trace"))
]


@pytest.fixture(params=KNOWN, ids=lambda path: path.parent.name)
def record(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def wanted(record: Path) -> dict[str, Any]:
    """What the record says."""
    return tomllib.loads(record.read_text())


@pytest.fixture
def suspects(record: Path, wanted: dict[str, Any]) -> list[str]:
    """The suspects in a version that is wrong, which may have to be installed first."""
    engine = wanted["runtime"]
    here = {one.version for one in kept.found(engine)}
    here |= {rt.version for rt in registry.available()[0] if rt.engine == engine}
    (known,) = records([record.parent.name])
    wrong = [version for version in here if known.is_wrong(version)]
    if not wrong:
        last = wanted["wrong"][-1].split(" - ")[-1]
        pytest.skip(f"no wrong version is here; `lockstep runtimes install {engine}@{last}`")
    version = max(wrong, key=version_key)
    return [name.replace(engine, f"{engine}@{version}") for name in wanted["suspects"]]


@pytest.fixture
def others(wanted: dict[str, Any]) -> list[str]:
    """Those who are right: all but the suspects, or those that the record names."""
    return wanted.get("against") or [
        runtime.name
        for runtime in registry.available()[0]
        if runtime.in_all and runtime.digests and runtime.name not in wanted["suspects"]
    ]


def test_there_are_records() -> None:
    assert KNOWN


def test_a_record_says_what_its_trace_says(record: Path, wanted: dict[str, Any]) -> None:
    trace = read(record.parent / "reproducer.trace")
    assert trace.header.fingerprint == wanted["fingerprint"]
    assert trace.header.suspects.split(",") == wanted["suspects"]
    assert trace.header.guest == wanted["guest"]
    assert {"expected", "actual", "source"} <= set(wanted)


def test_the_reproducer_still_shows_it(
    record: Path, suspects: list[str], others: list[str]
) -> None:
    runtimes = ["--runtimes", ",".join([*suspects, *others])]
    reproducer = str(record.parent / "reproducer.trace")
    assert run(["replay", *runtimes, "--expect-divergence", reproducer]) == ExitCode.AGREE
    assert run(["replay", *runtimes, reproducer]) == ExitCode.DIVERGENCE


def test_the_others_agree_without_the_suspect(record: Path, others: list[str]) -> None:
    reproducer = str(record.parent / "reproducer.trace")
    assert run(["replay", "--runtimes", ",".join(others), reproducer]) == ExitCode.AGREE


def test_it_is_found_named_and_reduced_as_the_record_says(
    record: Path, wanted: dict[str, Any], suspects: list[str], others: list[str], tmp_path: Path
) -> None:
    trace = read(record.parent / "original.trace")
    chosen = ",".join([*suspects, *others])
    setting = for_guest(catalog.find(trace.header.sha256), chosen, Config())
    with Driver(driver_of(setting.runtimes), setting.guest.path) as driver:
        description = describe(driver)
    with Fleet(setting.runtimes) as fleet:
        judged = judge(fleet, setting.guest.path, trace, setting.runtimes, description)
    lab = Lab(setting.guest.path, setting.runtimes, description, 2000, lambda: False)
    news = list(Hunter(lab, tmp_path).hunt(trace, judged))
    first = next(n for n in news if isinstance(n, Diverged))
    reduced = next(n for n in news if isinstance(n, Reduced))
    assert first.kind == wanted["kind"]
    assert list(first.suspects) == wanted["suspects"]
    assert first.fingerprint == wanted["fingerprint"]
    assert reduced.minimal
    assert reduced.events <= wanted["events"]
    small = read(tmp_path / wanted["fingerprint"] / "reproducer.trace")
    assert small.events == read(record.parent / "reproducer.trace").events
