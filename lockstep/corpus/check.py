"""Is a known bug still seen: the versions that a record names, one after the other."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from enum import StrEnum

import msgspec

from lockstep import protocol
from lockstep.compare import Verdict
from lockstep.corpus.record import TRACE, Record
from lockstep.errors import RuntimeUnavailableError
from lockstep.execute.fleet import Fleet, How
from lockstep.execute.process import Run
from lockstep.execute.scratch import new_scratch
from lockstep.guest import catalog
from lockstep.judge import judge
from lockstep.program.trap import Trap
from lockstep.program.tree import Bits, Program
from lockstep.program.trial import events_of, expected, module_of, state_of
from lockstep.protocol import EventKind
from lockstep.runtimes import install, registry
from lockstep.runtimes.model import Runtime
from lockstep.trace import Header, Trace, read

PATIENT = How(reuse=False, patience=10)
"""A slow machine is no bug."""


class Sight(StrEnum):
    """What came of one version."""

    DETECTED = "detected"
    MISSED = "missed"
    CLEAN = "right, as it should be"
    ALARM = "wrong, and should be right"
    ABSENT = "not available here"

    @property
    def good(self) -> bool:
        """Whether it is as the record says."""
        return self in (Sight.DETECTED, Sight.CLEAN)


class Checked(msgspec.Struct, frozen=True):
    """One version of a record; `why` says what was seen, or why it could not be looked at."""

    spec: str
    sight: Sight
    why: str = ""


def check(record: Record, *, install_missing: bool = False) -> Iterator[Checked]:
    """Run `record` on the versions that it names."""
    specs = [(record.spec(version), True) for version in record.bounds]
    specs += [(record.spec(version), False) for version in record.right]
    for spec, wrong in specs:
        try:
            runtime = _runtime(record, spec, install_missing=install_missing)
        except RuntimeUnavailableError as error:
            why = error.message if install_missing else error.hint or error.message
            yield Checked(spec, Sight.ABSENT, why)
            continue
        seen = difference(record, runtime)
        if wrong:
            yield Checked(spec, Sight.DETECTED if seen else Sight.MISSED, seen)
        else:
            yield Checked(spec, Sight.ALARM if seen else Sight.CLEAN, seen)


def _runtime(record: Record, spec: str, *, install_missing: bool) -> Runtime:
    if record.needs and spec in map(record.spec, record.bounds):
        raise RuntimeUnavailableError(f"it needs {record.needs}")
    try:
        (runtime,) = registry.select(spec)
    except RuntimeUnavailableError:
        if not install_missing:
            raise
        engine, _, version = spec.partition(":")[0].partition("@")
        install.install(engine, version)
        (runtime,) = registry.select(spec)
    return runtime


def difference(record: Record, runtime: Runtime) -> str:
    """How `runtime` departs from what is right; empty where it does not."""
    program = record.program
    with Fleet([runtime], jobs=1) as fleet:
        if program is not None:
            return _of_program(fleet, runtime, program)
        trace = read(record.folder / TRACE)
        module = catalog.find(trace.header.sha256).path
        found = judge(fleet, module, trace, [runtime], alone=True)
        if found.verdict is Verdict.AGREE:
            return ""
        return f"{found.kind} differs" if found.divergence is not None else found.reason


def _of_program(fleet: Fleet, runtime: Runtime, program: Program) -> str:
    """The first call that gives something else than our evaluator."""
    scratch = new_scratch()
    path = scratch / "program.wasm"
    try:
        path.write_bytes(module_of(program))
        events = events_of(program)
        stdin = Trace(Header(guest="probe", sha256=""), events).stdin()
        run = fleet.run(runtime, path, stdin, PATIENT)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    frames, _ = protocol.split_frames(run.output)
    gave = [
        state_of(frame)
        for event, frame in zip(events, frames, strict=False)
        if event.kind is EventKind.COMMAND
    ]
    for number, right in enumerate(expected(program)):
        if said := _call(runtime, run, gave[number : number + 1], right):
            return f"call {number}: {said}"
    return ""


def _call(runtime: Runtime, run: Run, gave: list[Bits | None], right: Bits | Trap) -> str:
    """How one call departs from `right`; `gave` is empty where it did not end."""
    if gave:
        return "" if gave[0] == right else f"{_word(gave[0])} and not {_word(right)}"
    ended = f"{run.end.kind} {run.end.text}".strip()
    if run.end.kind == "trap" and isinstance(right, Trap):
        same = right.kind in runtime.trap_kinds(run.end.text)
        return "" if same else f"{ended}, and not {_word(right)}"
    return f"{ended}, and not {_word(right)}"


def _word(value: Bits | Trap | None) -> str:
    if isinstance(value, Trap):
        return f"a trap, {value.kind}"
    return "nothing" if value is None else f"{value:#x}"
