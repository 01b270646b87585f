"""HotStuff bounds what it reads and what it keeps: bytes that are no message, tables that are full,
and what is forgotten in time.
"""

from __future__ import annotations

from hotstuff_network import ED25519, Guest, Network, options
from hotstuff_scene import VIEW_MAX, F, Scene, genesis
from hotstuff_signers import TIMEOUT, VOTE, Signers, block_of, first_block, name_of

from lockstep import protocol

# Bytes


def one_of_each_kind(guest: Guest) -> list[bytes]:
    network = Network(guest)
    network.keep = lambda letter: letter.target != 3 or letter.kind not in ("proposal", "block")
    network.run(100)
    network.expire()
    network.keep = lambda _: True
    network.run(200)
    found = {letter.kind: letter.message for letter in network.sent}
    assert len(found) == 6
    return list(found.values())


def test_a_message_cut_short_or_with_more_behind_it_is_malformed(guest: Guest) -> None:
    messages = one_of_each_kind(guest)
    network = Network(guest)
    state = guest.step(protocol.inspect(0)).state
    for message in messages:
        cut = [message[:size] for size in range(len(message))]
        for wrong in (*cut, message + b"\0"):
            assert network.deliver(0, 1, wrong) == "malformed"
            assert guest.step(protocol.decode(wrong)).outcome == protocol.Outcome.MALFORMED
    assert guest.step(protocol.inspect(0)).state == state


def test_a_message_for_another_scheme_or_kind_is_malformed(guest: Guest) -> None:
    network = Network(guest, config=options(ED25519))
    for message in one_of_each_kind(guest):
        network = Network(guest, config=options(ED25519))
        assert network.deliver(0, 1, message) == "malformed"
        for kind in (0, 7, 255):
            assert network.deliver(0, 1, bytes([kind]) + message[1:]) == "malformed"


def test_counts_and_views_beyond_their_bounds_are_malformed(scene: Scene) -> None:
    everyone, certificate = Signers(1, 31), scene.certificate()
    shares = everyone.certificate(scene.parent_view, scene.parent, VOTE, range(22))
    for view, height, justify, commands in (
        (VIEW_MAX + 3, scene.height, certificate, []),
        (scene.view, VIEW_MAX, certificate, []),
        (scene.view, scene.height, shares, []),
        (scene.view, scene.height, certificate, [(1, 1, b"")] * 5),
        (scene.view, scene.height, certificate, [(1, 1, bytes(65))]),
    ):
        block = block_of(view, height, F, scene.parent, justify, commands)
        assert scene.propose(block) == "malformed"


def test_what_is_no_event_for_a_node_is_named(guest: Guest) -> None:
    network = Network(guest)
    assert network.happen(protocol.Event(0, 2, b"\0")) == "malformed"
    assert network.happen(protocol.Event(0, 3, b"\0")) == "malformed"
    assert network.deliver(0, 1, b"\xff" * 40) == "malformed"
    assert network.deliver(0, 4, Signers(1, 4).new_view(genesis(4))) == "wrong sender"
    assert network.happen(protocol.timeout(47, 1)) == "unknown node"
    assert network.happen(protocol.Event(0, 99, b"")) == "unsupported"
    assert network.happen(protocol.init(0, protocol.Init(0, 3, 1))) == "malformed"


# Tables


def test_blocks_whose_parents_are_missing_take_bounded_room(scene: Scene) -> None:
    seen = set()
    for step in range(60):
        parent = bytes([step]) * 32
        view = scene.view + 4 * step
        certificate = scene.signers.certificate(view - 1, parent)
        seen.add(scene.propose(block_of(view, scene.height + step, F, parent, certificate)))
    assert seen == {"parent missing"}
    state = scene.network.inspect(0)
    assert len(state["blocks"]) == 20
    assert state["head"]["block"] in [block["hash"] for block in state["blocks"]]


def test_a_chain_that_stays_open_fills_the_table_and_breaks_nothing(guest: Guest) -> None:
    network, signers = Network(guest, schedule=(F,) * 100), Signers(1, 4)
    parent, certificate, seen = name_of(first_block(1, 4)), genesis(4), []
    for height in range(1, 30):
        view = 2 * height + 1  # never two in a row: nothing becomes final
        block = block_of(view, height, F, parent, certificate)
        ended = signers.certificate(view - 1, domain=TIMEOUT)
        seen.append(network.deliver(0, F, signers.proposal(block, ended)))
        parent = name_of(block)
        certificate = signers.certificate(view, parent)
    assert seen == ["accepted proposal"] * 19 + ["table full"] + ["parent missing"] * 9
    assert len(network.inspect(0)["blocks"]) == 20
    assert network.commits[0] == []


def test_blocks_that_nobody_asked_for_are_not_kept(scene: Scene) -> None:
    block = scene.block()
    assert scene.deliver(b"\6\0" + block) == "block not asked for"
    assert scene.deliver(b"\5\0" + name_of(block)) == "block unknown"
    assert scene.deliver(b"\5\0" + scene.parent) == "block sent"


def test_a_fetched_block_needs_no_signature_and_is_checked_all_the_same(scene: Scene) -> None:
    signers = scene.signers
    view = scene.view + 4
    for certificate, outcome in (
        (scene.certificate(domain=TIMEOUT), "bad certificate"),
        (scene.certificate(scene.parent_view - 1), "certificate of another view"),
        (scene.certificate(), "block connected"),
    ):
        missing = scene.block(certificate)
        certified = signers.certificate(view, name_of(missing))
        assert scene.deliver(signers.new_view(certified)) == "entered view"
        assert scene.deliver(b"\6\0" + missing) == outcome
        view += 1


def test_tables_do_not_grow_with_the_history(guest: Guest) -> None:
    network = Network(guest)
    for round_ in range(1, 5):
        for sequence in range(20):
            network.happen(protocol.command(sequence % 4, 5, 20 * round_ + sequence, b"\0k"))
        network.run(500)
        state = network.inspect(0)
        heights = [block["height"] for block in state["blocks"]]
        assert heights == list(range(heights[0], heights[0] + len(heights)))  # one chain
        assert len(heights) <= 20
        assert max(len(state["votes"]), len(state["timeouts"])) <= 4
        assert state["queue"] == []
        assert len(state["clients"]) == 1
    assert network.height(0) > 100


def test_a_block_that_lost_is_forgotten(guest: Guest) -> None:
    network = Network(guest)
    network.run(60)
    letter = network.waiting("proposal", F, 0)
    loser = network.forge(letter, "other commands")
    assert loser is not None
    name = network.read(loser)["hash"]
    assert network.deliver(0, F, loser) == "accepted proposal"
    assert name in [block["hash"] for block in network.inspect(0)["blocks"]]
    network.run(100)
    assert name not in [block["hash"] for block in network.inspect(0)["blocks"]]
    assert network.height(0) > network.read(loser)["height"]


def test_the_command_queue_is_bounded_and_takes_more_when_some_are_executed(guest: Guest) -> None:
    network = Network(guest)
    outcomes = [network.happen(protocol.command(0, 1, s, b"\0k")) for s in range(1, 41)]
    assert outcomes == ["command queued"] * 32 + ["table full"] * 8
    network.run(400)
    assert network.happen(protocol.command(0, 1, 41, b"\0k")) == "command queued"


def test_clients_beyond_the_table_are_refused_and_the_others_served(guest: Guest) -> None:
    network = Network(guest)
    for client in range(32):
        assert network.happen(protocol.command(0, client, 1, b"\0k")) == "command queued"
    network.run(400)
    assert len(network.inspect(1)["clients"]) == 32
    for node in range(4):
        assert network.happen(protocol.command(node, 99, 1, b"\0k")) == "table full"
        assert network.happen(protocol.command(node, 31, 2, b"\0k")) == "command queued"


def test_sequences_far_behind_their_clients_newest_are_over(guest: Guest) -> None:
    network = Network(guest)
    network.happen(protocol.command(0, 1, 100, b"\0k"))
    network.run(100)
    assert network.happen(protocol.command(0, 1, 37, b"\0k")) == "command queued"
    assert network.happen(protocol.command(0, 1, 36, b"\0k")) == "command executed"
