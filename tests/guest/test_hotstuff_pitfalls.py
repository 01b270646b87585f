"""What other implementations fell into: votes, proposals and timeouts that come at a wrong moment,
and the outcome that names each.

Replica 3 is the faulty one, F.
"""

from __future__ import annotations

from hotstuff_network import Guest, Letter, Network
from hotstuff_scene import VIEW_MAX, F, Scene, genesis
from hotstuff_signers import TIMEOUT, Signers

from lockstep import protocol

# Votes and proposals


def test_votes_of_one_signer_count_once(guest: Guest) -> None:
    network = Network(guest, 7)
    letter = network.waiting("vote", 2, 1)
    seen = [network.deliver(1, 2, letter.message) for _ in range(6)]
    assert seen == ["vote counted"] + ["duplicate vote"] * 5
    other = network.forge(letter, "other block")
    assert other is not None
    assert network.deliver(1, 2, other) == "conflicting vote"
    assert [vote["signer"] for vote in network.inspect(1)["votes"]] == [1, 2]


def test_a_view_gets_one_vote_and_room_for_two_proposals(guest: Guest) -> None:
    scene = Scene(guest, 7)

    def votes() -> int:
        return sum(sent.kind == "vote" and sent.source == 0 for sent in scene.network.sent)

    before = votes()
    blocks = [scene.block(key=key) for key in range(4)]
    seen = [scene.propose(block) for block in blocks]
    assert seen == ["accepted proposal"] + ["equivocating proposal"] * 3
    assert scene.propose(blocks[0]) == "duplicate proposal"
    assert votes() == before + 1
    views = [block["view"] for block in scene.network.inspect(0)["blocks"]]
    assert views.count(scene.view) == 2


def test_a_proposal_on_what_is_below_the_lock_is_unsafe(guest: Guest) -> None:
    network = Network(guest)

    def stale(letter: Letter) -> Letter:
        if letter.kind != "proposal" or letter.source != F or network.events < 60:
            return letter
        newest = network.read(letter.message)["justify"]["view"]
        for choice in range(20):
            forged = network.forge(letter, "stale certificate", choice)
            if forged and network.read(forged)["justify"]["view"] < newest - 3:
                return letter._replace(message=forged)
        return letter

    network.change = stale
    network.keep = lambda letter: letter.kind != "vote" or letter.target != F or network.events < 60
    network.run(500)
    assert network.outcomes["unsafe proposal"] > 0
    assert network.disagreement(faulty=(F,)) is None


# Views


def test_a_certificate_leads_to_the_view_behind_its_own(scene: Scene) -> None:
    network, signers = scene.network, scene.signers
    high = signers.certificate(40, bytes(range(32)))
    assert scene.deliver(signers.new_view(high)) == "entered view"
    assert scene.view_of_0 == 41
    assert network.letters[-1].kind == "fetch"
    for view, outcome in ((50, "entered view"), (49, "nothing new"), (50, "nothing new")):
        ended = signers.certificate(view, domain=TIMEOUT)
        assert scene.deliver(signers.new_view(high, ended)) == outcome
        assert scene.view_of_0 == 51


def test_a_proposal_brings_its_timeout_certificate_along(scene: Scene) -> None:
    ended = scene.signers.certificate(scene.view - 1, domain=TIMEOUT)
    assert scene.propose(scene.block(), ended) == "accepted proposal"
    early = scene.signers.certificate(scene.view + 7, domain=TIMEOUT)
    assert scene.propose(scene.block(key=1), early) == "stale proposal"
    assert scene.view_of_0 == scene.view + 8


def test_timeouts_of_different_views_make_no_certificate(guest: Guest) -> None:
    network, signers = Network(guest, 7), Signers(1, 7)
    seen = []
    for replica, view in ((4, 1), (5, 1), (6, 2), (3, 2), (2, 2), (1, 2)):
        seen.append(network.deliver(0, replica, signers.timeout(replica, view, genesis(7))))
    # Of six that gave up, four are in view 2 with node 0 itself: the last one makes five.
    assert seen == [
        "timeout counted",
        "timeout counted",
        "timeout joined",
        "timeout counted",
        "timeout joined",
        "timeout quorum formed",
    ]
    assert network.inspect(0)["view"] == 3


def test_timeouts_of_far_views_take_no_room_and_move_no_one(guest: Guest) -> None:
    network, signers = Network(guest, 7), Signers(1, 7)
    view = network.inspect(0)["view"]
    for far in (*range(1000, 1020), VIEW_MAX - 1):
        for replica in (5, 6):
            message = signers.timeout(replica, far, genesis(7))
            assert network.deliver(0, replica, message) == "timeout counted"
            assert network.deliver(0, replica, message) == "duplicate timeout"
    state = network.inspect(0)
    assert state["view"] == view
    rows = [(row["signer"], row["view"]) for row in state["timeouts"]]
    assert rows == [(5, VIEW_MAX - 1), (6, VIEW_MAX - 1)]
    # One more than can be faulty is believed, as far as all of them went.
    assert network.deliver(0, 4, signers.timeout(4, 500, genesis(7))) == "timeout joined"
    assert network.inspect(0)["view"] == 500


def test_who_is_behind_is_shown_the_way(scene: Scene) -> None:
    old = scene.signers.timeout(F, 1, genesis(4))
    assert scene.deliver(old) == "stale timeout"
    reply = scene.network.letters[-1]
    assert (reply.kind, reply.source, reply.target) == ("new view", 0, F)


def test_a_certificate_moves_a_node_that_stayed_behind(guest: Guest) -> None:
    network = Network(guest)
    network.keep = lambda letter: letter.target != 0
    network.run(300)
    behind = network.inspect(0)["view"]
    network.keep = lambda _: True
    network.letters.clear()
    letter = network.waiting("proposal", 1, 0)
    justify = network.read(letter.message)["justify"]["view"]
    network.deliver(0, 1, letter.message)
    assert network.inspect(0)["view"] == justify + 1 > behind


def test_the_last_view_of_all_is_no_accident(scene: Scene) -> None:
    signers, network = scene.signers, scene.network
    high = scene.certificate()
    ended = signers.certificate(VIEW_MAX - 1, domain=TIMEOUT)
    assert scene.deliver(signers.new_view(high, ended)) == "entered view"
    assert scene.view_of_0 == VIEW_MAX
    assert network.happen(protocol.timeout(0, VIEW_MAX)) == "timed out"
    beyond = signers.certificate(VIEW_MAX, domain=TIMEOUT)
    assert scene.deliver(signers.new_view(high, beyond)) == "malformed"
