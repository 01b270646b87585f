"""A suspicion becomes a proof: confirmed in fresh processes, then reduced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from lockstep.campaign.news import Reducing
from lockstep.compare import RECORDED, Divergence, Verdict
from lockstep.execute.fleet import Fleet
from lockstep.judge import Judgement, judge
from lockstep.protocol import Description
from lockstep.reduce.oracle import DivergenceOracle, Events, InvariantOracle
from lockstep.reduce.reducer import Reduction, reduce_events
from lockstep.runtimes.model import Runtime
from lockstep.trace import Trace

WARM_UPS = 20
"""How often a trace is run in one process when a divergence needs what came before (tier-up)."""


class Lab(msgspec.Struct, frozen=True):
    """What proofs are made with."""

    module: Path
    runtimes: Sequence[Runtime]
    description: Description
    max_candidates: int
    stop: Callable[[], bool]
    progress: Callable[[Reducing], None] = lambda _: None


def confirm(lab: Lab, trace: Trace, *, keeps: bool = False) -> tuple[Judgement, str]:
    """Judge `trace` in fresh processes; where they agree, in processes that ran it before.

    Unless it `keeps` compiled code, all is compiled anew: what is on disk proves nothing.
    Gives the judgement and, in words, how it was confirmed.
    """
    with Fleet(lab.runtimes, jobs=1, keeps=keeps) as fleet:
        for count in range(1, WARM_UPS + 1):
            judged = judge(fleet, lab.module, trace, lab.runtimes, lab.description, alone=True)
            if judged.verdict in (Verdict.DIVERGE, Verdict.UNSAFE):
                before = f"that ran it {count} times" if count > 1 else "that were fresh"
                return judged, f"confirmed in processes {before}"
    return judged, "not confirmed: it did not show again"


def reduced(lab: Lab, trace: Trace, judged: Judgement) -> tuple[Reduction, dict[str, Events]]:
    """The smallest events with the fingerprint of `judged`, and others met on the way."""

    def tell(so_far: Reduction) -> None:
        lab.progress(Reducing(judged.fingerprint, len(so_far.events), so_far.candidates))

    with Fleet(lab.runtimes, jobs=1, keeps=True) as fleet:
        oracle = _oracle(lab, fleet, trace, judged)
        at = judged.divergence or judged.violation
        reduction = reduce_events(
            trace.events,
            oracle.consider,
            first_difference=at.index if at is not None else None,
            max_candidates=lab.max_candidates,
            stop=lab.stop,
            on_progress=tell,
        )
    return reduction, oracle.others


def _oracle(
    lab: Lab, fleet: Fleet, trace: Trace, judged: Judgement
) -> DivergenceOracle | InvariantOracle:
    if judged.divergence is None:
        assert judged.violation is not None
        name = judged.violation.name
        return InvariantOracle(fleet, lab.module, lab.runtimes[0], name, lab.description)
    by_name = {runtime.name: runtime for runtime in lab.runtimes}
    suspect, witness = pair(judged.divergence)
    return DivergenceOracle(fleet, lab.module, by_name[suspect], by_name[witness], trace.events)


def pair(divergence: Divergence) -> tuple[str, str]:
    """A suspect and a witness by name; on a tie, one of each of the first two groups."""
    sides = list(_sides(divergence))
    suspects = [s for s in sides if s[0] in divergence.suspects] or sides[1:]
    witnesses = [s for s in sides if s[0] not in divergence.suspects] or sides[:1]
    return suspects[0][0], witnesses[0][0]


def _sides(divergence: Divergence) -> Iterator[list[str]]:
    for group in divergence.groups:
        names = [name for name in group.names if name != RECORDED.name]
        if names:
            yield names
