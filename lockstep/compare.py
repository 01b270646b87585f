"""Streams of observations in, a divergence out: where, what kind, who with whom, whom to suspect.

The streams are compared as bytes; nothing is decoded before they differ. An answer is what a
runtime gave for one event: an observation, or the way its process ended instead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from lockstep import protocol
from lockstep.errors import ProtocolError
from lockstep.execute.process import Ended
from lockstep.lawful import lawful_reason
from lockstep.protocol import Event, EventKind
from lockstep.trace import Recorded, record
from lockstep.trace.words import kind_name


class Verdict(StrEnum):
    """What a trace came to (see docs/verdicts in ARCHITECTURE.md)."""

    AGREE = "agree"
    DIVERGE = "diverge"
    UNSAFE = "unsafe"
    INCOMPARABLE = "incomparable"


class Kind(StrEnum):
    """What differs first, in the order in which it is looked for."""

    REJECTED = "rejected"
    CRASH = "crash"
    HANG = "hang"
    MEMORY_LIMIT = "memory limit"
    TRAP = "trap"
    GARBLED = "garbled"
    OUTCOME = "outcome"
    ACTIONS = "actions"
    STATE = "state"
    MEMORY = "memory"


class Voter(msgspec.Struct, frozen=True):
    """Who answers: the name of a runtime (`engine:tier`), its lineage, whether digests count."""

    name: str
    lineage: str
    digests: bool = True


RECORDED = Voter("recorded", "recorded")
"""The observations that a trace was recorded with, as one more voter."""


OWN_ANSWERS = frozenset({EventKind.DIGEST, EventKind.DESCRIBE})
"""What a build without a linear memory answers in its own way: digests, and that it has none."""


class Answer(msgspec.Struct, frozen=True):
    """What came for one event: exactly one of `frame`, `short` and `ended` is set.

    `traps` are the kinds of trap that the ending may be; empty for other endings.
    """

    frame: bytes | None = None
    short: Recorded | None = None
    ended: Ended | None = None
    traps: frozenset[str] = frozenset()

    def recorded(self) -> Recorded | None:
        """The short form, None for an ending or for bytes that are no observation."""
        return record(self.frame) if self.frame is not None else self.short

    def __str__(self) -> str:
        if self.ended is not None:
            words = f"ended {self.ended.kind} {self.ended.code} {self.ended.text}"
            return " ".join(words.split())
        short = self.recorded()
        return str(short) if short else "garbled"


class Stream(msgspec.Struct, frozen=True):
    """All that one voter answered: `answers[i]` for event i, then how it ended."""

    answers: Sequence[bytes | Recorded | None]
    ended: Ended
    traps: frozenset[str] = frozenset()
    rest: bytes = b""

    def at(self, index: int) -> Answer:
        """The answer to event `index`; at the number of events, and behind an end, the ending."""
        if index < len(self.answers):
            found = self.answers[index]
            if isinstance(found, bytes):
                return Answer(frame=found)
            return Answer(short=found)
        if self.rest and self.ended.kind == "exit":
            return Answer(frame=self.rest)
        return Answer(ended=self.ended, traps=self.traps)


class Group(msgspec.Struct, frozen=True):
    """Voters that gave one answer."""

    voters: tuple[Voter, ...]
    answer: Answer

    @property
    def lineages(self) -> frozenset[str]:
        """The votes of the group: lineages count, runtimes do not."""
        return frozenset(voter.lineage for voter in self.voters)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its voters, sorted."""
        return tuple(sorted(voter.name for voter in self.voters))


class Divergence(msgspec.Struct, frozen=True):
    """The first event whose answers differ. `index` = number of events means the end of input."""

    index: int
    event: Event | None
    kind: Kind
    groups: tuple[Group, ...]
    suspects: tuple[str, ...]
    fingerprint: str

    def about(self, name: str) -> Divergence:
        """Between the group of voter `name` and the first one alone: others differ otherwise."""
        first, *rest = self.groups
        groups = (first, *(group for group in rest if name in group.names))
        return _between(self.index, self.event, groups)

    def witness(self) -> str | None:
        """A voter that is no suspect and stands for the answer of the most lineages."""
        for group in self.groups:
            for name in group.names:
                if name not in self.suspects and name != RECORDED.name:
                    return name
        return None


class Incomparable(msgspec.Struct, frozen=True):
    """The guest asked for something whose limit may lawfully differ."""

    index: int
    reason: str


def first_difference(
    events: Sequence[Event],
    streams: Mapping[Voter, Stream],
    suspects: Sequence[str] = (),
) -> Divergence | Incomparable | None:
    """Compare `streams` step by step; None when they agree to the end.

    `suspects` are those named by an earlier run with more voters: where the answers still set
    exactly them apart, they stay the suspects, since two voters alone can only tie.
    """
    for index in range(len(events) + 1):
        event = events[index] if index < len(events) else None
        answers = {voter: stream.at(index) for voter, stream in streams.items()}
        groups = group(answers, event)
        if len(groups) > 1:
            return _differ(index, event, groups, suspects)
        if any(answer.ended is not None for answer in answers.values()):
            return None
    return None


def group(answers: Mapping[Voter, Answer], event: Event | None = None) -> list[Group]:
    """Put equal answers together, the group with the most lineages first."""
    is_own = event is not None and event.kind in OWN_ANSWERS
    sets: list[tuple[Answer, list[Voter]]] = []
    specific_first = sorted(answers, key=lambda v: (len(answers[v].traps), v.name))
    for voter in specific_first:
        answer = answers[voter]
        if is_own and not voter.digests and answer.ended is None:
            continue
        for standing, voters in sets:
            if same(standing, answer):
                voters.append(voter)
                break
        else:
            sets.append((answer, [voter]))
    groups = [Group(tuple(sorted(voters, key=_by_name)), answer) for answer, voters in sets]
    return sorted(groups, key=lambda g: (-len(g.lineages), -len(g.voters), g.names))


def same(one: Answer, other: Answer) -> bool:
    """Whether two answers may be of one behaviour."""
    if one.ended is not None or other.ended is not None:
        return _same_end(one, other)
    if one.frame is not None and other.frame is not None:
        return one.frame == other.frame
    short, long = one.recorded(), other.recorded()
    return short is None or long is None or short == long


def _same_end(one: Answer, other: Answer) -> bool:
    if one.ended is None or other.ended is None:
        # A trace may have been recorded without its ending: an unrecorded answer fits any.
        return _unrecorded(one) or _unrecorded(other)
    if one.ended.kind != other.ended.kind:
        return False
    if one.ended.kind == "trap":
        return not one.traps or not other.traps or bool(one.traps & other.traps)
    return one.ended.code == other.ended.code


def _unrecorded(answer: Answer) -> bool:
    return answer.frame is None and answer.short is None and answer.ended is None


def _differ(
    index: int, event: Event | None, groups: Sequence[Group], prior: Sequence[str]
) -> Divergence | Incomparable:
    for standing in groups:
        if reason := lawful_reason(standing.answer.ended, standing.answer.traps):
            return Incomparable(index, reason)
    return _between(index, event, groups, prior)


def _between(
    index: int, event: Event | None, groups: Sequence[Group], prior: Sequence[str] = ()
) -> Divergence:
    kind = kind_of(groups, event)
    suspects = _kept_apart(groups, prior) or suspects_of(groups)
    return Divergence(
        index, event, kind, tuple(groups), suspects, fingerprint(kind, event, groups, suspects)
    )


def kind_of(groups: Sequence[Group], event: Event | None) -> Kind:
    """What kind of difference stands between `groups`, the gravest first."""
    endings = {g.answer.ended.kind for g in groups if g.answer.ended is not None}
    for kind in (Kind.REJECTED, Kind.CRASH, Kind.HANG, Kind.MEMORY_LIMIT, Kind.TRAP):
        if kind in endings:
            return kind
    if endings:
        return Kind.GARBLED
    shorts = [g.answer.recorded() for g in groups]
    if any(short is None for short in shorts):
        return Kind.GARBLED
    known = [short for short in shorts if short is not None]
    if len({short.outcome for short in known}) > 1:
        return Kind.OUTCOME
    if event is not None and event.kind == EventKind.DIGEST:
        return Kind.MEMORY
    if len({(short.actions, short.digest) for short in known}) > 1:
        return Kind.ACTIONS
    return Kind.STATE


def suspects_of(groups: Sequence[Group]) -> tuple[str, ...]:
    """Everyone outside the group with the most lineages; nobody when two groups tie for it."""
    if len(groups[0].lineages) == len(groups[1].lineages):
        return ()
    return tuple(sorted(name for g in groups[1:] for name in g.names))


def _kept_apart(groups: Sequence[Group], prior: Sequence[str]) -> tuple[str, ...]:
    """`prior`, if some of them answered here and none of them answered as anyone else did."""
    suspected = set(prior)
    apart = [g for g in groups if set(g.names) <= suspected]
    mixed = [g for g in groups if suspected & set(g.names) and g not in apart]
    return tuple(sorted(suspected)) if apart and not mixed and len(apart) < len(groups) else ()


def fingerprint(
    kind: Kind, event: Event | None, groups: Sequence[Group], suspects: Sequence[str]
) -> str:
    """What stays the same while a find is reduced, and what two finds share to be one bug.

    The kind, what was being done, who stands apart, and how a trap or crash looked; never a
    version or an index, so that a bug keeps its fingerprint from release to release.
    """
    sides = sorted(suspects) if suspects else sorted("=".join(g.names) for g in groups)
    endings = sorted({_end_word(group.answer) for group in groups} - {""})
    step = kind_name(event.kind) if event is not None else "end of input"
    if kind is Kind.REJECTED:
        step = "module"  # refused before any event
    text = "\n".join([kind, step, *sides, *endings])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _end_word(answer: Answer) -> str:
    ended = answer.ended
    if ended is None or ended.kind in ("hang", "memory limit", "rejected"):
        return ""
    if ended.kind == "exit" and ended.code == 0:
        return ""  # the end that every stream has
    if ended.kind == "trap":
        return "trap " + "/".join(sorted(answer.traps))
    return f"{ended.kind} {ended.code}"


def _by_name(voter: Voter) -> str:
    return voter.name


def is_observation(frame: bytes) -> bool:
    """Whether `frame` is one whole observation."""
    try:
        protocol.decode_observation(frame)
    except ProtocolError:
        return False
    return True
