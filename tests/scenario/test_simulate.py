"""A scenario becomes a trace: who hears whom, when timers fire, what the faulty replica sends."""

import struct

import pytest
from fake_guest import DESCRIPTION, PROPOSAL, TIMER_MS, VOTE, FakeGuest

from lockstep import protocol
from lockstep.execute.process import EarlyEnd, Ended
from lockstep.protocol import Event, EventKind
from lockstep.scenario.choices import Stream
from lockstep.scenario.generate import generate
from lockstep.scenario.model import (
    Clocks,
    Faulty,
    Forgery,
    Load,
    Network,
    Phase,
    Restart,
    Scenario,
)
from lockstep.simulate import Recording, as_numbers, simulate

FOUR = (0, 1, 2, 3)


def play(scenario: Scenario) -> Recording:
    return simulate(scenario, FakeGuest(), DESCRIPTION)


def cluster(**changes: object) -> Scenario:
    return Scenario(**{"n": 4, "nodes": FOUR, "events_max": 200, **changes})


def of_kind(recording: Recording, kind: EventKind) -> list[Event]:
    return [event for event in recording.events if event.kind == kind]


def deliveries(recording: Recording, kind: int) -> list[tuple[int, int, bytes]]:
    """Sender, target node and message of each `deliver` of that kind of message."""
    parsed = [
        (event.node, *protocol.parse_deliver(event.body))
        for event in recording.events
        if event.kind == EventKind.DELIVER
    ]
    return [(sender, node, m) for node, sender, m in parsed if m[:1] == bytes([kind])]


def commits(recording: Recording) -> dict[int, list[bytes]]:
    """The blocks that each node committed."""
    found: dict[int, list[bytes]] = {}
    for event, frame in zip(recording.events, recording.observations, strict=True):
        for action in protocol.decode_observation(frame).actions:
            if action.kind == protocol.ActionKind.COMMIT:
                found.setdefault(event.node, []).append(protocol.parse_commit(action.body).block)
    return found


def test_a_trace_is_a_pure_function_of_the_scenario() -> None:
    for index in range(40):
        scenario = generate(Stream(2, index, "scenario"), DESCRIPTION)
        assert play(scenario) == play(scenario)


def test_every_event_has_its_observation() -> None:
    recording = play(cluster())
    assert len(recording.events) == len(recording.observations) == 200
    assert recording.end is None


def test_nodes_of_a_calm_cluster_commit_the_same_blocks() -> None:
    logs = sorted(commits(play(cluster())).values(), key=len)
    assert len(logs) == 4
    assert len(logs[0]) > 10
    assert all(log[: len(logs[0])] == logs[0] for log in logs)


def test_init_says_what_the_scenario_says() -> None:
    scenario = cluster(
        nodes=(*FOUR, 2), seed=99, schedule=(3, 1), options={"pace": "hasty"}, events_max=5
    )
    inits = [protocol.parse_init(event.body) for event in play(scenario).events]
    assert [init.replica for init in inits] == [0, 1, 2, 3, 2]
    assert {init[1:] for init in inits} == {(4, 99, (3, 1), b"\x02\x00\x00")}


def test_a_broadcast_reaches_every_node_of_other_replicas_once() -> None:
    recording = play(cluster(nodes=(*FOUR, 0), schedule=(1,), events_max=16))
    sender, first = deliveries(recording, PROPOSAL)[0][::2]
    hearers = [node for _, node, message in deliveries(recording, PROPOSAL) if message == first]
    assert sender == 1
    assert sorted(hearers) == [0, 2, 3, 4]


@pytest.mark.parametrize("hears_twin", [False, True])
def test_a_twin_hears_its_twin_only_where_that_was_drawn(hears_twin: bool) -> None:
    recording = play(cluster(nodes=(*FOUR, 0), schedule=(0,) * 50, hears_twin=hears_twin))
    hearers = {node for sender, node, _ in deliveries(recording, PROPOSAL) if sender == 0}
    assert hearers == ({0, 1, 2, 3, 4} if hears_twin else {1, 2, 3})


def test_a_send_reaches_all_nodes_of_its_receiver() -> None:
    recording = play(cluster(nodes=(*FOUR, 0), schedule=(0,) * 50))
    assert {node for sender, node, _ in deliveries(recording, VOTE) if sender != 0} == {0, 4}


def test_a_phase_of_views_cuts_by_the_view_of_the_sender() -> None:
    phase = Phase(start=1, end=5, groups=((0, 1), (2, 3)))
    found = deliveries(play(cluster(phases=(phase,))), PROPOSAL)
    cut = [(s, n) for s, n, m in found if struct.unpack_from("<Q", m, 1)[0] < 4]
    later = [(s, n) for s, n, m in found if struct.unpack_from("<Q", m, 1)[0] > 5]
    assert cut
    assert all((sender < 2) == (node < 2) for sender, node in cut)
    assert any((sender < 2) != (node < 2) for sender, node in later)


def test_a_phase_of_time_cuts_while_it_lasts() -> None:
    forever = Phase(start=0, end=1 << 40, groups=((0, 1, 2),), timed=True)
    found = deliveries(play(cluster(phases=(forever,))), PROPOSAL)
    assert found
    assert not [pair for pair in found if 3 in pair[:2]]
    over = Phase(start=0, end=1, groups=(), timed=True)
    assert {node for _, node, _ in deliveries(play(cluster(phases=(over,))), PROPOSAL)} == {*FOUR}


def test_a_phase_of_some_kinds_lets_the_others_pass() -> None:
    phase = Phase(start=0, end=1 << 40, groups=(), kinds=(VOTE,))
    recording = play(cluster(phases=(phase,)))
    assert deliveries(recording, PROPOSAL)
    assert not deliveries(recording, VOTE)


def test_late_messages_arrive_after_the_phase() -> None:
    lossy = play(cluster(phases=(Phase(start=0, end=1 << 40, groups=()),)))
    late = play(cluster(phases=(Phase(start=0, end=1 << 40, groups=(), late_ms=500),)))
    assert not deliveries(lossy, PROPOSAL)
    assert deliveries(late, PROPOSAL)


def test_all_messages_can_be_dropped_and_all_doubled() -> None:
    assert not of_kind(play(cluster(network=Network(drop=1000))), EventKind.DELIVER)
    doubled = play(cluster(network=Network(duplicate=1000), events_max=1000))
    first = deliveries(doubled, PROPOSAL)[0]
    assert deliveries(doubled, PROPOSAL).count(first) == 2


def test_old_messages_are_replayed() -> None:
    found = deliveries(play(cluster(network=Network(replay=300), events_max=1000)), PROPOSAL)
    assert len(found) > len(set(found))


def test_a_timer_fires_once_with_the_view_that_was_set_last() -> None:
    silent = play(cluster(network=Network(drop=1000), events_max=40))
    fired = [int.from_bytes(e.body, "little") for e in silent.events[4:] if e.node == 0]
    assert fired == [*range(1, 10)]


def test_a_slow_clock_fires_later() -> None:
    slow = Clocks(pace=(100, 100, 100, 400))
    recording = play(cluster(network=Network(drop=1000), clocks=slow, events_max=100))
    counts = [sum(event.node == node for event in recording.events[4:]) for node in FOUR]
    assert counts[3] * 3 < counts[0]


def test_nodes_start_when_the_scenario_says() -> None:
    recording = play(cluster(clocks=Clocks(start_ms=(0, 0, 0, TIMER_MS * 2))))
    started = [event.node for event in recording.events if event.kind == EventKind.INIT]
    assert started == [0, 1, 2, 3]
    assert recording.events[3].kind != EventKind.INIT


def test_time_is_bounded() -> None:
    assert len(play(cluster(time_max_ms=TIMER_MS - 1, events_max=10_000)).events) == 4


def test_a_command_goes_to_as_many_nodes_as_drawn() -> None:
    everyone = play(cluster(load=Load(rate=50, burst=2, copies=0)))
    nodes: dict[bytes, set[int]] = {}
    for event in of_kind(everyone, EventKind.COMMAND)[:-8]:
        nodes.setdefault(event.body, set()).add(event.node)
    assert len(nodes) > 2
    assert sum(found == {*FOUR} for found in nodes.values()) >= len(nodes) - 2


def test_repeated_commands_keep_client_and_sequence() -> None:
    recording = play(cluster(load=Load(rate=300, repeat=500, size=40), events_max=400))
    bodies = [event.body for event in of_kind(recording, EventKind.COMMAND)]
    assert len({body[:16] for body in bodies}) < len(set(bodies)) < len(bodies)


def test_a_restart_starts_a_node_again() -> None:
    recording = play(cluster(restarts=(Restart(node=2, at_ms=120),)))
    assert [event.node for event in of_kind(recording, EventKind.INIT)] == [*FOUR, 2]


def forging(**how: object) -> Recording:
    faulty = Faulty(replica=1, forgeries=(Forgery(PROPOSAL, ("other block",), **how),))
    return play(cluster(faulty=faulty, schedule=(1,) * 20))


def last_bytes(recording: Recording) -> dict[int, set[int]]:
    """By node, the last bytes of replica 1's first proposal."""
    found: dict[int, set[int]] = {}
    for sender, node, message in deliveries(recording, PROPOSAL):
        if sender == 1 and message[9] == 1:
            found.setdefault(node, set()).add(message[-1])
    return found


def test_forged_messages_are_asked_for_at_the_node_that_sends_them() -> None:
    recording = forging()
    asked = of_kind(recording, EventKind.FORGE)
    assert asked
    assert {event.node for event in asked} == {1}
    originals = {event.body[10:] for event in asked}
    assert not [m for sender, _, m in deliveries(recording, PROPOSAL) if m in originals]


def test_half_of_the_receivers_can_be_told_another_story() -> None:
    told = last_bytes(forging(receivers=(0, 2)))
    assert told[0] == told[2] != told[3]


def test_a_forgery_can_come_besides_the_message() -> None:
    assert all(len(stories) == 2 for stories in last_bytes(forging(besides=True)).values())


def test_a_forgery_works_in_its_views_only() -> None:
    recording = forging(start=3, end=5)
    views = {struct.unpack_from("<Q", e.body, 11)[0] for e in of_kind(recording, EventKind.FORGE)}
    assert views
    assert views <= {2, 3, 4}


def told(mutation: str) -> tuple[int, int]:
    """How many lies a careful replica 1 thought of, and how many others got to hear."""
    faulty = Faulty(replica=1, careful=True, forgeries=(Forgery(PROPOSAL, (mutation,)),))
    recording = play(cluster(faulty=faulty, schedule=(1,) * 20))
    lies = set()
    for event, frame in zip(recording.events, recording.observations, strict=True):
        if event.kind == EventKind.FORGE:
            lies.add(protocol.report_of(protocol.decode_observation(frame)))
    found = deliveries(recording, PROPOSAL)
    assert lies <= {message for sender, node, message in found if sender == node == 1}
    return len(lies), len(lies & {message for _, node, message in found if node != 1})


def test_the_careful_do_not_tell_what_their_own_node_does_not_believe() -> None:
    thought_of, heard = told("other block")
    assert thought_of > 5
    assert heard == 0


def test_the_careful_tell_what_their_own_node_believes() -> None:
    thought_of, heard = told("next height")
    assert heard > 5
    assert thought_of - heard <= 1  # the trace may end before the last one arrives


def test_a_forgery_can_be_kept_to_the_views_that_its_replica_leads() -> None:
    faulty = Faulty(replica=1, forgeries=(Forgery(VOTE, ("later view",), leading=True),))
    views = {
        struct.unpack_from("<Q", event.body, 11)[0]
        for event in of_kind(play(cluster(faulty=faulty, schedule=(2, 1) * 20)), EventKind.FORGE)
    }
    assert views
    assert all((2, 1)[view % 2] == 1 for view in views)


def test_a_mute_replica_says_nothing() -> None:
    recording = play(cluster(faulty=Faulty(replica=1, mute=1000)))
    assert 1 not in {sender for sender, _, _ in deliveries(recording, PROPOSAL)}


def test_garbage_and_relays_come_in_the_name_of_the_faulty_replica_alone() -> None:
    recording = play(cluster(faulty=Faulty(replica=1, garbage=300, relay=300), events_max=500))
    sent: dict[int, set[bytes]] = {replica: set() for replica in FOUR}
    invented = set()
    for event, frame in zip(recording.events, recording.observations, strict=True):
        if event.kind == EventKind.DELIVER:
            sender, message = protocol.parse_deliver(event.body)
            if message not in sent[sender]:
                invented.add(sender)
        for action in protocol.decode_observation(frame).actions:
            if action.kind in (protocol.ActionKind.SEND, protocol.ActionKind.BROADCAST):
                cut = 2 if action.kind == protocol.ActionKind.SEND else 0
                sent[event.node].add(action.body[cut:])
    assert invented == {1}


def test_odd_events_change_nothing_for_the_cluster() -> None:
    recording = play(cluster(odd=300, events_max=600))
    logs = sorted(commits(recording).values(), key=len)
    assert all(log[: len(logs[0])] == logs[0] for log in logs)
    kinds = {event.kind for event in recording.events}
    assert {EventKind.INSPECT, EventKind.DECODE, EventKind.DIGEST, EventKind.DESCRIBE} <= kinds
    assert max(kinds) > EventKind.DESCRIBE
    assert any(event.node >= 0x100 for event in recording.events)


class Dying(FakeGuest):
    """Ends, or answers nonsense, at its tenth event."""

    def __init__(self, answer: bytes | None) -> None:
        super().__init__()
        self.answer, self.count = answer, 0

    def step(self, event: Event) -> bytes:
        self.count += 1
        if self.count < 10:
            return super().step(event)
        if self.answer is None:
            raise EarlyEnd(Ended("trap", 134, "unreachable"))
        return self.answer


def test_an_early_end_is_part_of_the_recording() -> None:
    recording = simulate(cluster(), Dying(None), DESCRIPTION)
    assert len(recording.events) == 10
    assert len(recording.observations) == 9
    assert recording.end == Ended("trap", 134, "unreachable")


@pytest.mark.parametrize("size", [0, 20, 40, 41, 44])
def test_a_garbled_answer_does_not_disturb(size: int) -> None:
    recording = simulate(cluster(), Dying(bytes([2] * size)), DESCRIPTION)
    assert len(recording.events) >= 10
    assert recording.observations[9] == bytes([2] * size)


def test_half_of_all_data_becomes_numbers_that_programs_go_wrong_at() -> None:
    choices = Stream(1, 0, "numbers")
    drawn = [choices.data(8) for _ in range(1000)]
    changed = [as_numbers(data) for data in drawn if as_numbers(data) != data]
    numbers = {number for data in changed for number in struct.unpack("<2I", data)}
    assert 400 < len(changed) < 600
    top = 1 << 32
    assert all(n < 64 or n > top - 64 or not n & (n + 1) or not n & (n - 1) for n in numbers)
    assert {top - 1, 0, 1, 63, top - 63, 1 << 30, (1 << 31) - 1, 1 << 31} <= numbers


def test_numbers_keep_the_size_of_data_and_its_last_bytes() -> None:
    assert [len(as_numbers(bytes(size))) for size in range(10)] == list(range(10))
    assert as_numbers(b"\0\0\x05\0tail"[:4] + b"abc")[4:] == b"abc"
