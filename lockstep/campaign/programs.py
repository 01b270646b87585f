"""Jobs about programs: a generated application on the probe, each of its functions one event."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from lockstep import __version__
from lockstep.campaign.result import Result
from lockstep.compare import Verdict
from lockstep.errors import NothingComparableError
from lockstep.execute.fleet import Fleet
from lockstep.judge import Judgement, judge
from lockstep.program.generate import FUNCTIONS, generate
from lockstep.program.tree import Program
from lockstep.program.trial import PROBE, events_of, module_of
from lockstep.runtimes.model import Runtime
from lockstep.scenario.choices import Stream
from lockstep.trace import Header, Trace

SMALL_EVERY, SMALL = 4, 25
"""One program in so many has so few functions: those are what slow runtimes judge, too."""


def is_small(index: int) -> bool:
    """Whether the program of job `index` is a small one; of a campaign's programs the first is."""
    return index % SMALL_EVERY == 1


def program_of(seed: int, index: int) -> tuple[Program, frozenset[str]]:
    """The program of a job, and the features that it may use."""
    return generate(Stream(seed, index, "program"), SMALL if is_small(index) else FUNCTIONS)


def able(runtimes: Sequence[Runtime], features: frozenset[str]) -> list[Runtime]:
    """Those that can run a program with these features."""
    return [rt for rt in runtimes if rt.runs_any and features <= rt.features]


def takes_part(runtime: Runtime, index: int) -> bool:
    """Whether `runtime` judges the program of job `index`."""
    slow = runtime.speed == "referee" or runtime.load_s > 0
    return is_small(index) or not slow


def trace_of(program: Program, module: bytes, seed: int, index: int) -> Trace:
    """The trace that calls every site of the program."""
    header = Header(
        guest=PROBE,
        sha256=hashlib.sha256(module).hexdigest(),
        lockstep=__version__,
        seed=str(seed),
        index=str(index),
        program=f"{len(program.functions)} functions",
    )
    return Trace(header, events_of(program))


class ProgramBench:
    """Does jobs about programs on the runtimes of `fleet`; modules are written to `scratch`."""

    def __init__(self, fleet: Fleet, runtimes: Sequence[Runtime], seed: int, scratch: Path) -> None:
        self._fleet, self._runtimes, self._seed = fleet, runtimes, seed
        self._path = scratch / "program.wasm"

    def run(self, index: int, unfit: Mapping[str, str]) -> Result:
        """Job `index`; the `unfit` sit out."""
        program, features = program_of(self._seed, index)
        module = module_of(program)
        trace = trace_of(program, module, self._seed, index)
        judges = [
            runtime
            for runtime in able(self._runtimes, features)
            if takes_part(runtime, index) and runtime.name not in unfit
        ]
        judgement = judged(self._fleet, self._path, trace, judges, module)
        events = len(trace.events)
        broken = {**unfit, **judgement.broken}
        return Result(
            index,
            judged=msgspec.structs.replace(judgement, frames=(), runs={}, broken=broken),
            events=events,
            ran={name: (events, run.cpu_s) for name, run in judgement.runs.items()},
            trace=None if judgement.verdict is Verdict.AGREE else trace,
            functions=len(program.functions),
        )


def judged(
    fleet: Fleet, path: Path, trace: Trace, judges: Sequence[Runtime], module: bytes
) -> Judgement:
    """Run a module, which is written to `path`, once on each of `judges`."""
    path.write_bytes(module)
    try:
        return judge(fleet, path, trace, judges, reuse=False, alone=True)
    except NothingComparableError as error:
        return Judgement(Verdict.INCOMPARABLE, reason=error.message)
    finally:
        path.unlink()
