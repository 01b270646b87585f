"""Each deliberate flaw breaks in an execution that the correct build survives.

Replica 3 is the faulty one, F: it forges, or is two nodes (twins). Where its node number is in
question, 3 is F and 4 its twin.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hotstuff_network import Guest, Letter, Network

from lockstep import protocol
from lockstep.guest.build import RECIPES, build

F = 3
Execution = Callable[[Guest], Network]


def forged(network: Network, letter: Letter, mutation: str, accept: Callable[..., bool]) -> Letter:
    """The letter with the first forgery that `accept` takes, of all choices."""
    for choice in range(20):
        message = network.forge(letter, mutation, choice)
        if message and accept(network.read(message)):
            return letter._replace(message=message)
    raise AssertionError(f"no choice of {mutation} fits")


def lie(network: Network, mutation: str, views: set[int], accept: Callable[..., bool]) -> None:
    """F forges its proposals of `views`, and hears the lies itself."""
    change = network.change

    def lying(letter: Letter) -> Letter | None:
        if letter.kind != "proposal" or letter.source != F:
            return change(letter)
        if network.read(letter.message)["view"] not in views:
            return change(letter)
        lie = forged(network, letter, mutation, accept)
        network.letters.append(lie._replace(target=F))
        return lie

    network.change = lying


def lose_proposal(network: Network, view: int) -> None:
    network.keep = lambda letter: (
        letter.kind != "proposal" or network.read(letter.message)["view"] != view
    )


def committed_parent(network: Network) -> Callable[..., bool]:
    def accept(proposal: dict[str, Any]) -> bool:
        return any(commit.block.hex() == proposal["parent"] for commit in network.commits[0][:-1])

    return accept


def halves_of_a_partition_with_a_twin_each(guest: Guest) -> Network:
    network = Network(guest, replicas=(0, 1, 2, F, F), schedule=(0, *(F,) * 9))
    network.happen(protocol.command(3, 1, 1, b"only one of the twins knows this"))
    sides = ({0, 3}, {1, 2, 4})
    network.keep = lambda letter: any({letter.source, letter.target} <= side for side in sides)
    network.run(300)
    return network


def two_proposals_in_one_view(guest: Guest) -> Network:
    network = Network(guest, schedule=(F,))
    for letter in [letter for letter in network.sent if letter.kind == "proposal"]:
        other = network.forge(letter, "other commands")
        assert other
        network.letters.append(letter._replace(message=other))
    network.run(40)
    return network


def an_executed_command_is_proposed_again(guest: Guest) -> Network:
    network = Network(guest)
    network.happen(protocol.command(1, 7, 1, b"\0key"))
    network.run(60)
    assert [c for commit in network.commits[0] for c in commit.commands] == [(7, 1, b"\0key")]
    lie(network, "repeated commands", {12, 16}, lambda _: True)
    network.run(100)
    return network


def a_committed_block_is_taken_as_parent(guest: Guest) -> Network:
    network = Network(guest)
    lie(network, "other parent", {12}, committed_parent(network))
    network.run(200)
    return network


def a_stale_certificate_after_a_failed_view(guest: Guest) -> Network:
    network = Network(guest)
    lie(network, "stale certificate", {12}, committed_parent(network))
    lose_proposal(network, 11)
    network.run(200)
    return network


def an_old_certificate_with_a_raised_view(guest: Guest) -> Network:
    network = Network(guest)
    lie(network, "raised certificate view", {12}, committed_parent(network))
    network.run(200)
    return network


def one_leader_has_a_certificate_that_the_others_do_not(guest: Guest) -> Network:
    network = Network(guest, n=7)
    lie(network, "stale certificate", {11}, lambda proposal: proposal["justify"]["view"] == 7)
    lose_proposal(network, 10)
    network.run(300)
    return network


def a_block_without_votes_gets_a_certificate_of_one_signer(guest: Guest) -> Network:
    network = Network(guest, schedule=(*(0, 1, 2) * 3, F, F))
    accept = committed_parent(network)
    unsafe = []

    def first(proposal: dict[str, Any]) -> bool:
        unsafe.append(proposal["hash"])
        return accept(proposal)

    lie(network, "stale certificate", {10}, first)
    lie(network, "one signers certificate", {11}, lambda p: p["parent"] in unsafe)
    network.run(300)
    return network


EXECUTIONS: dict[str, Execution] = {
    "two_chain_commit": one_leader_has_a_certificate_that_the_others_do_not,
    "duplicate_signers": a_block_without_votes_gets_a_certificate_of_one_signer,
    "quorum_minus_one": halves_of_a_partition_with_a_twin_each,
    "votes_twice": two_proposals_in_one_view,
    "executes_twice": an_executed_command_is_proposed_again,
    "no_parent_check": a_committed_block_is_taken_as_parent,
    "forgets_lock": a_stale_certificate_after_a_failed_view,
    "unsigned_view": an_old_certificate_with_a_raised_view,
}


def broken(network: Network) -> str | None:
    """An invariant that does not hold of the correct replicas."""
    faulty = [node for node, replica in enumerate(network.replicas) if replica == F]
    once: dict[tuple[int, bytes], bytes] = {}
    for letter in network.sent:
        if letter.kind in ("vote", "proposal") and letter.source not in faulty:
            first = once.setdefault((letter.source, letter.message[:10]), letter.message)
            if first != letter.message:
                return f"node {letter.source} sends two {letter.kind}s in a view"
    return network.disagreement(faulty)


@pytest.mark.parametrize("flaw", EXECUTIONS)
def test_an_execution_that_breaks_a_flawed_build_leaves_the_correct_one_whole(
    guest: Guest, flaw: str
) -> None:
    flawed = Guest(build("hotstuff", flaw=flaw, mode="Debug", native=True))
    try:
        assert broken(EXECUTIONS[flaw](flawed))
        assert broken(EXECUTIONS[flaw](guest)) is None
    finally:
        flawed.close()


def test_every_flaw_has_its_execution() -> None:
    assert sorted(EXECUTIONS) == sorted(RECIPES["hotstuff"].flaws)
