"""HotStuff in a cluster: what it decides, through which troubles.

Replica 3 is the faulty one where there is one.
"""

from __future__ import annotations

from typing import Any

import pytest
from hotstuff_network import ED25519, Guest, Letter, Network, options

from lockstep import protocol
from lockstep.protocol import ActionKind, Commit, Init

F = 3


@pytest.mark.parametrize(("n", "events"), [(4, 400), (7, 900), (31, 8000)])
def test_a_fault_free_cluster_decides(guest: Guest, n: int, events: int) -> None:
    network = Network(guest, n)
    network.happen(protocol.command(0, 1, 1, b"\0key=value"))
    network.run(events)
    assert min(network.height(node) for node in range(n)) >= 10
    assert network.disagreement() is None
    executed = [c for commit in network.commits[n - 1] for c in commit.commands]
    assert executed == [(1, 1, b"\0key=value")]


def test_all_come_to_the_same_application_state(guest: Guest) -> None:
    network = Network(guest)
    for sequence in range(1, 6):
        network.happen(protocol.command(sequence % 4, 1, sequence, bytes([1, sequence, 2])))
    network.run(400)
    height = min(network.height(node) for node in range(4))
    states = {network.commits[node][height - 1].application for node in range(4)}
    assert len(states) == 1
    assert states != {network.commits[0][0].application}


def test_it_decides_with_real_signatures(guest: Guest) -> None:
    network = Network(guest, config=options(ED25519))
    network.run(120)
    assert network.height(0) >= 3
    letter = network.waiting("vote", 1, 2)
    damaged = letter.message[:-1] + bytes([letter.message[-1] ^ 1])
    assert network.deliver(2, 1, damaged) == "bad signature"
    assert network.deliver(2, 1, letter.message) in ("vote counted", "quorum formed")


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
    stuck = max(network.height(node) for node in range(4))
    assert stuck <= before + 3
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


def test_who_started_again_decides_the_same_once_more(guest: Guest) -> None:
    network = Network(guest)
    network.run(60)
    first, network.commits[F] = network.commits[F], []
    assert len(first) >= 2
    network.happen(protocol.init(F, Init(F, 4, 1, (), options())))
    network.run(400)
    assert network.commits[F][: len(first)] == first
    assert network.height(F) >= network.height(0) - 3
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


# Commands


def executed(commits: list[Commit]) -> list[tuple[int, int]]:
    return [(client, sequence) for commit in commits for client, sequence, _ in commit.commands]


def test_a_command_that_everyone_has_is_executed_once(guest: Guest) -> None:
    network = Network(guest)
    for node in range(4):
        for sequence, outcome in ((1, "queued"), (2, "queued"), (1, "duplicate")):
            name = network.happen(protocol.command(node, 9, sequence, b"\0k"))
            assert outcome in name
    network.run(400)
    assert sorted(executed(network.commits[2])) == [(9, 1), (9, 2)]
    assert network.happen(protocol.command(0, 9, 1, b"\0k")) == "command executed"


def test_a_command_in_many_blocks_is_executed_once(guest: Guest) -> None:
    network = Network(guest)
    network.happen(protocol.command(1, 7, 1, b"\0key"))
    network.run(60)
    assert executed(network.commits[0]) == [(7, 1)]
    repeating = set()

    def repeat(letter: Letter) -> Letter:
        forged = network.forge(letter, "repeated commands") if letter.source == F else None
        if not forged:
            return letter
        repeating.add(bytes.fromhex(network.read(forged)["hash"]))
        return letter._replace(message=forged)

    network.change = repeat
    network.run(300)
    assert len(repeating & {commit.block for commit in network.commits[0]}) > 1
    assert executed(network.commits[0]) == [(7, 1)]


def test_a_larger_command_than_fits_is_malformed(guest: Guest) -> None:
    network = Network(guest)
    assert network.happen(protocol.command(0, 1, 1, bytes(64))) == "command queued"
    assert network.happen(protocol.command(0, 1, 2, bytes(65))) == "malformed"


# Views, locks and decisions


def losing(network: Network, view: int) -> None:
    """Everyone loses the proposal of `view`."""
    network.keep = lambda letter: (
        letter.kind != "proposal" or network.read(letter.message)["view"] != view
    )


def test_a_failed_view_breaks_the_row_of_three(guest: Guest) -> None:
    network = Network(guest)
    losing(network, 5)
    network.run(150)
    commits = [
        [protocol.parse_commit(body).height for kind, body in seen.actions if kind == 4]
        for event, seen in zip(network.log, network.answers, strict=True)
        if event.node == 1
    ]
    views = [block["view"] for block in network.inspect(1)["blocks"]]
    assert 5 not in views and {4, 6} <= set(views)
    # Blocks of views 3 and 4 wait for that of view 6, the first of three in a row again.
    assert [heights for heights in commits if heights][:4] == [[1], [2], [3, 4, 5], [6]]


def test_two_certified_blocks_lock_the_first(guest: Guest) -> None:
    network = Network(guest)
    network.run(60)
    state = network.inspect(0)
    by_hash = {block["hash"]: block for block in state["blocks"]}
    voted = by_hash[state["voted"]["block"]]
    locked = by_hash[by_hash[voted["parent"]]["parent"]]
    assert state["lock"] == {"view": locked["view"], "block": locked["hash"]}


def delays(network: Network, node: int) -> list[tuple[int, int]]:
    """The timers that `node` set: view and ms."""
    return [
        protocol.parse_timer(body)
        for event, seen in zip(network.log, network.answers, strict=True)
        if event.node == node
        for kind, body in seen.actions
        if kind == ActionKind.SET_TIMER
    ]


def test_timers_take_longer_with_each_failed_view_and_recover(guest: Guest) -> None:
    network = Network(guest, config=options(base_timeout_ms=200))
    losing(network, 3)
    network.run(80)
    by_view: dict[int, Any] = {}
    for view, delay_ms in delays(network, 0):
        by_view.setdefault(view, delay_ms)
    assert [by_view[view] for view in (1, 2, 3, 4, 5)] == [200, 200, 200, 400, 200]


def test_the_timer_of_another_view_changes_nothing(guest: Guest) -> None:
    network = Network(guest)
    network.run(60)
    state = guest.step(protocol.inspect(0))
    view = network.inspect(0)["view"]
    for other in (0, view - 1, view + 1, (1 << 64) - 1):
        assert network.happen(protocol.timeout(0, other)) == "nothing new"
        assert network.answers[-1].actions == ()
    assert guest.step(protocol.inspect(0)) == state
    assert network.happen(protocol.timeout(0, view)) == "timed out"
    assert network.happen(protocol.timeout(0, view)) == "timed out again"
