"""A find on the probe, tried inside consensus: by replicas whose application it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from lockstep import protocol
from lockstep.campaign.proof import Lab
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


def inside(
    lab: Lab, fleet: Fleet, path: Path, program: Program, trace: Trace, judges: Sequence[Runtime]
) -> list[str]:
    """Lines for the report: whether replicas whose application is `program` come apart.

    The module is written to `path`. Of `judges` the last one runs the cluster.
    """
    guest = lab.module.stem
    try:
        path.write_bytes(Host(lab.module.read_bytes()).with_program(program, restores=True))
        judged = _judged(lab, fleet, path, trace, judges)
    except LockstepError as error:
        return [f"inside {guest}: it could not be tried, {error.message}"]
    finally:
        path.unlink(missing_ok=True)
    found = judged.divergence
    if found is None:
        return [f"inside {guest}, where each call begins anew: {judged.verdict}"]
    event = kind_name(found.event.kind) if found.event else "the end"
    return [
        f"inside {guest}, four replicas without faults: {found.kind} differs at event {found.index}"
        f" ({event}); suspects: {', '.join(found.suspects) or 'none, the lineages tie'}"
    ]


def _judged(
    lab: Lab, fleet: Fleet, path: Path, trace: Trace, judges: Sequence[Runtime]
) -> Judgement:
    scenarios = {one.name: one.scenario for one in named(lab.description)}
    with Driver(judges[-1], path) as driver:
        recording = simulate(scenarios[FAULT_FREE], driver, lab.description)
    events = (*recording.events, protocol.digest())
    return judge(fleet, path, msgspec.structs.replace(trace, events=events), judges, alone=True)
