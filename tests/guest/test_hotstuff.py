"""HotStuff in a cluster: what it decides, and each pitfall of other implementations by its outcome.

Replica 3 is the faulty one where there is one: its messages are forged and signed with its own key.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hotstuff_network import ED25519, Guest, Letter, Network, options

from lockstep import protocol
from lockstep.guest.build import build
from lockstep.protocol import Event, Init

F = 3


@pytest.fixture(scope="module")
def guest() -> Iterator[Guest]:
    """A build with safety checks on: it also checks each state hash against one from scratch."""
    guest = Guest(build("hotstuff", mode="ReleaseSafe", native=True))
    yield guest
    guest.close()


def waiting(network: Network, kind: str, source: int = F, target: int = 0) -> Letter:
    """Run until a message of that kind is on its way from `source` to `target`."""
    for _ in range(2000):
        for letter in network.letters:
            if (letter.kind, letter.source, letter.target) == (kind, source, target):
                return letter
        network.run(1)
    raise AssertionError(f"no {kind} from {source} to {target}")


# What it decides


@pytest.mark.parametrize(("n", "events"), [(4, 400), (7, 900), (31, 8000)])
def test_a_fault_free_cluster_decides(guest: Guest, n: int, events: int) -> None:
    network = Network(guest, n)
    network.happen(protocol.command(0, 1, 1, b"\0key=value"))
    network.run(events)
    assert min(network.height(node) for node in range(n)) >= 10
    assert network.disagreement() is None
    executed = [c for commit in network.commits[n - 1] for c in commit.commands]
    assert executed == [(1, 1, b"\0key=value")]


def test_it_decides_with_real_signatures(guest: Guest) -> None:
    network = Network(guest, config=options(ED25519))
    network.run(120)
    assert network.height(0) >= 3
    letter = waiting(network, "vote", 1, 2)
    damaged = letter.message[:-1] + bytes([letter.message[-1] ^ 1])
    assert network.deliver(2, 1, damaged) == "bad signature"


def test_a_silent_leader_is_passed_by(guest: Guest) -> None:
    network = Network(guest)
    network.keep = lambda letter: letter.source != 1
    network.run(800)
    assert network.height(0) >= 2
    assert network.outcomes["timeout quorum formed"] > 0
    assert network.disagreement() is None


def test_a_partition_decides_nothing_and_heals(guest: Guest) -> None:
    network = Network(guest)
    network.run(100)
    before = network.height(0)
    network.keep = lambda letter: (letter.source < 2) == (letter.target < 2)
    network.run(300)
    assert max(network.height(node) for node in range(4)) <= before + 3
    stuck = max(network.height(node) for node in range(4))
    network.keep = lambda _: True
    network.run(600)
    assert min(network.height(node) for node in range(4)) > stuck
    assert network.disagreement() is None


def test_who_missed_blocks_fetches_them(guest: Guest) -> None:
    network = Network(guest)
    network.keep = lambda letter: letter.target != 3 or letter.kind not in ("proposal", "block")
    network.run(100)
    network.keep = lambda _: True
    network.run(400)
    assert network.outcomes["parent missing"] > 0
    assert network.outcomes["block connected"] > 0
    assert network.height(3) >= network.height(0) - 3
    assert network.disagreement() is None


def test_twins_on_both_sides_do_not_break_it(guest: Guest) -> None:
    network = Network(guest, replicas=(0, 1, 2, F, F), schedule=(F,) * 6)
    sides = ({0, 1, 3}, {2, 4})
    network.keep = lambda letter: any({letter.source, letter.target} <= side for side in sides)
    network.run(300)
    network.keep = lambda _: True
    network.run(600)
    assert network.height(0) > 0
    assert network.disagreement(faulty=(3, 4)) is None


def test_a_command_that_everyone_has_is_executed_once(guest: Guest) -> None:
    network = Network(guest)
    for node in range(4):
        for sequence in (1, 2, 1):
            network.happen(protocol.command(node, 9, sequence, b"\0k"))
    network.run(400)
    executed = [c[:2] for commit in network.commits[2] for c in commit.commands]
    assert sorted(executed) == [(9, 1), (9, 2)]
    assert network.happen(protocol.command(0, 9, 1, b"\0k")) == "command executed"


def test_a_larger_command_than_fits_is_malformed(guest: Guest) -> None:
    network = Network(guest)
    assert network.happen(protocol.command(0, 1, 1, bytes(5000))) == "malformed"


# The pitfalls


@pytest.mark.parametrize(
    ("mutation", "outcome"),
    [
        ("other parent", "parent not certified"),
        ("raised certificate view", "certificate of another view"),
        ("one signers certificate", "repeated signer"),
        ("dropped signer", "no quorum in certificate"),
        ("damaged certificate", "bad certificate"),
        ("wrong height", "wrong height"),
        ("commands without signature", "bad signature"),
        ("wrong sender", "wrong sender"),
        ("view plus one", "wrong leader"),
        ("view minus one", "wrong leader"),
    ],
)
@pytest.mark.parametrize("choice", [0, 1, 7])
def test_a_forged_proposal_is_refused_for_the_reason_it_is_wrong(
    guest: Guest, mutation: str, outcome: str, choice: int
) -> None:
    network = Network(guest)
    network.run(60)
    letter = waiting(network, "proposal")
    forged = network.forge(letter, mutation, choice)
    assert forged is not None
    before = network.inspect(0)
    assert network.deliver(0, F, forged) == outcome
    after = network.inspect(0)
    assert (before["voted"], before["lock"]) == (after["voted"], after["lock"])


def test_a_second_proposal_of_a_view_gets_no_vote(guest: Guest) -> None:
    network = Network(guest)
    network.run(60)
    letter = waiting(network, "proposal")
    other = network.forge(letter, "other commands")
    assert other is not None
    votes = len([sent for sent in network.sent if sent.kind == "vote" and sent.source == 0])
    assert network.deliver(0, F, letter.message) == "accepted proposal"
    assert network.deliver(0, F, other) == "equivocating proposal"
    assert network.deliver(0, F, letter.message) == "duplicate proposal"
    later = [sent for sent in network.sent if sent.kind == "vote" and sent.source == 0]
    assert len(later) <= votes + 1


def test_a_proposal_on_what_is_below_the_lock_is_unsafe(guest: Guest) -> None:
    network = Network(guest)

    def stale(letter: Letter) -> Letter:
        if letter.kind != "proposal" or letter.source != F or network.events < 60:
            return letter
        for choice in range(20):
            forged = network.forge(letter, "stale certificate", choice)
            if (
                forged
                and network.read(forged)["justify"]["view"]
                < network.read(letter.message)["justify"]["view"] - 3
            ):
                return letter._replace(message=forged)
        return letter

    network.change = stale
    network.keep = lambda letter: letter.kind != "vote" or letter.target != F or network.events < 60
    network.run(500)
    assert network.outcomes["unsafe proposal"] > 0
    assert network.disagreement(faulty=(F,)) is None


def test_a_signature_covers_what_it_is_for(guest: Guest) -> None:
    network = Network(guest)
    network.run(60)
    letter = waiting(network, "vote", 1, 2)
    kind, view = letter.message[:2], letter.message[2:10]
    later = kind + (int.from_bytes(view, "little") + 4).to_bytes(8, "little") + letter.message[10:]
    assert network.deliver(2, 1, later) == "bad signature"
    other_block = letter.message[:12] + bytes(32) + letter.message[44:]
    assert network.deliver(2, 1, other_block) == "bad signature"
    assert network.deliver(2, 0, letter.message) == "wrong sender"


def test_votes_of_one_signer_count_once(guest: Guest) -> None:
    network = Network(guest)
    letter = waiting(network, "vote", 2, 1)
    assert network.deliver(1, 2, letter.message) in ("vote counted", "quorum formed")
    assert network.deliver(1, 2, letter.message) in ("duplicate vote", "stale vote")


def test_timeouts_of_far_views_are_not_collected(guest: Guest) -> None:
    network = Network(guest)
    network.keep = lambda _: False
    network.run(4)
    network.expire()
    letter = next(sent for sent in network.sent if sent.kind == "timeout")
    far = letter.message[:2] + (10**9).to_bytes(8, "little") + letter.message[10:]
    assert network.deliver(0, letter.source, far) in ("view ahead", "bad signature")
    assert len(network.inspect(0)["timeouts"]) <= 4 * 4


def test_a_certificate_moves_a_node_that_stayed_behind(guest: Guest) -> None:
    network = Network(guest)
    network.keep = lambda letter: letter.target != 0
    network.run(300)
    behind = network.inspect(0)["view"]
    network.keep = lambda _: True
    network.letters.clear()
    letter = waiting(network, "proposal", 1, 0)
    ahead = network.read(letter.message)["view"]
    network.deliver(0, 1, letter.message)
    assert behind < network.inspect(0)["view"] <= ahead


def test_tables_stay_bounded_and_committed_blocks_are_pruned(guest: Guest) -> None:
    network = Network(guest)
    sizes = []
    for _ in range(4):
        network.run(500)
        state = network.inspect(0)
        sizes.append([len(state[table]) for table in ("blocks", "votes", "timeouts", "queue")])
    assert network.height(0) > 100
    assert max(size[0] for size in sizes) <= 64
    assert all(
        size <= first + 8 for row in sizes for size, first in zip(row, sizes[0], strict=True)
    )


def test_the_command_queue_is_bounded(guest: Guest) -> None:
    network = Network(guest)
    outcomes = {network.happen(protocol.command(0, 1, s, b"\0k")) for s in range(1, 2000)}
    assert outcomes == {"command queued", "table full"}


# The state


def test_init_resets_wholly(guest: Guest) -> None:
    fresh = Network(guest).guest.step(protocol.inspect(0))
    network = Network(guest)
    network.run(200)
    used = guest.step(protocol.inspect(0))
    assert used.state != fresh.state
    body = Init(0, 4, 1, (), options())
    guest.step(protocol.init(0, body))
    again = guest.step(protocol.inspect(0))
    assert (again.state, again.actions) == (fresh.state, fresh.actions)


def test_the_state_hash_does_not_know_the_order_of_votes(guest: Guest) -> None:
    states = []
    for order in ((0, 2), (2, 0)):
        network = Network(guest, 7)
        letters = [waiting(network, "vote", source, 1) for source in order]
        for letter in letters:
            network.deliver(1, letter.source, letter.message)
        states.append(guest.step(protocol.inspect(1)).state)
    assert states[0] == states[1]


def test_questions_change_no_state(guest: Guest) -> None:
    network = Network(guest)
    network.run(60)
    letter = waiting(network, "proposal")
    state = guest.step(protocol.inspect(F)).state
    for mutation in guest.description.mutations:
        network.forge(letter, mutation.name, 5)
    network.read(letter.message)
    assert guest.step(protocol.inspect(F)).state == state


def test_malformed_bodies_and_unknown_nodes_are_named(guest: Guest) -> None:
    network = Network(guest)
    assert network.happen(Event(0, 2, b"\0")) == "malformed"
    assert network.happen(Event(0, 3, b"\0")) == "malformed"
    assert network.happen(protocol.deliver(0, 1, b"\xff" * 40)) == "malformed"
    assert network.happen(protocol.timeout(47, 1)) == "unknown node"
    assert network.happen(Event(0, 99, b"")) == "unsupported"
    assert network.happen(protocol.init(0, Init(0, 3, 1))) == "malformed"


def mutated(rng: random.Random, events: list[Event]) -> Event:
    """A valid event with something changed, or two of them mixed."""
    event = rng.choice(events)
    body = bytearray(event.body)
    how = rng.randrange(6)
    if how == 0 and body:
        for _ in range(rng.randrange(1, 4)):
            body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
    elif how == 1:
        del body[rng.randrange(len(body) + 1) :]
    elif how == 2:
        body += rng.randbytes(rng.randrange(1, 40))
    elif how == 3:
        other = rng.choice(events).body
        body[rng.randrange(len(body) + 1) :] = other[rng.randrange(len(other) + 1) :]
    elif how == 4 and len(body) >= 8:
        at = rng.randrange(len(body) - 7)
        body[at : at + 8] = rng.choice((b"\0" * 8, b"\xff" * 8, b"\xff" * 7 + b"\x7f"))
    kind = rng.randrange(12) if rng.random() < 0.1 else event.kind
    return Event(rng.randrange(6), kind, bytes(body))


def expect_survival(program: Path, count: int, seed: int) -> None:
    """Feed `count` mutated events among valid ones, in batches; the guest must answer them all."""
    rng = random.Random(seed)
    guest = Guest(program)
    network = Network(guest)
    events: list[Event] = [protocol.init(node, Init(node, 4, 1)) for node in range(4)]
    happen = network.happen
    network.happen = lambda event: (events.append(event), happen(event))[1]  # type: ignore[method-assign]
    network.keep = lambda _: rng.random() < 0.97
    network.run(600)
    fed = 0
    while fed < count:
        batch = [
            mutated(rng, events) if rng.random() < 0.7 else rng.choice(events) for _ in range(40)
        ]
        guest.stdin.write(protocol.encode_events(batch))
        for _ in batch:
            head = guest._read(4)
            guest._read(int.from_bytes(head, "little"))
        fed += len(batch)
    guest.close()
    assert guest.process.returncode == 0


def test_mutated_events_never_trap_it() -> None:
    expect_survival(build("hotstuff", mode="ReleaseSafe", native=True), 20_000, seed=1)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(10))
def test_a_million_mutated_events_never_trap_it(seed: int) -> None:
    expect_survival(build("hotstuff", mode="ReleaseSafe", native=True), 100_000, seed)
