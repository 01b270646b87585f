"""A find on the probe, tried inside consensus: by replicas whose application it is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec

from lockstep import protocol
from lockstep import trace as traces
from lockstep.annotate import with_answers
from lockstep.campaign import finds
from lockstep.campaign.proof import Lab
from lockstep.compare import Divergence
from lockstep.errors import LockstepError
from lockstep.execute.driver import Driver
from lockstep.execute.fleet import Fleet
from lockstep.judge import Judgement, judge
from lockstep.program.implant import Host
from lockstep.program.tree import Program
from lockstep.runtimes.model import Runtime
from lockstep.scenario.named import named
from lockstep.simulate import simulate
from lockstep.trace import Trace
from lockstep.trace.words import kind_name

FAULT_FREE = "fault-free"
FOLDER = "inside"


class Inside(msgspec.Struct, frozen=True):
    """Lines for the report, and files for the find's folder: a trace and the grafted module."""

    lines: Sequence[str]
    files: Mapping[str, bytes] = MappingProxyType({})


def inside(
    lab: Lab, fleet: Fleet, path: Path, program: Program, trace: Trace, judges: Sequence[Runtime]
) -> Inside:
    """Whether replicas whose application is `program` come apart.

    The module is written to `path`. Of `judges` the last one runs the cluster.
    """
    guest = lab.module.stem
    try:
        module = Host(lab.module.read_bytes()).with_program(program, restores=True)
        path.write_bytes(module)
        events = _simulated(lab, path, judges[-1])
        judged = judge(
            fleet, path, msgspec.structs.replace(trace, events=events), judges, alone=True
        )
    except LockstepError as error:
        return Inside([f"inside {guest}: it could not be tried, {error.message}"])
    finally:
        path.unlink(missing_ok=True)
    found = judged.divergence
    if found is None:
        return Inside([f"inside {guest}, where each call begins anew: {judged.verdict}"])
    event = kind_name(found.event.kind) if found.event else "the end"
    line = (
        f"inside {guest}, four replicas without faults: {found.kind} differs at event {found.index}"
        f" ({event}); suspects: {', '.join(found.suspects) or 'none, the lineages tie'}"
    )
    reproducer = _reproducer(lab, trace, module, events, judged, found)
    kept = {f"{FOLDER}/{finds.REPRODUCER}": reproducer, f"{FOLDER}/{finds.MODULE}": module}
    return Inside([line, f"  lockstep replay {FOLDER}/{finds.REPRODUCER}"], kept)


def _simulated(lab: Lab, module: Path, runtime: Runtime) -> tuple[protocol.Event, ...]:
    """The events of a cluster of that module, and a digest."""
    scenarios = {one.name: one.scenario for one in named(lab.description)}
    with Driver(runtime, module) as driver:
        recording = simulate(scenarios[FAULT_FREE], driver, lab.description)
    return (*recording.events, protocol.digest())


def _reproducer(
    lab: Lab,
    trace: Trace,
    module: bytes,
    events: Sequence[protocol.Event],
    judged: Judgement,
    found: Divergence,
) -> bytes:
    """The trace up to where they come apart, with what was answered."""
    header = msgspec.structs.replace(
        trace.header, guest=lab.module.stem, sha256=hashlib.sha256(module).hexdigest()
    )
    short = Trace(header, tuple(events[: found.index + 1]))
    return traces.dumps(with_answers(short, judged)).encode()
