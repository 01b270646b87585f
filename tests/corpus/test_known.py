"""Known bugs of real runtimes: each record says what must be detected, and it is."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from lockstep.campaign.hunt import Hunter
from lockstep.campaign.job import describe
from lockstep.campaign.news import Diverged, Reduced
from lockstep.campaign.proof import Lab
from lockstep.cli import run
from lockstep.cli.setting import for_guest
from lockstep.config import Config
from lockstep.errors import ExitCode
from lockstep.execute.driver import Driver
from lockstep.execute.fleet import Fleet
from lockstep.guest import catalog
from lockstep.judge import judge
from lockstep.runtimes import registry
from lockstep.trace import read

KNOWN = sorted((Path(__file__).parents[2] / "corpus" / "known").glob("*/record.toml"))


@pytest.fixture(params=KNOWN, ids=lambda path: path.parent.name)
def record(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_there_are_records() -> None:
    assert KNOWN


def test_the_reproducer_still_shows_it(record: Path) -> None:
    reproducer = str(record.parent / "reproducer.trace")
    assert run(["replay", "--expect-divergence", reproducer]) == ExitCode.AGREE
    assert run(["replay", reproducer]) == ExitCode.DIVERGENCE


def test_the_others_agree_without_the_suspect(record: Path) -> None:
    wanted = tomllib.loads(record.read_text())
    others = [
        runtime.name
        for runtime in registry.available()[0]
        if runtime.in_all and runtime.digests and runtime.name not in wanted["suspects"]
    ]
    reproducer = str(record.parent / "reproducer.trace")
    assert run(["replay", "--runtimes", ",".join(others), reproducer]) == ExitCode.AGREE


def test_it_is_found_named_and_reduced_as_the_record_says(record: Path, tmp_path: Path) -> None:
    wanted = tomllib.loads(record.read_text())
    trace = read(record.parent / "original.trace")
    setting = for_guest(catalog.find(trace.header.sha256), "all", Config())
    with Driver(setting.runtimes[0], setting.guest.path) as driver:
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
