"""One trace on N runtimes becomes a verdict.

The batch run is judged by its bytes. A stream that ends early says nothing by its length (how much
was answered depends on how reads were cut), so then every runtime runs again: what all of them
answered as a batch, the rest one event at a time, and the verdict comes from that run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from lockstep import protocol
from lockstep.compare import (
    OWN_ANSWERS,
    RECORDED,
    Divergence,
    Incomparable,
    Stream,
    Verdict,
    Voter,
    first_difference,
)
from lockstep.errors import NothingComparableError
from lockstep.execute.fleet import Fleet, How
from lockstep.execute.process import Ended, Run
from lockstep.invariants import Violation, check
from lockstep.protocol import Description, Event
from lockstep.runtimes.model import Runtime
from lockstep.trace import Recorded, Trace

_UNSURE = ("hang", "memory limit")
PATIENCE = 10
"""How many times its limit a runtime gets, alone in a fresh process, before it counts as hung."""


class Judgement(msgspec.Struct, frozen=True):
    """What a trace came to.

    `frames` are the answers of the group with the most lineages, `broken` the runtimes that could
    not run at all and why, `runs` what each runtime's batch run took. `dissenters` are not of the
    largest group that agrees from the first event to the last.
    """

    verdict: Verdict
    divergence: Divergence | None = None
    violation: Violation | None = None
    reason: str = ""
    frames: tuple[bytes, ...] = ()
    broken: Mapping[str, str] = {}
    runs: Mapping[str, Run] = {}
    dissenters: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """What kind of divergence, or `unsafe`; empty when there is neither."""
        if self.violation is not None:
            return Verdict.UNSAFE.value
        return self.divergence.kind.value if self.divergence is not None else ""

    @property
    def fingerprint(self) -> str:
        """Of the divergence or of the broken invariant; empty when there is neither."""
        if self.divergence is not None:
            return self.divergence.fingerprint
        return self.violation.fingerprint if self.violation is not None else ""


def judge(
    fleet: Fleet,
    module: Path,
    trace: Trace,
    runtimes: Iterable[Runtime],
    description: Description | None = None,
    *,
    alone: bool = False,
    reuse: bool = True,
) -> Judgement:
    """Run `trace` on all `runtimes` and compare them, and with what was recorded.

    With a `description` the invariants are checked too, and costly options get their time. Raises
    `NothingComparableError` where one runtime stands against nothing, unless `alone` allows it.
    `reuse` says that the module will come again.
    """
    stdin = trace.stdin()
    how = How(reuse, cost=description.cost(trace.events) if description else 1)
    runs = fleet.run_all(list(runtimes), module, stdin, how)
    broken = {rt.name: run.end.text for rt, run in runs.items() if run.end.kind == "host"}
    runs = {rt: run for rt, run in runs.items() if rt.name not in broken}
    recorded = _recorded_stream(trace)
    if len(runs) + (recorded is not None) < (1 if alone else 2):
        raise NothingComparableError(*_alone(runs, broken))
    found = _compare(fleet, module, trace, runs, recorded, how)
    return msgspec.structs.replace(
        _with_invariants(found, trace.events, description),
        broken=broken,
        runs={rt.name: run for rt, run in runs.items()},
    )


def _alone(runs: Mapping[Runtime, Run], broken: Mapping[str, str]) -> tuple[str]:
    names = ", ".join(f"{name} ({why})" for name, why in broken.items())
    if broken:
        return (f"nothing to compare: {names} did not run",)
    return (f"nothing to compare {' '.join(rt.name for rt in runs) or 'no runtime'} with",)


def _compare(
    fleet: Fleet,
    module: Path,
    trace: Trace,
    runs: Mapping[Runtime, Run],
    recorded: Stream | None,
    how: How,
) -> Judgement:
    agreed = _agreed(trace, runs) if recorded is None else None
    if agreed is not None:
        return Judgement(Verdict.AGREE, frames=tuple(agreed))
    streams = {rt: stream_of(rt, run) for rt, run in runs.items()}
    slow: dict[Runtime, str] = {}
    if not all(_clean(stream, trace) for stream in streams.values()):
        streams, slow = _again(fleet, module, trace, streams, how)
    return _verdict(trace, streams, recorded, slow)


def _agreed(trace: Trace, runs: Mapping[Runtime, Run]) -> list[bytes] | None:
    """The answers of all, where they are the same bytes from the first to a clean end."""
    if any((run.end.kind, run.end.code) != ("exit", _clean_code(trace)) for run in runs.values()):
        return None
    whole = [run.output for rt, run in runs.items() if rt.digests]
    others = [run.output for rt, run in runs.items() if not rt.digests]
    frames, rest = protocol.split_frames((whole or others)[0])
    if rest or len(frames) != len(trace.events) or any(output != whole[0] for output in whole):
        return None
    own = [index for index, event in enumerate(trace.events) if event.kind in OWN_ANSWERS]
    for output in others:
        theirs, rest = protocol.split_frames(output)
        if rest or len(theirs) != len(frames):
            return None
        for index in own:
            theirs[index] = frames[index]
        if theirs != frames:
            return None
    return frames


def _again(
    fleet: Fleet, module: Path, trace: Trace, streams: Mapping[Runtime, Stream], how: How
) -> tuple[dict[Runtime, Stream], dict[Runtime, str]]:
    """Everyone again from the commonly answered prefix on, one event at a time."""
    prefix = min(len(stream.answers) for stream in streams.values())
    frames = [event.encode() for event in trace.events]
    frames += [trace.tail] if trace.tail else []
    again: dict[Runtime, Stream] = {}
    slow: dict[Runtime, str] = {}
    for runtime, before in streams.items():
        run = fleet.stepped(runtime, module, frames, prefix, patience=PATIENCE, cost=how.cost)
        if before.ended.kind in _UNSURE and run.end.kind == "exit":
            slow[runtime] = f"{runtime.name} was only slow: {before.ended.kind} at first, not again"
        again[runtime] = stream_of(runtime, run)
    return again, slow


def _verdict(
    trace: Trace,
    streams: Mapping[Runtime, Stream],
    recorded: Stream | None,
    slow: Mapping[Runtime, str],
) -> Judgement:
    votes = {voter_of(rt): stream for rt, stream in streams.items()}
    if recorded is not None:
        votes[RECORDED] = recorded
    suspects = trace.header.suspects.split(",") if trace.header.suspects else ()
    found = first_difference(trace.events, votes, suspects)
    frames = _majority_frames(streams, found)
    if isinstance(found, Incomparable):
        return Judgement(Verdict.INCOMPARABLE, reason=found.reason, frames=frames)
    if found is not None:
        dissenters = _dissenters(trace, votes)
        return Judgement(Verdict.DIVERGE, found, frames=frames, dissenters=dissenters)
    if slow:
        return Judgement(Verdict.INCOMPARABLE, reason="; ".join(slow.values()), frames=frames)
    return Judgement(Verdict.AGREE, frames=frames)


def _dissenters(trace: Trace, votes: Mapping[Voter, Stream]) -> tuple[str, ...]:
    """Those outside of the largest group of voters who agree from the first event to the last."""
    groups: list[list[Voter]] = []
    for voter in votes:
        for group in groups:
            if not _differ(trace, {one: votes[one] for one in (group[0], voter)}):
                group.append(voter)
                break
        else:
            groups.append([voter])
    largest = max(groups, key=lambda group: (len({v.lineage for v in group}), len(group)))
    return tuple(voter.name for voter in votes if voter not in largest)


def _differ(trace: Trace, votes: Mapping[Voter, Stream]) -> bool:
    return isinstance(first_difference(trace.events, votes), Divergence)


def _majority_frames(
    streams: Mapping[Runtime, Stream], found: Divergence | Incomparable | None
) -> tuple[bytes, ...]:
    witness = found.witness() if isinstance(found, Divergence) else None
    for runtime, stream in streams.items():
        if witness is None or runtime.name == witness:
            return tuple(_frames(stream))
    return ()


def _with_invariants(
    found: Judgement, events: Sequence[Event], description: Description | None
) -> Judgement:
    if description is None or found.verdict is not Verdict.AGREE:
        return found
    violation = check(events, found.frames, description)
    if violation is None:
        return found
    return msgspec.structs.replace(
        found, verdict=Verdict.UNSAFE, violation=violation, reason=violation.text
    )


def voter_of(runtime: Runtime) -> Voter:
    """The vote of `runtime`."""
    return Voter(runtime.name, runtime.lineage, runtime.digests)


def stream_of(runtime: Runtime, run: Run) -> Stream:
    """What `runtime` answered, cut into frames, its trap read by its own row of texts."""
    frames, rest = protocol.split_frames(run.output)
    traps = runtime.trap_kinds(run.end.text) if run.end.kind == "trap" else frozenset()
    return Stream(frames, run.end, traps, rest)


def _frames(stream: Stream) -> list[bytes]:
    return [answer for answer in stream.answers if isinstance(answer, bytes)]


def _clean(stream: Stream, trace: Trace) -> bool:
    """Whether the run ended as it should, every event answered."""
    answered = len(stream.answers) == len(trace.events) and not stream.rest
    return answered and (stream.ended.kind, stream.ended.code) == ("exit", _clean_code(trace))


def _clean_code(trace: Trace) -> int:
    return protocol.EXIT_BAD_FRAME if trace.tail else protocol.EXIT_END_OF_INPUT


def _recorded_stream(trace: Trace) -> Stream | None:
    """The recorded observations as a stream; an event without one fits any answer."""
    known: Sequence[Recorded | None] = trace.recorded
    if not any(recorded is not None for recorded in known):
        return None
    padded = [*known, *[None] * (len(trace.events) - len(known))]
    return Stream(padded, Ended("exit", _clean_code(trace), ""))
