"""A HotStuff node's state: what its hash knows, what resets it, and that the module and the native
build have the same one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from driving import drive
from hotstuff_network import Guest, Network, options

from lockstep import protocol
from lockstep.guest import build as building
from lockstep.guest.build import build
from lockstep.protocol import Event, EventKind, Init
from lockstep.scenario.choices import Stream
from lockstep.scenario.generate import generate
from lockstep.scenario.model import Scenario
from lockstep.scenario.named import named
from lockstep.simulate import simulate

F = 3


def state_of(guest: Guest, node: int) -> bytes:
    return guest.step(protocol.inspect(node)).state


def test_init_resets_wholly(guest: Guest) -> None:
    fresh = Network(guest).guest.step(protocol.inspect(0))
    network = Network(guest)
    network.happen(protocol.command(0, 1, 1, b"\0k"))
    network.run(200)
    assert state_of(guest, 0) != fresh.state
    guest.step(protocol.init(0, Init(0, 4, 1, (), options())))
    again = guest.step(protocol.inspect(0))
    assert (again.state, again.actions) == (fresh.state, fresh.actions)


def test_a_malformed_init_leaves_the_node_as_it_was(guest: Guest) -> None:
    network = Network(guest)
    network.run(60)
    state = state_of(guest, 0)
    for wrong in (b"", b"\2\4\xc8\0", b"\0\0\xc8\0", b"\0\5\xc8\0", b"\0\4\0\0", options() + b"\0"):
        assert network.happen(protocol.init(0, Init(0, 4, 1, (), wrong))) == "malformed"
    assert network.happen(protocol.init(0, Init(0, 4, 1, (0,) * 129, options()))) == "malformed"
    assert state_of(guest, 0) == state


# What the hash knows


def votes(network: Network, order: list[int]) -> None:
    letters = [network.waiting("vote", source, 1) for source in (0, 2)]
    for place in order[:2]:
        network.deliver(1, letters[place].source, letters[place].message)


def timeouts(network: Network, order: list[int]) -> None:
    network.keep = lambda _: False
    network.run(20)
    network.expire()
    letters = [network.waiting("timeout", source, 1) for source in (2, 3)]
    for place in order[:2]:
        network.deliver(1, letters[place].source, letters[place].message)


def commands(network: Network, order: list[int]) -> None:
    for sequence in order:
        network.happen(protocol.command(1, 7, sequence, b"\0k"))


@pytest.mark.parametrize("happen", [votes, timeouts, commands])
def test_the_hash_does_not_know_in_which_order(
    guest: Guest, happen: Callable[[Network, list[int]], None]
) -> None:
    states = []
    for order in ([0, 1, 2], [1, 0, 2]):
        network = Network(guest, 7)
        happen(network, order)
        states.append(guest.step(protocol.inspect(1)))
    assert states[0] == states[1]


def test_the_hash_knows_each_bit_of_what_happened(guest: Guest) -> None:
    network = Network(guest)
    seen = {state_of(guest, 2)}
    for event in (
        protocol.command(2, 7, 1, b"\0k"),
        protocol.command(2, 7, 2, b"\0k"),
        protocol.command(2, 8, 3, b"\0k"),
        protocol.command(2, 8, 4, b"\0l"),
        protocol.timeout(2, 1),
    ):
        network.happen(event)
        seen.add(state_of(guest, 2))
    assert len(seen) == 6


def test_questions_change_no_state(guest: Guest) -> None:
    network = Network(guest)
    network.run(60)
    before = [state_of(guest, node) for node in range(4)]
    for kind, source, target in (("proposal", F, 0), ("vote", 0, 1)):
        letter = network.waiting(kind, source, target)
        before = [state_of(guest, node) for node in range(4)]
        for mutation in guest.description.mutations:
            for choice in range(4):
                network.forge(letter, mutation.name, choice)
        network.read(letter.message)
        assert [state_of(guest, node) for node in range(4)] == before


FORGOTTEN = {
    "votes and timeouts": ("ballots.zig", "ballots.sum.remove(&row.mark(signer))"),
    "a block": ("tree.zig", "tree.sum.remove(&entry.mark())"),
    "a command": ("queue.zig", "queue.sum.remove(&queue.items[place].mark())"),
    "a client": ("clients.zig", "clients.sum.remove(&row.mark())"),
    "a certificate": ("certificate.zig", "stored.digest = stored.hash()"),
    "the application": ("execution.zig", "node.application_hash = hashApplication(node)"),
}


@pytest.mark.parametrize("what", FORGOTTEN)
def test_a_hash_that_is_not_kept_up_to_date_traps(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = tmp_path / "guest"
    shutil.copytree(building.source(), sources)
    monkeypatch.setattr(building, "source", lambda: sources)
    name, line = FORGOTTEN[what]
    path = sources / "hotstuff" / name
    text = path.read_text()
    assert text.count(line) == 1
    path.write_text(text.replace(line, "_ = 0"))
    wrong = Guest(build("hotstuff", mode="Debug", native=True, out=tmp_path / "wrong"))
    with pytest.raises((AssertionError, BrokenPipeError)):
        network = Network(wrong)
        network.happen(protocol.command(0, 1, 1, b"\1k"))
        network.happen(protocol.command(0, 1, 2, b"\1k"))
        network.run(200)
    wrong.close()
    assert wrong.process.returncode < 0


# The module and the native build


class Session:
    """What a simulation asks; writes down all of it."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.events: list[Event] = []
        self.answers: list[bytes] = []

    def step(self, event: Event) -> bytes:
        self.events.append(event)
        self.answers.append(self.guest.answer(event))
        return self.answers[-1]

    def play(self, scenario: Scenario) -> None:
        assert simulate(scenario, self, self.guest.description).end is None


def module_answers(events: list[Event]) -> list[bytes]:
    frames, rest = protocol.split_frames(
        drive(build("hotstuff"), [protocol.encode_events(events)]).output
    )
    assert rest == b""
    return frames


def expect_the_same_of_the_module(session: Session) -> None:
    frames = module_answers(session.events)
    for event, native, module in zip(session.events, session.answers, frames, strict=True):
        if event.kind not in (EventKind.DIGEST, EventKind.DESCRIBE):
            assert module == native, event


@pytest.fixture
def session() -> Iterator[Session]:
    """Of a guest of its own: what a node is before its `init` is seen too."""
    guest = Guest(build("hotstuff", native=True))
    yield Session(guest)
    guest.close()


def test_the_module_plays_the_fixed_scenarios_as_the_native_build_does(session: Session) -> None:
    for one in named(session.guest.description):
        session.play(one.scenario)
    expect_the_same_of_the_module(session)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_module_plays_generated_scenarios_as_the_native_build_does(
    session: Session, seed: int
) -> None:
    for index in range(25):
        session.play(generate(Stream(seed, index, "scenario"), session.guest.description))
    assert len(session.events) > 5000
    expect_the_same_of_the_module(session)


def test_the_memory_is_the_same_after_the_same_run(session: Session) -> None:
    session.play(named(session.guest.description)[0].scenario)
    first, second, shorter = (
        module_answers([*events, protocol.digest()])[-1]
        for events in (session.events, session.events, session.events[:-1])
    )
    assert first == second != shorter
