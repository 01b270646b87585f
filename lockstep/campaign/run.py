"""A campaign: jobs go out, results come back in order, finds are made, news is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import monotonic

import msgspec

from lockstep.campaign.crew import Crew
from lockstep.campaign.hunt import FOUND, Hunter
from lockstep.campaign.job import Result
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
from lockstep.compare import Verdict
from lockstep.runtimes.model import Missing, Runtime


class Campaign:
    """Runs `plan` on the runtimes of `lab`; `run()` yields the news, `Finished` is the last."""

    def __init__(self, plan: Plan, lab: Lab, missing: Sequence[Missing] = ()) -> None:
        self.plan, self.lab, self.missing = plan, lab, missing
        self.began_s = monotonic()
        self.traces = self.events = self.commits = 0
        self.divergences = self.unsafe = self.incomparable = 0
        self.outcomes: set[int] = set()
        self.tallies: dict[str, tuple[int, int, float]] = {}
        self.broken: set[str] = set()
        self.why_stopped = ""
        self._made: Hunter | None = None

    def run(self) -> Iterator[News]:
        """All the news, from `Started` to `Finished`."""
        yield self._started()
        with Crew(self.plan) as crew:
            for result in crew.results(self._go_on):
                yield from self._take(result)
                if self._enough():
                    break
        yield self.finished()

    def _go_on(self, index: int) -> bool:
        plan = self.plan
        if self.lab.stop():
            self.why_stopped = "interrupted"
        elif plan.max_runs is not None and index >= plan.max_runs:
            self.why_stopped = f"--max-runs {plan.max_runs}"
        elif plan.max_time_s is not None and monotonic() - self.began_s >= plan.max_time_s:
            self.why_stopped = f"--max-time {plan.max_time_s:g}s"
        else:
            return True
        return False

    def _enough(self) -> bool:
        if self.plan.keep_going or not (self.divergences or self.unsafe):
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
            for news in self._hunter().hunt(result.trace, result.judged):
                if isinstance(news, Diverged):
                    self.divergences += news.kind != "unsafe"
                    self.unsafe += news.kind == "unsafe"
                yield news

    def _hunter(self) -> Hunter:
        if self._made is None:
            able = [rt for rt in self.lab.runtimes if rt.name not in self.broken]
            self._made = Hunter(msgspec.structs.replace(self.lab, runtimes=able), self.plan.output)
        return self._made

    def _count(self, result: Result) -> None:
        self.traces += 1
        self.events += result.events
        self.commits += result.commits
        self.incomparable += result.judged.verdict is Verdict.INCOMPARABLE
        for name, (events, cpu_s) in result.ran.items():
            traces, total, cpu = self.tallies.get(name, (0, 0, 0.0))
            self.tallies[name] = (traces + 1, total + events, cpu + cpu_s)

    def _breaks(self, result: Result) -> Iterator[News]:
        for name, reason in result.judged.broken.items():
            if name not in self.broken:
                self.broken.add(name)
                yield Broken(name, reason, "`lockstep runtimes` says what it needs")

    def _started(self) -> Started:
        plan = self.plan
        return Started(
            seed=plan.seed,
            guest=plan.guest,
            sha256=plan.sha256,
            driver=plan.driver,
            jobs=plan.jobs,
            runtimes=tuple(_taking(runtime) for runtime in self.lab.runtimes),
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
            tier=runtime.tier,
            lineage=runtime.lineage,
            traces=traces,
            events=events,
            cpu_s=round(cpu_s, 3),
        )


def _taking(runtime: Runtime) -> Taking:
    return Taking(runtime.engine, runtime.version, runtime.tier, runtime.lineage, every(runtime))
