"""A campaign: jobs go out, results come back in order, finds are made, news is told."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from time import monotonic

import msgspec

from lockstep.campaign.crew import Crew
from lockstep.campaign.hunt import FOUND, Hunter
from lockstep.campaign.news import (
    Absent,
    Broken,
    Diverged,
    Executed,
    Finished,
    News,
    Started,
    Taking,
    Tally,
)
from lockstep.campaign.plan import Plan, every
from lockstep.campaign.proof import Lab
from lockstep.campaign.result import Result
from lockstep.campaign.specimen import ProgramHunter
from lockstep.compare import Verdict
from lockstep.judge import Judgement
from lockstep.runtimes.model import Missing, Runtime
from lockstep.trace import Trace


class Campaign:
    """Runs `plan` on the runtimes of `lab`; `run()` yields the news, `Finished` is the last."""

    def __init__(self, plan: Plan, lab: Lab, missing: Sequence[Missing] = ()) -> None:
        self.plan, self.lab, self.missing = plan, lab, missing
        self.began_s = monotonic()
        self.traces = self.events = self.commits = self.functions = 0
        self.divergences = self.unsafe = self.incomparable = 0
        self.outcomes: set[int] = set()
        self.tallies: dict[str, tuple[int, int, float]] = {}
        self.broken: set[str] = set()
        self.why_stopped = ""
        self._hunters: tuple[Hunter, ProgramHunter] | None = None

    def run(self) -> Iterator[News]:
        """All the news, from `Started` to `Finished`."""
        yield self._started()
        with Crew(self.plan) as crew, contextlib.ExitStack() as self._open:
            for result in crew.results(self._go_on, self.plan.first):
                yield from self._take(result)
                if self._enough(result):
                    break
        yield self.finished()

    def _go_on(self, index: int) -> bool:
        plan = self.plan
        if self.lab.stop():
            self.why_stopped = "interrupted"
        elif plan.max_runs is not None and index >= plan.first + plan.max_runs:
            self.why_stopped = f"--max-runs {plan.max_runs}"
        elif self._late():
            self.why_stopped = f"--max-time {plan.max_time_s:g}s"
        else:
            return True
        return False

    def _late(self) -> bool:
        most_s = self.plan.max_time_s
        return most_s is not None and monotonic() - self.began_s >= most_s

    def _enough(self, result: Result) -> bool:
        """A find on the guest ends a campaign; those on programs are gathered as time allows."""
        plan = self.plan
        gathers = bool(result.functions) and bool(plan.max_time_s or plan.max_runs)
        found = result.trace is not None and result.judged.verdict in FOUND
        if plan.keep_going or gathers or not found:
            return False
        self.why_stopped = "the first find; --keep-going looks for more"
        return True

    def _take(self, result: Result) -> Iterator[News]:
        self._count(result)
        new = sorted(result.outcomes - self.outcomes)
        self.outcomes |= result.outcomes
        yield from self._breaks(result)
        yield Executed(
            index=result.index,
            verdict=result.judged.verdict.value,
            events=result.events,
            commits=result.commits,
            runtimes=tuple(result.ran),
            outcomes=tuple(map(self.lab.description.outcome_name, new)),
            reason=result.judged.reason,
        )
        if result.judged.verdict in FOUND and result.trace is not None:
            for news in self._hunt(result.trace, result.judged):
                if isinstance(news, Diverged) and not news.known:
                    self.divergences += news.kind != "unsafe"
                    self.unsafe += news.kind == "unsafe"
                yield news

    def _hunt(self, trace: Trace, judged: Judgement) -> Iterator[News]:
        if self._hunters is None:
            self._hunters = self._new_hunters()
        return self._hunters[bool(trace.header.program)].hunt(trace, judged)

    def _new_hunters(self) -> tuple[Hunter, ProgramHunter]:
        """For traces and for programs; what they reduce is written as it is when time is over."""
        able = [rt for rt in self.lab.runtimes if rt.name not in self.broken]
        interrupted = self.lab.stop
        lab = msgspec.structs.replace(
            self.lab, runtimes=able, stop=lambda: interrupted() or self._late()
        )
        of_programs = ProgramHunter(lab, self.plan.output)
        self._open.callback(of_programs.close)
        return Hunter(lab, self.plan.output), of_programs

    def _count(self, result: Result) -> None:
        self.traces += 1
        self.events += result.events
        self.commits += result.commits
        self.functions += result.functions
        self.incomparable += result.judged.verdict is Verdict.INCOMPARABLE
        for name, (events, cpu_s) in result.ran.items():
            traces, total, cpu = self.tallies.get(name, (0, 0, 0.0))
            self.tallies[name] = (traces + 1, total + events, cpu + cpu_s)

    def _breaks(self, result: Result) -> Iterator[News]:
        remedies = {runtime.name: runtime.remedy for runtime in self.lab.runtimes}
        for name, reason in result.judged.broken.items():
            if name not in self.broken:
                self.broken.add(name)
                yield Broken(name, reason, f"`{remedies[name]}`")

    def _started(self) -> Started:
        plan = self.plan
        return Started(
            seed=plan.seed,
            guest=plan.guest,
            sha256=plan.sha256,
            driver=plan.driver,
            jobs=plan.jobs,
            runtimes=tuple(_taking(runtime, self.lab.runtimes) for runtime in self.lab.runtimes),
            absent=tuple(Absent(m.name, m.reason, m.remedy) for m in self.missing),
        )

    def finished(self) -> Finished:
        """The last news, true at any time."""
        names = self.lab.description.outcomes
        missing = [name for number, name in sorted(names.items()) if number not in self.outcomes]
        return Finished(
            seed=self.plan.seed,
            traces=self.traces,
            events=self.events,
            commits=self.commits,
            functions=self.functions,
            divergences=self.divergences,
            unsafe=self.unsafe,
            incomparable=self.incomparable,
            outcomes_seen=len(names) - len(missing),
            outcomes_known=len(names),
            outcomes_missing=tuple(missing),
            runtimes=tuple(self._tally(runtime) for runtime in self.lab.runtimes),
            wall_s=round(monotonic() - self.began_s, 3),
            stopped=self.why_stopped,
        )

    def _tally(self, runtime: Runtime) -> Tally:
        traces, events, cpu_s = self.tallies.get(runtime.name, (0, 0, 0.0))
        return Tally(
            name=runtime.engine,
            version=runtime.version,
            tier=runtime.way,
            lineage=runtime.lineage,
            traces=traces,
            events=events,
            cpu_s=round(cpu_s, 3),
        )


def _taking(runtime: Runtime, among: Sequence[Runtime]) -> Taking:
    share = every(runtime, among)
    return Taking(runtime.engine, runtime.version, runtime.way, runtime.lineage, share)
