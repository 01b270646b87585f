"""Each bug of a runtime is found once, those behind a known one too, and time is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from lockstep import trace as traces
from lockstep.campaign import specimen
from lockstep.campaign.job import describe
from lockstep.campaign.news import Diverged, News, Reduced
from lockstep.campaign.programs import judged, trace_of
from lockstep.campaign.proof import Lab
from lockstep.campaign.specimen import TREE, WAST, ProgramHunter
from lockstep.compare import Verdict
from lockstep.execute.driver import Driver
from lockstep.execute.fleet import Fleet
from lockstep.guest import catalog
from lockstep.judge import Judgement, judge
from lockstep.program.notation import decode
from lockstep.program.tree import Program, nodes
from lockstep.program.trial import module_of
from lockstep.runtimes import registry
from lockstep.trace import Trace

GUEST = catalog.find("hotstuff")
PIECES = """
  (function (i32) (i32) () (memory.grow (i32.or (local.get 0) (i32.const 0xfffffff0))))
  (function (f32) (i32) () (i32.reinterpret_f32 (local.get 0)))
  (function (i32 i32) (i32) () (i32.mul (i32.add (local.get 0) (local.get 1)) (i32.const 5)))"""
BOTH = decode(f"(program {PIECES} (site 2 (1 2)) (site 1 (0x7f800001)) (site 0 (0)))")
"""wasm3 0.5.0 changes a signalling NaN, and takes memory away when it should refuse to grow."""


@pytest.fixture
def lab() -> Lab:
    runtimes = registry.select("wasmtime,v8:liftoff,wasm3@0.5.0")
    with Driver(runtimes[0], GUEST.path) as driver:
        return Lab(GUEST.path, runtimes, describe(driver), 500, lambda: False)


@pytest.fixture
def hunter(lab: Lab, tmp_path: Path) -> Iterator[ProgramHunter]:
    with closing(ProgramHunter(lab, tmp_path)) as one:
        yield one


Suspicion = tuple[Trace, Judgement]


@pytest.fixture
def suspicion(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Program], Suspicion]:
    def of(program: Program) -> Suspicion:
        monkeypatch.setattr(specimen, "program_of", lambda *_: (program, frozenset()))
        module = module_of(program)
        trace = trace_of(program, module, 1, 2)
        with Fleet(lab.runtimes) as fleet:
            path = tmp_path / "program.wasm"
            return trace, judged(fleet, path, trace, lab.runtimes, module)

    return of


def found(news: list[News]) -> list[Reduced]:
    return [one for one in news if isinstance(one, Reduced)]


def test_two_bugs_of_one_runtime_are_two_finds_and_then_known(
    lab: Lab, hunter: ProgramHunter, suspicion: Callable[[Program], Suspicion]
) -> None:
    trace, judgement = suspicion(BOTH)
    assert judgement.dissenters == ("wasm3:default",)
    news = list(hunter.hunt(trace, judgement))
    programs = [decode((Path(one.folder) / TREE).read_text()) for one in found(news)]
    assert len(programs) == 2
    assert all(one.minimal for one in found(news))
    used = [{node.op for node in nodes(program)} for program in programs]
    assert sum("memory.grow" in ops for ops in used) == 1
    assert not any("i32.mul" in ops for ops in used)
    for one in found(news):
        folder = Path(one.folder)
        assert "assert_" in (folder / WAST).read_text()
        assert traces.read(folder / "reproducer.trace").header.suspects == "wasm3:default"
        inner = traces.read(folder / "inside/reproducer.trace")
        assert inner.header.guest == "hotstuff"
        sha256 = hashlib.sha256((folder / "inside/guest.wasm").read_bytes()).hexdigest()
        assert inner.header.sha256 == sha256
        with Fleet(lab.runtimes) as fleet:
            seen = judge(fleet, folder / "inside/guest.wasm", inner, lab.runtimes)
        assert seen.fingerprint == inner.header.fingerprint != ""
    again = list(hunter.hunt(trace, judgement))
    assert [type(one) for one in again] == [Diverged]
    assert isinstance(again[0], Diverged)
    assert again[0].known


def test_what_nobody_has_time_for_is_told(
    lab: Lab, tmp_path: Path, suspicion: Callable[[Program], Suspicion]
) -> None:
    trace, judgement = suspicion(BOTH)
    late = msgspec.structs.replace(lab, stop=lambda: True)
    with closing(ProgramHunter(late, tmp_path)) as hunter:
        (told,) = hunter.hunt(trace, judgement)
        (again,) = hunter.hunt(trace, judgement)
    assert isinstance(told, Diverged)
    assert isinstance(again, Diverged)
    assert (told.known, told.reason) == (False, "not reduced, the time was over")
    assert again.known


def test_a_suspicion_that_does_not_show_again_is_told_and_makes_no_find(
    hunter: ProgramHunter, suspicion: Callable[[Program], Suspicion]
) -> None:
    trace, judgement = suspicion(BOTH)
    right = decode(f"(program {PIECES} (site 2 (1 2)))")
    suspicion(right)
    (told,) = hunter.hunt(trace, judgement)
    assert isinstance(told, Diverged)
    assert not told.known
    assert told.reason.startswith("not confirmed")


def test_a_runtime_that_differs_anywhere_dissents(
    suspicion: Callable[[Program], Suspicion],
) -> None:
    _, judgement = suspicion(BOTH)
    assert judgement.verdict is Verdict.DIVERGE
    assert judgement.divergence is not None
    assert judgement.divergence.about("wasm3:default").suspects == ("wasm3:default",)
