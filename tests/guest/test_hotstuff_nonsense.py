"""Whatever bytes come, a build with safety checks answers each event and ends well."""

from __future__ import annotations

import random
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hotstuff_network import Guest, Network, options
from hotstuff_wild import MUTATIONS, Wild

from lockstep import protocol
from lockstep.guest.build import build
from lockstep.protocol import Event, EventKind, Init

EXTREMES = (b"\0" * 8, b"\xff" * 8, b"\xff" * 7 + b"\x7f", b"\xff" * 6 + b"\0\0")
NODES = 10
RUN = 400


@pytest.fixture(scope="module")
def safe() -> Path:
    return build("hotstuff", mode="ReleaseSafe", native=True)


def happenings(program: Path, rng: random.Random) -> Iterator[Event]:
    """What happens in a lossy cluster, questions about it in between."""
    guest = Guest(program)
    network = Network(guest)
    network.keep = lambda _: rng.random() < 0.93
    for sequence in range(20):
        network.happen(protocol.command(sequence % 4, 1, sequence, rng.randbytes(20)))
    network.run(600)
    guest.close()
    for event in network.log:
        yield event
        if event.kind == EventKind.DELIVER and rng.random() < 0.3:
            yield question(rng, event)


def question(rng: random.Random, event: Event) -> Event:
    """About the message that arrived, or the node where it did."""
    _, message = protocol.parse_deliver(event.body)
    forge = protocol.forge(event.node, rng.randrange(MUTATIONS), rng.getrandbits(6), message)
    return rng.choice((forge, protocol.decode(message), protocol.inspect(event.node)))


def flip(rng: random.Random, body: bytearray, _: bytes) -> None:
    for _time in range(rng.randrange(1, 4) if body else 0):
        body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)


def cut(rng: random.Random, body: bytearray, _: bytes) -> None:
    del body[rng.randrange(len(body) + 1) :]


def lengthen(rng: random.Random, body: bytearray, _: bytes) -> None:
    body += rng.randbytes(rng.randrange(1, 40))


def splice(rng: random.Random, body: bytearray, other: bytes) -> None:
    body[rng.randrange(len(body) + 1) :] = other[rng.randrange(len(other) + 1) :]


def overwrite(rng: random.Random, body: bytearray, _: bytes) -> None:
    at = rng.randrange(max(len(body) - 7, 1))
    body[at : at + 8] = rng.choice(EXTREMES)


CHANGES = (flip, cut, lengthen, splice, overwrite)


def mutated(rng: random.Random, events: list[Event]) -> Event:
    """A valid event, changed once or twice, in its kind or in its node."""
    event, body = rng.choice(events), bytearray()
    body += event.body
    for _ in range(rng.choice((0, 1, 1, 1, 2))):
        rng.choice(CHANGES)(rng, body, rng.choice(events).body)
    kind = rng.randrange(12) if rng.random() < 0.1 else event.kind
    node = event.node if rng.random() < 0.9 else rng.choice((*range(NODES), 47, 48, 0xFFFF))
    return Event(node, kind, bytes(body))


def any_init(rng: random.Random) -> Event:
    """Mostly one that is sound, for a cluster of any size, with any options."""
    n = rng.randrange(4, 32)
    size = rng.choice((0, 5, 128, rng.randrange(140)))
    config = options(0, rng.randrange(1, 5), rng.choice((1, 50, 60_000, 60_001)))
    if rng.random() < 0.2:
        config = rng.randbytes(rng.choice((0, 3, 4, 4, 4, 9)))
    schedule = tuple(rng.randrange(n) for _ in range(size))
    body = Init(rng.randrange(n), n, rng.choice((1, rng.getrandbits(64))), schedule, config)
    return protocol.init(rng.randrange(NODES), body)


def nonsense(program: Path, count: int, seed: int) -> Iterator[Event]:
    """A cluster's life again and again, most of it mutated: nodes get somewhere now and then."""
    rng = random.Random(seed)
    events = list(happenings(program, rng))
    for number in range(count):
        place = number // 2 % len(events)
        what = rng.random()
        if what < 0.6:
            yield mutated(rng, events[max(place - 30, 0) : place + 30])
        else:
            yield any_init(rng) if what < 0.605 else events[place]


def outcomes_of(program: Path, events: list[Event]) -> Counter[int]:
    """Feed all events at once; the guest must answer each and end well."""
    stream = protocol.encode_events(events)
    done = subprocess.run([program], input=stream, stdout=subprocess.PIPE, check=False)
    frames, rest = protocol.split_frames(done.stdout)
    assert (done.returncode, len(frames), rest) == (0, len(events), b"")
    return Counter(int.from_bytes(frame[4:6], "little") for frame in frames)


def signed_nonsense(program: Path, count: int, seed: int) -> Counter[str]:
    """Events that refer to how the earlier ones were taken, and what came of them."""
    guest = Guest(program)
    outcomes: Counter[str] = Counter()
    for run in range(count // RUN):
        wild = Wild(random.Random(f"{seed} {run}"))
        guest.step(wild.start())
        for _ in range(RUN):
            seen = guest.step(wild.event())
            outcome = guest.description.outcome_name(seen.outcome)
            wild.seen(outcome, seen)
            outcomes[outcome] += 1
    guest.close()
    assert guest.process.returncode == 0
    return outcomes


def test_no_event_traps_it_and_each_outcome_is_seen(safe: Path) -> None:
    mutated = outcomes_of(safe, list(nonsense(safe, 30_000, seed=1)))
    signed = signed_nonsense(safe, 6000, seed=1)
    assert len(mutated) > 30  # not all is malformed
    assert signed["accepted proposal"] > 50  # it got far
    guest = Guest(safe)
    guest.close()
    names = guest.description.outcomes
    assert {names[number] for number in mutated} | set(signed) == set(names.values())


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(10))
def test_a_million_mutated_events_never_trap_it(safe: Path, seed: int) -> None:
    assert len(outcomes_of(safe, list(nonsense(safe, 100_000, seed)))) > 30


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(10))
def test_a_million_signed_events_never_trap_it(safe: Path, seed: int) -> None:
    assert len(signed_nonsense(safe, 100_000, seed)) > 37
