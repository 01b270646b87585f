"""Where streams differ, of what kind, who is suspected, and what keeps a fingerprint."""

from __future__ import annotations

import pytest

from lockstep import protocol
from lockstep.compare import (
    RECORDED,
    Divergence,
    Incomparable,
    Kind,
    Stream,
    Voter,
    first_difference,
)
from lockstep.execute.process import Ended
from lockstep.protocol import Action, Event, Observation
from lockstep.trace import record

EVENTS: tuple[Event, ...] = (protocol.timeout(0, 1), protocol.timeout(0, 2), protocol.digest())
A, B, C = Voter("a:x", "la"), Voter("b:x", "lb"), Voter("c:x", "lc")
FINE = Ended("exit", 0, "")


def frame(outcome: int = 16, state: int = 1, *actions: bytes) -> bytes:
    done = tuple(Action(1, body) for body in actions)
    return protocol.encode_observation(Observation(outcome, bytes([state]) * 32, done))


GOOD = (frame(16, 1), frame(17, 2, b"m"), frame(0, 0, b"pages"))


def diverge(*streams: tuple[Voter, Stream], suspects: tuple[str, ...] = ()) -> Divergence:
    found = first_difference(EVENTS, dict(streams), suspects)
    assert isinstance(found, Divergence)
    return found


def good(voter: Voter) -> tuple[Voter, Stream]:
    return voter, Stream(GOOD, FINE)


def ending(kind: str, after: int, *traps: str, code: int = 0) -> Stream:
    return Stream(GOOD[:after], Ended(kind, code, ""), frozenset(traps))  # type: ignore[arg-type]


def test_equal_streams_agree() -> None:
    assert first_difference(EVENTS, dict([good(A), good(B), good(C)])) is None


@pytest.mark.parametrize(
    ("at", "answer", "kind"),
    [
        (0, frame(18, 1), Kind.OUTCOME),
        (0, frame(16, 9), Kind.STATE),
        (1, frame(17, 2, b"n"), Kind.ACTIONS),
        (1, frame(17, 9, b"n"), Kind.ACTIONS),
        (1, frame(17, 2), Kind.ACTIONS),
        (1, frame(17, 9, b"m"), Kind.STATE),
        (2, frame(0, 0, b"other"), Kind.MEMORY),
        (1, b"\4\0\0\0abcd", Kind.GARBLED),
    ],
)
def test_the_first_other_answer_is_named_with_its_kind(at: int, answer: bytes, kind: Kind) -> None:
    other = Stream((*GOOD[:at], answer, *GOOD[at + 1 :]), FINE)
    found = diverge(good(A), (B, other), good(C))
    assert (found.index, found.kind, found.suspects) == (at, kind, ("b:x",))


@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize(
    ("end", "kind"),
    [
        ("trap", Kind.TRAP),
        ("crash", Kind.CRASH),
        ("hang", Kind.HANG),
        ("memory limit", Kind.MEMORY_LIMIT),
        ("exit", Kind.GARBLED),
    ],
)
def test_an_early_end_is_named_wherever_it_comes(end: str, kind: Kind, after: int) -> None:
    found = diverge(good(A), (B, ending(end, after, code=7)), good(C))
    assert (found.index, found.kind, found.suspects) == (after, kind, ("b:x",))


def test_lineages_vote_not_runtimes() -> None:
    twins = [Voter(f"twin{i}:x", "one") for i in range(5)]
    wrong = Stream((frame(16, 9), *GOOD[1:]), FINE)
    found = diverge(good(A), good(B), *((twin, wrong) for twin in twins))
    assert found.suspects == tuple(sorted(twin.name for twin in twins))


def test_a_tie_suspects_nobody_and_names_both_groups() -> None:
    found = diverge(good(A), (B, Stream((frame(16, 9), *GOOD[1:]), FINE)))
    assert found.suspects == ()
    assert {group.names for group in found.groups} == {("a:x",), ("b:x",)}


def test_known_suspects_stay_suspects_when_two_alone_can_only_tie() -> None:
    wrong = (B, Stream((frame(16, 9), *GOOD[1:]), FINE))
    all_three = diverge(good(A), wrong, good(C))
    two = diverge(good(A), wrong, suspects=all_three.suspects)
    assert two.fingerprint == all_three.fingerprint
    other_way = diverge(good(A), wrong, suspects=("a:x", "b:x"))
    assert other_way.suspects == ()


def test_the_fingerprint_knows_neither_index_nor_state() -> None:
    early = diverge(good(A), good(C), (B, Stream((frame(16, 9), *GOOD[1:]), FINE)))
    late = diverge(good(A), good(C), (B, Stream((GOOD[0], frame(17, 8, b"m"), GOOD[2]), FINE)))
    outcome = diverge(good(A), good(C), (B, Stream((frame(19, 9), *GOOD[1:]), FINE)))
    assert early.fingerprint == late.fingerprint
    assert early.fingerprint != outcome.fingerprint


def test_traps_that_cannot_be_told_apart_are_the_same() -> None:
    vague = ending("trap", 1, "undefined element", "indirect call type mismatch")
    exact = ending("trap", 1, "undefined element")
    assert first_difference(EVENTS, {A: vague, B: exact}) is None
    found = diverge((A, ending("trap", 1, "unreachable")), (B, exact), (C, vague))
    assert (found.kind, found.suspects) == (Kind.TRAP, ("a:x",))


def test_running_out_of_stack_is_not_comparable() -> None:
    found = first_difference(EVENTS, dict([good(A), (B, ending("trap", 1, "stack exhausted"))]))
    assert isinstance(found, Incomparable)
    assert (found.index, "call depth" in found.reason) == (1, True)


def test_digests_of_a_runtime_without_them_do_not_count() -> None:
    native = Voter("native:x", "lb", digests=False)
    none = Stream((*GOOD[:2], frame(3, 0)), FINE)
    assert first_difference(EVENTS, dict([good(A), (native, none)])) is None


def test_an_early_exit_and_a_surplus_answer_are_garbled() -> None:
    early = diverge(good(A), good(C), (B, Stream(GOOD[:2], FINE)))
    surplus = diverge(good(A), good(C), (B, Stream((*GOOD, GOOD[0]), FINE)))
    cut = diverge(good(A), good(C), (B, Stream(GOOD[:2], FINE, rest=GOOD[2][:-1])))
    assert [found.kind for found in (early, surplus, cut)] == [Kind.GARBLED] * 3
    assert [found.index for found in (early, surplus, cut)] == [2, 3, 2]


def test_one_runtime_is_compared_with_what_was_recorded() -> None:
    recorded = Stream([record(GOOD[0]), None, record(GOOD[2])], FINE)
    assert first_difference(EVENTS, {A: Stream(GOOD, FINE), RECORDED: recorded}) is None
    wrong = Stream((GOOD[0], GOOD[1], frame(0, 0, b"other")), FINE)
    found = first_difference(EVENTS, {A: wrong, RECORDED: recorded})
    assert isinstance(found, Divergence)
    assert (found.index, found.kind) == (2, Kind.MEMORY)
