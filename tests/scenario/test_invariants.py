"""What is a violation, whose it can be, and when nothing is promised."""

import struct

import pytest
from fake_guest import DESCRIPTION, PROPOSAL, VOTE

from lockstep import protocol
from lockstep.invariants import Violation, check
from lockstep.protocol import Action, ActionKind, Event, Init, Observation

FOUR = (0, 1, 2, 3)


class Story:
    """A trace written by hand, with its answers."""

    def __init__(self, nodes: tuple[int, ...] = FOUR, n: int = 4, **settings: object) -> None:
        self.events: list[Event] = []
        self.frames: list[bytes] = []
        for node, replica in enumerate(nodes):
            self.start(node, replica, n, **settings)

    def start(self, node: int, replica: int, n: int = 4, seed: int = 1) -> None:
        self.add(protocol.init(node, Init(replica, n, seed)))

    def add(self, event: Event, *actions: Action, outcome: int = 0) -> None:
        self.events.append(event)
        observation = Observation(outcome, bytes(32), actions)
        self.frames.append(protocol.encode_observation(observation))

    def commits(self, node: int, height: int, block: str = "a", **changes: object) -> None:
        self.add(protocol.timeout(node, 1), commit(height, block, **changes))

    def sends(self, node: int, message: bytes, receiver: int | None = None) -> None:
        if receiver is None:
            action = Action(ActionKind.BROADCAST, message)
        else:
            action = Action(ActionKind.SEND, struct.pack("<H", receiver) + message)
        self.add(protocol.timeout(node, 1), action)

    def hears(self, node: int, sender: int, message: bytes) -> None:
        self.add(protocol.deliver(node, sender, message))

    def verdict(self) -> Violation | None:
        return check(self.events, self.frames, DESCRIPTION)

    def broken(self) -> tuple[str, int] | None:
        found = self.verdict()
        return (found.name, found.index) if found else None


def commit(
    height: int, block: str, state: str = "s", commands: tuple[tuple[int, int], ...] = ()
) -> Action:
    body = struct.pack("<Q", height) + block.encode() * 32 + state.encode() * 32
    body += struct.pack("<H", len(commands))
    for client, sequence in commands:
        body += struct.pack("<QQI", client, sequence, 1) + b"x"
    return Action(ActionKind.COMMIT, body)


def vote(view: int, block: bytes = b"a") -> bytes:
    return struct.pack("<BQ", VOTE, view) + block * 32


def split(story: Story) -> Story:
    """Two correct replicas, 1 and 2, decide differently; 8 events from the start on."""
    story.commits(1, 1, "a")
    story.commits(2, 1, "b")
    return story


def test_nothing_is_wrong_with_replicas_that_agree() -> None:
    story = Story()
    for node in FOUR:
        story.commits(node, 1, "a", commands=((1, 1),))
        story.commits(node, 2, "b", commands=((1, 2), (2, 2)))
        story.sends(node, vote(1), receiver=2)
        story.sends(node, vote(2), receiver=3)
    assert story.verdict() is None


def test_two_blocks_at_one_height_break_agreement() -> None:
    found = split(Story()).verdict()
    assert found == Violation(5, "agreement", "nodes 1 and 2 differ in the block at height 1")


def test_a_fingerprint_is_that_of_the_invariant() -> None:
    at_5, at_9 = Violation(5, "agreement", "one"), Violation(9, "agreement", "other")
    assert at_5.fingerprint == at_9.fingerprint != Violation(5, "gap", "one").fingerprint


def test_one_block_with_two_results_breaks_the_application() -> None:
    story = Story()
    story.commits(0, 1, "a", state="s")
    story.commits(3, 1, "a", state="t")
    assert story.broken() == ("application", 5)


@pytest.mark.parametrize("heights", [(2,), (1, 3), (1, 1), (1, 2, 1)])
def test_heights_come_one_after_another_from_1(heights: tuple[int, ...]) -> None:
    story = Story()
    for height in heights:
        story.commits(2, height)
    assert story.broken() == ("gap", 3 + len(heights))


def test_a_command_is_executed_once_on_each_node() -> None:
    story = Story()
    story.commits(0, 1, commands=((1, 1),))
    story.commits(1, 1, commands=((1, 1),))
    story.commits(0, 2, commands=((2, 1), (1, 2)))
    assert story.verdict() is None
    story.commits(0, 3, commands=((1, 1),))
    assert story.broken() == ("executed once", 7)


def test_a_correct_replica_votes_once() -> None:
    story = Story()
    story.sends(1, vote(5), receiver=2)
    story.sends(1, vote(5), receiver=3)
    story.sends(1, vote(6, b"b"))
    story.sends(2, vote(5, b"b"))
    assert story.verdict() is None
    story.sends(1, vote(5, b"b"))
    assert story.broken() == ("once vote", 8)


def test_kinds_without_such_a_promise_may_differ() -> None:
    story = Story()
    story.sends(1, bytes([PROPOSAL]) + b"a" * 40)
    story.sends(1, bytes([PROPOSAL]) + b"b" * 40)
    story.sends(1, b"")
    assert story.verdict() is None


def test_the_first_violation_is_told() -> None:
    story = Story()
    story.sends(1, vote(5))
    story.sends(1, vote(5, b"b"))
    assert split(story).broken() == ("once vote", 5)


def test_twins_are_not_judged_but_the_others_are() -> None:
    story = Story((*FOUR, 0))
    story.commits(0, 1, "a")
    story.commits(4, 1, "b")
    story.sends(0, vote(1, b"a"))
    story.sends(4, vote(1, b"b"))
    assert story.verdict() is None
    assert split(story).broken() == ("agreement", 10)


def test_who_sends_what_it_never_said_is_faulty() -> None:
    story = Story()
    story.hears(0, 2, b"\x01 invented")
    assert split(story).verdict() is None
    story.commits(3, 1, "c")
    assert story.broken() == ("agreement", 7)


def test_a_message_that_was_sent_before_may_come_again_and_anywhere() -> None:
    story = Story()
    story.sends(2, b"\x01 said", receiver=0)
    story.hears(1, 2, b"\x01 said")
    story.hears(1, 2, b"\x01 said")
    assert split(story).broken() == ("agreement", 8)


def test_a_message_that_comes_before_it_is_sent_is_invented() -> None:
    story = Story()
    story.hears(1, 2, b"\x01 said")
    story.sends(2, b"\x01 said", receiver=0)
    assert split(story).verdict() is None


def test_a_twin_may_bring_what_its_twin_said() -> None:
    story = Story((*FOUR, 0))
    story.sends(4, b"\x01 said")
    story.hears(1, 0, b"\x01 said")
    assert split(story).broken() == ("agreement", 8)


def test_a_node_that_starts_twice_is_faulty() -> None:
    story = Story()
    story.start(1, 1)
    assert split(story).verdict() is None
    story.commits(3, 1, "c")
    assert story.broken() == ("agreement", 7)


def test_a_refused_start_is_none() -> None:
    story = Story()
    story.add(Event(1, protocol.EventKind.INIT, b"short"), outcome=protocol.Outcome.MALFORMED)
    assert split(story).broken() == ("agreement", 6)


def test_nothing_is_promised_with_too_many_faulty_replicas() -> None:
    story = Story()
    story.hears(0, 3, b"\x01 invented")
    story.hears(0, 0, b"\x01 invented")
    assert split(story).verdict() is None


def test_more_replicas_bear_more_faults() -> None:
    story = Story((*range(7), 0, 5), n=7)
    story.commits(1, 1, "a")
    story.commits(2, 1, "b")
    assert story.broken() == ("agreement", 10)
    story.hears(0, 4, b"\x01 invented")
    assert story.verdict() is None


def test_nothing_is_promised_to_nodes_that_were_not_started_alike() -> None:
    story = Story(FOUR[:3])
    story.start(3, 3, seed=2)
    assert split(story).verdict() is None


def test_events_at_nodes_that_were_never_started_mean_nothing() -> None:
    story = Story()
    for sender in FOUR:
        story.hears(9, sender, b"\x01 invented")
    story.add(Event(0, protocol.EventKind.DELIVER, b"\x00"), outcome=protocol.Outcome.MALFORMED)
    assert split(story).broken() == ("agreement", 10)


def test_answers_that_are_missing_or_garbled_end_the_story() -> None:
    story = split(Story())
    assert check(story.events, story.frames[:5], DESCRIPTION) is None
    assert check(story.events, [*story.frames[:5], b"\xff" * 50], DESCRIPTION) is None
    assert check([*story.events, story.events[0]], [*story.frames, b"\xff" * 50], DESCRIPTION)
