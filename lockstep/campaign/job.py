"""One job of a campaign: a pure function of (seed, index, lockstep version, guest, driver)."""

from __future__ import annotations

import shutil
from functools import partial
from types import TracebackType

import msgspec

from lockstep import __version__, protocol
from lockstep.campaign.plan import (
    COSTLY,
    SHORT_MIN,
    Plan,
    is_program,
    share_of,
    takes_part,
    turn_of,
)
from lockstep.campaign.programs import ProgramBench
from lockstep.campaign.result import Result
from lockstep.compare import Verdict
from lockstep.errors import NothingComparableError
from lockstep.execute.driver import Driver
from lockstep.execute.fleet import Fleet, same
from lockstep.execute.scratch import new_scratch
from lockstep.judge import Judgement, judge
from lockstep.protocol import ActionKind, Description
from lockstep.runtimes import registry
from lockstep.runtimes.model import Runtime
from lockstep.scenario.choices import Stream
from lockstep.scenario.generate import generate
from lockstep.simulate import Recording, simulate
from lockstep.trace import Header, Trace, record

TRY = 4
"""Of a costly trace a runtime that is new is tried on the beginning, one event in so many."""


class Bench:
    """Everything that jobs need, started once and used for many of them."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.runtimes = registry.select(",".join(plan.specs), plan.own)
        self.fleet = Fleet(self.runtimes, jobs=1, keeps=True, cold=plan.cold)
        driver = next(rt for rt in self.runtimes if rt.spec == plan.driver)
        self.driver = Driver(driver, plan.module)
        self.description = describe(self.driver)
        self._scratch = new_scratch()
        self._programs = ProgramBench(self.fleet, self.runtimes, plan.seed, self._scratch)
        self._steady: set[Runtime] = set()
        self._unfit: dict[str, str] = {}

    def __enter__(self) -> Bench:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.driver.close()
        self.fleet.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def run(self, index: int) -> Result:
        """Do job `index`."""
        turn = turn_of(self.plan, index)
        if is_program(self.plan, index):
            return self._programs.run(index, self._unfit)
        scenario = generate(Stream(self.plan.seed, index, "scenario"), self.description)
        self.driver.renew()
        with self.driver.close_by():
            recording = simulate(scenario, self.driver, self.description)
        plan = self.plan
        header = header_of(plan.guest, plan.sha256, plan.driver, plan.seed, index)
        trace = Trace(header, (*recording.events, protocol.digest()))
        return self._result(index, self._judged(trace, recording, turn), recording)

    def _judged(self, trace: Trace, recording: Recording, turn: int) -> _Judged:
        """The verdict of all whose turn it is; of a costly trace the slow judge the beginning.

        A trace that ends earlier is a trace, too: each runtime is compared on all that it judges.
        """
        cost = self.description.cost(trace.events)
        by_share: dict[int, list[Runtime]] = {}
        for runtime in self.runtimes:
            if takes_part(runtime, self.runtimes, turn):
                by_share.setdefault(share_of(runtime, self.runtimes, cost), []).append(runtime)
        ran: dict[str, tuple[int, float]] = {}
        broken: dict[str, str] = {}
        for share, judges in sorted(by_share.items()):
            part = beginning(trace, share)
            self._try_new(judges, beginning(part, TRY if cost >= COSTLY else 1))
            witness = [self.driver.runtime] if share > 1 else []
            fit = [rt for rt in dict.fromkeys([*witness, *judges]) if rt.name not in self._unfit]
            judged = self._judge(part, fit, recording)
            ran = {rt: (len(part.events), run.cpu_s) for rt, run in judged.runs.items()} | ran
            broken |= judged.broken
            if judged.verdict is not Verdict.AGREE:
                break
        return _Judged(part, msgspec.structs.replace(judged, broken=broken), ran)

    def _judge(self, trace: Trace, judges: list[Runtime], recording: Recording) -> Judgement:
        """The verdict of the judges, and of the simulation if it saw something else."""
        judging = partial(
            judge,
            self.fleet,
            self.plan.module,
            runtimes=judges,
            description=self.description,
            alone=True,
        )
        try:
            judged = judging(trace)
            seen = recording.observations[: len(trace.events) - 1]
            if judged.verdict is Verdict.AGREE and list(judged.frames[: len(seen)]) != seen:
                # The driver lives through many traces; the judges start from nothing.
                recorded = tuple(map(record, seen))
                judged = judging(msgspec.structs.replace(trace, recorded=recorded))
        except NothingComparableError as error:
            judged = Judgement(Verdict.INCOMPARABLE, reason=error.message)
        return judged

    def _try_new(self, judges: list[Runtime], trace: Trace) -> None:
        """Run each runtime against itself before it judges for the first time.

        One that does not run, or disagrees with itself, judges nothing.
        """
        for runtime in judges:
            if runtime in self._steady or runtime.name in self._unfit:
                continue
            one, other = self.fleet.run_many(runtime, self.plan.module, [trace.stdin()] * 2)
            if "host" in (one.end.kind, other.end.kind):
                broken = one if one.end.kind == "host" else other
                self._unfit[runtime.name] = broken.end.text or "it does not run"
            elif not same(one, other):
                self._unfit[runtime.name] = "it does not agree with itself on the same trace"
            else:
                self._steady.add(runtime)

    def _result(self, index: int, found: _Judged, recording: Recording) -> Result:
        commits, outcomes = census(recording.observations)
        # Outputs stay here: what crosses to the other process is the verdict and the cause.
        broken = {**self._unfit, **found.judged.broken}
        light = msgspec.structs.replace(found.judged, frames=(), runs={}, broken=broken)
        return Result(
            index,
            judged=light,
            events=len(recording.events) + 1,
            commits=commits,
            outcomes=outcomes,
            ran=found.ran,
            trace=None if light.verdict is Verdict.AGREE else found.trace,
        )


class _Judged(msgspec.Struct, frozen=True):
    """What the last judges said, on which part of the trace; `ran` is of all judges."""

    trace: Trace
    judged: Judgement
    ran: dict[str, tuple[int, float]]


def beginning(trace: Trace, share: int) -> Trace:
    """One event in `share` from the beginning, and the digest that ends it."""
    count = max(SHORT_MIN, len(trace.events) // share)
    if share == 1 or count >= len(trace.events):
        return trace
    return msgspec.structs.replace(trace, events=(*trace.events[:count], trace.events[-1]))


def header_of(guest: str, sha256: str, driver: str, seed: int, index: int) -> Header:
    """The header of the trace of a job."""
    return Header(
        guest=guest,
        sha256=sha256,
        lockstep=__version__,
        driver=driver,
        seed=str(seed),
        index=str(index),
    )


def describe(driver: Driver) -> Description:
    """Ask the guest what it is; raises `LockstepError` for one that does not speak the protocol."""
    observation = protocol.decode_observation(driver.step(protocol.describe()))
    return protocol.parse_description(protocol.report_of(observation))


def census(frames: list[bytes]) -> tuple[int, frozenset[int]]:
    """How many blocks were committed (each counted once), and which outcomes were seen."""
    blocks: set[bytes] = set()
    outcomes: set[int] = set()
    for frame in frames:
        outcomes.add(int.from_bytes(frame[4:6], "little"))
        if frame[38:40] != b"\0\0":
            for action in protocol.decode_observation(frame).actions:
                if action.kind == ActionKind.COMMIT:
                    blocks.add(action.body[:40])
    return len(blocks), frozenset(outcomes)
