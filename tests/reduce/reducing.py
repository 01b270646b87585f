"""What the tests of the reducer share: predicates as batches, a toy protocol, traces to reduce."""

import hashlib
import random
from collections.abc import Callable, Sequence

from lockstep import protocol
from lockstep.protocol import Event, EventKind, Init
from lockstep.reduce.order import Events
from lockstep.reduce.reducer import Reduction, reduce_events

Predicate = Callable[[Events], bool]


class Oracle:
    """Answers batches by `predicate` and keeps all that it was asked."""

    def __init__(self, predicate: Predicate) -> None:
        self.predicate = predicate
        self.asked: list[Events] = []

    def consider(self, candidates: Sequence[Events]) -> list[bool]:
        self.asked.extend(candidates)
        return [self.predicate(candidate) for candidate in candidates]


def reduced(events: Sequence[Event], predicate: Predicate, **options) -> Reduction:
    return reduce_events(events, Oracle(predicate).consider, **options)


def assert_reduces_to(origin: Sequence[Event], target: Sequence[Event], shows: Predicate) -> None:
    reduction = reduced(origin, shows)
    assert reduction.events == tuple(target)
    assert reduction.minimal


def holds(*needed: Event) -> Predicate:
    """All of `needed` are there, in this order, among whatever else."""

    def shows(events: Events) -> bool:
        rest = iter(events)
        return all(event in rest for event in needed)

    return shows


def long_trace(seed: int, count: int = 2000, nodes: int = 5) -> Events:
    """A trace as a campaign makes them: `init`s, then mostly messages of some hundred bytes."""
    draw = random.Random(seed)
    events = [
        protocol.init(node, Init(node, 4, draw.getrandbits(64), (0, 1, 2, 3) * 5, b"\x01\x02"))
        for node in range(nodes)
    ]
    while len(events) < count:
        node = draw.randrange(nodes)
        roll = draw.random()
        message = bytes([draw.randrange(1, 5)]) + draw.randbytes(draw.randrange(40, 300))
        if roll < 0.75:
            events.append(protocol.deliver(node, draw.randrange(4), message))
        elif roll < 0.9:
            events.append(protocol.command(node, draw.randrange(9), len(events), message[:20]))
        else:
            events.append(protocol.timeout(node, draw.randrange(100)))
    return tuple(events)


def tip_of(parent: bytes, payload: bytes) -> bytes:
    return hashlib.sha256(parent + payload).digest()[:8]


def seed_tip(body: bytes) -> bytes:
    """The tip of a node that was started with this `init` body: its seed is all that matters."""
    return tip_of(b"", protocol.parse_init(body).seed.to_bytes(8, "little"))


class Chain:
    """A toy guest: a node takes a message that names its tip as parent, and nothing else.

    `wrong_at` is the height from which on its outcomes are wrong, as on a faulty runtime.
    """

    def __init__(self, wrong_at: int | None = None) -> None:
        self.wrong_at = wrong_at
        self.nodes: dict[int, tuple[bytes, int]] = {}

    def step(self, event: Event) -> int:
        """The outcome of `event`."""
        if event.kind == EventKind.INIT:
            try:
                self.nodes[event.node] = seed_tip(event.body), 0
            except protocol.ProtocolError:
                return 1
            return 0
        if event.node not in self.nodes:
            return 2
        tip, height = self.nodes[event.node]
        if event.kind != EventKind.DELIVER or event.body[2:10] != tip:
            return 3
        self.nodes[event.node] = tip_of(tip, event.body[10:]), height + 1
        return 16 if self.wrong_at is None or height + 1 < self.wrong_at else 17


def chain_diverges(wrong_at: int) -> Predicate:
    """Two runtimes differ in an outcome, one of them wrong from height `wrong_at` on."""

    def shows(events: Events) -> bool:
        right, wrong = Chain(), Chain(wrong_at)
        return any(right.step(event) != wrong.step(event) for event in events)

    return shows


def chain_trace(seed: int, blocks: int, nodes: int = 4) -> Events:
    """All `nodes` grow one chain each, at their own pace, among timeouts and stale messages."""
    draw = random.Random(seed)
    events = [protocol.init(node, Init(node, 4, 1000 + node)) for node in range(nodes)]
    tips = [seed_tip(event.body) for event in events]
    for _ in range(blocks * nodes):
        node = draw.randrange(nodes)
        payload = draw.randbytes(draw.randrange(1, 30))
        events.append(protocol.deliver(node, draw.randrange(nodes), tips[node] + payload))
        tips[node] = tip_of(tips[node], payload)
        events.append(protocol.timeout(draw.randrange(nodes), draw.randrange(100)))
        events.append(protocol.deliver(draw.randrange(nodes), 0, draw.randbytes(30)))
    return tuple(events)
