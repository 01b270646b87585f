"""From a trace that looks wrong to a find on disk: confirm, tell, reduce, judge again, write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from lockstep.annotate import Commentator, with_answers
from lockstep.campaign import finds
from lockstep.campaign.expose import Exposed, exposed
from lockstep.campaign.news import Diverged, News, Reduced
from lockstep.campaign.proof import Lab, confirm, reduced
from lockstep.compare import Verdict
from lockstep.execute.driver import Driver
from lockstep.explain import differing_state
from lockstep.judge import Judgement
from lockstep.reduce.oracle import Events
from lockstep.reduce.reducer import Reduction
from lockstep.report.find import report_text
from lockstep.trace import Trace
from lockstep.trace.words import kind_name

FOUND = (Verdict.DIVERGE, Verdict.UNSAFE)


class Hunter:
    """Makes finds in folder `output`; a fingerprint that was met before is only told again."""

    def __init__(self, lab: Lab, output: Path) -> None:
        self.lab, self.output = lab, output
        self.met: dict[str, str] = {}

    def hunt(self, trace: Trace, suspicion: Judgement) -> Iterator[News]:
        """All the news about `trace`, which a campaign judged so."""
        trace = msgspec.structs.replace(trace, recorded=(), dissents=())
        first = suspicion.fingerprint
        if first in self.met:
            yield diverged(trace, suspicion, known=True)
            return
        judged, words = confirm(self.lab, trace)
        confirmed = judged.verdict in FOUND
        judged = judged if confirmed else suspicion
        known = judged.fingerprint in self.met.values()
        self.met[first] = judged.fingerprint
        yield diverged(trace, judged, known=known)
        if not known and confirmed:
            yield from self.make(trace, judged, words)
        elif not known:
            # What does not show again cannot be reduced; the trace is kept as it was met.
            nothing = Reduction(trace.events)
            yield self._write(with_answers(trace, judged), trace, judged, nothing, words)

    def make(self, trace: Trace, judged: Judgement, words: str) -> Iterator[News]:
        """Reduce `trace` and write the find; others met on the way follow."""
        reduction, others = reduced(self.lab, trace, judged)
        small = only_events(trace, reduction.events)
        final, again = confirm(self.lab, small, keeps=True)
        if final.fingerprint != judged.fingerprint:
            small, final = trace, judged
            again = f"{words}; what it was reduced to did not show it again"
            reduction = msgspec.structs.replace(reduction, events=trace.events, minimal=False)
        shown = exposed(self.lab, small, final)
        yield self._write(with_answers(trace, judged), small, final, reduction, again, shown)
        for events in others.values():
            yield from self._other(only_events(trace, events))

    def _other(self, trace: Trace) -> Iterator[News]:
        judged, words = confirm(self.lab, trace)
        if judged.verdict in FOUND and judged.fingerprint not in self.met.values():
            self.met[judged.fingerprint] = judged.fingerprint
            yield diverged(trace, judged, known=False)
            yield from self.make(trace, judged, words)

    def _write(
        self,
        original: Trace,
        small: Trace,
        final: Judgement,
        reduction: Reduction,
        words: str,
        shown: Exposed | None = None,
    ) -> Reduced:
        folder = self.output / final.fingerprint
        runtimes = ",".join(runtime.spec for runtime in self.lab.runtimes)
        reproducer = _on(with_answers(small, final), runtimes)
        with Driver(self.lab.runtimes[0], self.lab.module) as driver:
            finds.write(
                folder,
                reproducer,
                _on(original, runtimes),
                self.lab.module.read_bytes(),
                self._report(reproducer, final, words, shown),
                Commentator(self.lab.description, driver.step),
                shown.modules if shown else {},
            )
        return Reduced(
            fingerprint=final.fingerprint,
            folder=str(folder),
            events_before=len(original.events),
            events=len(reproducer.events),
            candidates=reduction.candidates,
            minimal=reduction.minimal,
            confirmed=words,
            reproduce=f"lockstep replay --expect-divergence {folder / finds.REPRODUCER}",
            reduce=f"lockstep reduce {folder / finds.ORIGINAL}",
            exposed=shown.summary if shown else "",
        )

    def _report(self, trace: Trace, judged: Judgement, words: str, shown: Exposed | None) -> str:
        found, lab = judged.divergence, self.lab
        lines = differing_state(lab.module, trace.events, found, lab.runtimes) if found else []
        if shown:
            lines = [*lines, *([""] if lines else []), *shown.lines()]
        return report_text(trace, judged, lab.runtimes, lines, words)


def only_events(trace: Trace, events: Events) -> Trace:
    """A trace of the same origin with other events: nothing is known of what they answer."""
    return Trace(trace.header, tuple(events))


def _on(trace: Trace, runtimes: str) -> Trace:
    header = msgspec.structs.replace(trace.header, runtimes=runtimes)
    return msgspec.structs.replace(trace, header=header)


def diverged(trace: Trace, judged: Judgement, *, known: bool) -> Diverged:
    """The news of a divergence or a broken invariant."""
    found = judged.divergence
    at = found.index if found else judged.violation.index if judged.violation else 0
    return Diverged(
        index=int(trace.header.index or 0),
        kind=judged.kind,
        at=at,
        event=kind_name(trace.events[at].kind) if at < len(trace.events) else "end of input",
        suspects=found.suspects if found else (),
        groups=tuple(group.names for group in found.groups) if found else (),
        fingerprint=judged.fingerprint,
        reason=judged.reason,
        known=known,
    )
