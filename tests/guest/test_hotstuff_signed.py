"""HotStuff believes what a quorum signed, and no less: each message here is wrong in one thing, and
the outcome names it.

Replica 3 is the faulty one, F. It forges with its own key, or a test signs with everyone's.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hotstuff_network import Guest, Network
from hotstuff_scene import F, Scene
from hotstuff_signers import NO_BLOCK, PROPOSAL, TIMEOUT, VOTE, Signers, name_of


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
    scene: Scene, mutation: str, outcome: str, choice: int
) -> None:
    forged = scene.network.forge(scene.letter, mutation, choice)
    assert forged is not None
    before = scene.network.inspect(0)
    assert scene.deliver(forged) == outcome
    after = scene.network.inspect(0)
    assert (before["voted"], before["lock"]) == (after["voted"], after["lock"])
    assert scene.deliver(scene.letter.message) == "accepted proposal"


# Certificates


@pytest.mark.parametrize("ahead", [0, 1, 5])
def test_a_block_is_above_the_view_of_its_certificate(scene: Scene, ahead: int) -> None:
    block = scene.block(scene.certificate(scene.view + ahead))
    assert scene.propose(block) == "certificate not below view"
    assert scene.propose(scene.block()) == "accepted proposal"


def test_a_certificate_holds_for_its_blocks_view_alone(scene: Scene) -> None:
    block = scene.block(scene.certificate(scene.parent_view - 1))
    assert scene.propose(block) == "certificate of another view"
    assert scene.propose(scene.block()) == "accepted proposal"


def in_proposal(scene: Scene, certificate: bytes) -> str:
    return scene.propose(scene.block(certificate))


def in_timeout(scene: Scene, certificate: bytes) -> str:
    return scene.deliver(scene.signers.timeout(F, scene.view, certificate))


def in_new_view(scene: Scene, certificate: bytes) -> str:
    return scene.deliver(scene.signers.new_view(certificate))


Carry = Callable[[Scene, bytes], str]
CARRIERS: dict[Carry, str] = {
    in_proposal: "accepted proposal",
    in_timeout: "timeout counted",
    in_new_view: "entered view",
}


@pytest.mark.parametrize("carry", CARRIERS)
@pytest.mark.parametrize(
    ("signers", "outcome"),
    [
        ([], "no quorum in certificate"),
        ([1, 2], "no quorum in certificate"),
        ([0, 1, 2, 3], "no quorum in certificate"),
        ([F, F, F], "repeated signer"),
        ([0, 1, 1], "repeated signer"),
        ([2, 1, 0], "repeated signer"),
        ([0, 1, 4], "bad certificate"),
        ([0, 1, 255], "bad certificate"),
    ],
)
def test_a_quorum_is_as_many_different_replicas(
    scene: Scene, carry: Carry, signers: list[int], outcome: str
) -> None:
    everyone = Signers(1, 256)
    wrong = everyone.certificate(scene.parent_view, scene.parent, VOTE, signers)
    view = scene.view_of_0
    assert carry(scene, wrong) == outcome
    assert scene.view_of_0 == view
    right = everyone.certificate(scene.parent_view, scene.parent, VOTE, [1, 2, 3])
    assert carry(scene, right) == CARRIERS[carry]


@pytest.mark.parametrize("carry", CARRIERS)
@pytest.mark.parametrize("domain", [PROPOSAL, TIMEOUT])
def test_signatures_for_something_else_make_no_certificate(
    scene: Scene, carry: Carry, domain: int
) -> None:
    assert carry(scene, scene.certificate(domain=domain)) == "bad certificate"
    assert carry(scene, scene.certificate()) == CARRIERS[carry]


@pytest.mark.parametrize("n", range(4, 32))
def test_a_quorum_is_n_minus_f(guest: Guest, n: int) -> None:
    network = Network(guest, n)
    assert network.inspect(0)["quorum"] == n - (n - 1) // 3
    signers, block = Signers(1, n), bytes(range(32))
    for count, outcome in (
        (signers.quorum - 1, "no quorum in certificate"),
        (signers.quorum, "entered view"),
    ):
        certificate = signers.certificate(8, block, VOTE, range(count))
        assert network.deliver(0, 1, signers.new_view(certificate)) == outcome


@pytest.mark.parametrize(
    ("block", "domain", "signers"),
    [
        (NO_BLOCK, VOTE, [0, 1, 2]),
        (bytes(31) + b"\1", TIMEOUT, [0, 1, 2]),
        (NO_BLOCK, TIMEOUT, [0, 1]),
        (NO_BLOCK, TIMEOUT, [F, F, F]),
    ],
)
def test_a_timeout_certificate_is_checked_as_well(
    scene: Scene, block: bytes, domain: int, signers: list[int]
) -> None:
    wrong = scene.signers.certificate(scene.view, block, domain, signers)
    view = scene.view_of_0
    high = scene.certificate()
    assert scene.deliver(scene.signers.new_view(high, wrong)) == "bad timeout certificate"
    assert scene.propose(scene.block(), wrong) == "bad timeout certificate"
    assert scene.view_of_0 == view


# Signatures


def test_a_votes_signature_covers_domain_view_and_block(guest: Guest) -> None:
    network = Network(guest)
    network.run(60)
    letter = network.waiting("vote", 1, 2)
    vote = network.read(letter.message)
    view, block = vote["view"], bytes.fromhex(vote["block"])
    signers = Signers(1, 4)
    right = signers.vote(1, view, block)
    assert right == letter.message
    for other in (signers.vote(1, view + 4, block), signers.vote(1, view, NO_BLOCK)):
        assert network.deliver(2, 1, other[:-8] + right[-8:]) == "bad signature"
    for domain in (PROPOSAL, TIMEOUT):
        assert network.deliver(2, 1, signers.vote(1, view, block, domain)) == "bad signature"
    assert network.deliver(2, 0, right) == "wrong sender"
    assert network.deliver(2, 1, right) in ("vote counted", "quorum formed")


def test_a_proposals_signature_covers_domain_view_and_block(scene: Scene) -> None:
    block, signers = scene.block(), scene.signers
    for domain, view, name in (
        (VOTE, scene.view, name_of(block)),
        (PROPOSAL, scene.view + 4, name_of(block)),
        (PROPOSAL, scene.view, scene.parent),
    ):
        wrong = signers.proposal(block)[:-8] + signers.sign(F, domain, view, name)
        assert scene.deliver(wrong) == "bad signature"
    assert scene.deliver(signers.proposal(block), sender=1) == "wrong sender"
    assert scene.propose(block) == "accepted proposal"


def test_a_timeouts_signature_covers_domain_and_view(scene: Scene) -> None:
    signers = scene.signers
    right = signers.timeout(F, scene.view, scene.certificate())
    for domain, view in ((VOTE, scene.view), (PROPOSAL, scene.view), (TIMEOUT, scene.view + 4)):
        assert scene.deliver(right[:-8] + signers.sign(F, domain, view)) == "bad signature"
    assert scene.deliver(right, sender=1) == "wrong sender"
    assert scene.deliver(right) == "timeout counted"


def test_a_signature_of_another_cluster_is_worth_nothing(scene: Scene) -> None:
    scene.signers = Signers(2, 4)
    block = scene.block(Signers(1, 4).certificate(scene.parent_view, scene.parent))
    assert scene.propose(block) == "bad signature"
    assert in_new_view(scene, scene.certificate()) == "bad certificate"
