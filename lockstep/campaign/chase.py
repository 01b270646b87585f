"""What the hunt for one program's finds works with: runtimes that stay warm, and questions."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import msgspec

from lockstep.campaign.inside import Inside, inside
from lockstep.campaign.news import Reducing
from lockstep.campaign.programs import able, judged, trace_of
from lockstep.campaign.proof import Lab
from lockstep.compare import Divergence, first_difference
from lockstep.execute.fleet import Fleet
from lockstep.execute.scratch import new_scratch
from lockstep.guest.wasm import Module
from lockstep.guest.wasm.features import features
from lockstep.judge import Judgement, stream_of, voter_of
from lockstep.program.tree import Program, nodes
from lockstep.program.trial import events_of, module_of
from lockstep.protocol import encode_events
from lockstep.reduce.program.oracle import ProgramOracle, differ
from lockstep.reduce.program.reducer import Reduction, reduce_program
from lockstep.runtimes.model import Runtime
from lockstep.trace import Trace

ROUNDS = 4
"""How often all are asked about a small program, each time without those who differ otherwise."""
WITNESSES = 2
"""How many of other lineages stand beside the suspects inside consensus: calls cost more there."""
_SPEEDS = ("jit", "interpreter", "referee")


class Chase:
    """Asks the runtimes of `lab` about programs; to be closed."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._fleet = Fleet(lab.runtimes)
        self._scratch = new_scratch()
        self._path = self._scratch / "program.wasm"
        self.by_name = {runtime.name: runtime for runtime in lab.runtimes}

    def close(self) -> None:
        """End all processes."""
        self._fleet.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def pair(self, program: Program, suspect: Runtime, witness: Runtime) -> Divergence | None:
        """Where the two differ on `program`."""
        return differ(self._fleet, self._path, program, suspect, witness)

    def reduce(
        self, program: Program, found: Divergence, suspect: Runtime, witness: Runtime
    ) -> Reduction:
        """The smallest program on which the two still differ so."""
        oracle = ProgramOracle(self._fleet, self._scratch, suspect, witness, program)

        def tell(so_far: Reduction) -> None:
            left = len(list(nodes(so_far.program)))
            self._lab.progress(Reducing(found.fingerprint, left, so_far.candidates))

        return reduce_program(
            program,
            oracle.consider,
            first_site=site_of(program, found),
            stop=self._lab.stop,
            on_progress=tell,
        )

    def all(self, program: Program, trace: Trace, suspect: Runtime) -> Judgement:
        """The verdict of all who can run it about `suspect`: its group against the largest one."""
        judges = self.all_able(program)
        for _ in range(ROUNDS):
            judgement = judged(self._fleet, self._path, trace, judges, module_of(program))
            found = judgement.divergence
            if found is None:
                break
            differing = {name for group in found.groups[1:] for name in group.names}
            if suspect.name in differing:
                return msgspec.structs.replace(judgement, divergence=found.about(suspect.name))
            judges = [runtime for runtime in judges if runtime.name not in differing]
        return judgement

    def all_able(self, program: Program) -> list[Runtime]:
        """A small program can be run by more runtimes than the large one."""
        needed = frozenset(features(Module.decode(module_of(program), "program")))
        return able(self._lab.runtimes, needed)

    def again(self, program: Program, suspect: Runtime, witness: Runtime) -> str:
        """In words, whether it shows in processes that have run nothing else."""
        self._path.write_bytes(module_of(program))
        events = events_of(program)
        stdin = encode_events(events)
        streams = {
            voter_of(rt): stream_of(rt, self._fleet.fresh(rt, self._path, stdin))
            for rt in (suspect, witness)
        }
        if isinstance(first_difference(events, streams), Divergence):
            return "confirmed in processes that were fresh"
        return "only seen in processes that had run other programs"

    def inside(self, program: Program, trace: Trace, found: Divergence) -> Inside:
        """What becomes of it inside the guest; a runtime that is no suspect runs the cluster."""
        judges = beside(found, self.all_able(program))
        if self._lab.stop() or not judges:
            why = "the suspects are too slow for it" if not judges else "the time was over"
            return Inside([f"inside {self._lab.module.stem}: not tried, {why}"])
        path = self._scratch / "inside.wasm"
        return inside(self._lab, self._fleet, path, program, trace, judges)


def beside(found: Divergence, able_ones: Sequence[Runtime]) -> list[Runtime]:
    """The suspects that are fast enough for a cluster, then the fastest of other lineages."""
    differing = {name for group in found.groups[1:] for name in group.names}
    fast = [rt for rt in by_speed(able_ones) if rt.speed != "referee" and not rt.load_s]
    suspects = [runtime for runtime in fast if runtime.name in differing]
    agreeing = [runtime for runtime in fast if runtime.name in found.groups[0].names]
    witnesses = list({rt.lineage: rt for rt in reversed(agreeing)}.values())[::-1]
    return [*suspects, *witnesses[:WITNESSES]] if suspects and witnesses else []


def by_speed(runtimes: Sequence[Runtime]) -> list[Runtime]:
    """The fastest first."""
    return sorted(runtimes, key=lambda rt: (rt.load_s, _SPEEDS.index(rt.speed), rt.name))


def site_of(program: Program, found: Divergence) -> int:
    """The number of the site at which it shows."""
    return min(max(0, found.index - 1), len(program.sites) - 1)


def retraced(trace: Trace, program: Program) -> Trace:
    """The trace of a program that was made of the one of `trace`."""
    header = trace.header
    return trace_of(program, module_of(program), int(header.seed), int(header.index))
