"""A guest in Python, for tests: leaders propose heights in turn, everybody believes them.

Nothing but its form is like a real algorithm: it is safe only while nobody lies.
"""

import hashlib
import struct

from lockstep import protocol
from lockstep.protocol import (
    Action,
    ActionKind,
    Description,
    Event,
    EventKind,
    MessageKind,
    Mutation,
    Observation,
    Option,
    OptionValue,
    Outcome,
)

PROPOSAL, VOTE = 1, 2
TIMER_MS = 50

DESCRIPTION = Description(
    name="fake",
    version="1",
    protocol=1,
    outcomes={0: "ok", 1: "malformed", 2: "unknown node", 3: "unsupported", 16: "committed"},
    nodes=48,
    replicas=(4, 31),
    options=(
        Option("pace", 2, (OptionValue("calm", 1), OptionValue("hasty", 2))),
        Option("signatures", 1, (OptionValue("cheap", 0), OptionValue("dear", 7, cost=200))),
    ),
    messages=(MessageKind(PROPOSAL, "proposal"), MessageKind(VOTE, "vote", once=(1, 9))),
    mutations=(
        Mutation(1, "other block", (PROPOSAL,)),
        Mutation(2, "later view", (PROPOSAL, VOTE)),
        Mutation(3, "next height", (PROPOSAL,)),
    ),
)


class FakeNode:
    """One replica: its view is that of its timer, its log is a height."""

    def __init__(self, start: protocol.Init) -> None:
        self.start, self.view, self.height, self.queue = start, 1, 0, []

    def timer(self) -> Action:
        return Action(ActionKind.SET_TIMER, struct.pack("<QI", self.view, TIMER_MS))

    def commit(self, block: bytes) -> Action:
        self.height += 1
        head = struct.pack("<Q", self.height) + block + hashlib.sha256(block).digest()
        return Action(ActionKind.COMMIT, head + bytes(2))

    def timeout(self, view: int) -> list[Action]:
        actions = []
        if view == self.view and self.leader(view) == self.start.replica:
            block = hashlib.sha256(struct.pack("<Q", view) + b"".join(self.queue)).digest()
            actions = [self.commit(block)]
            head = struct.pack("<BQQ", PROPOSAL, view, self.height)
            actions.append(Action(ActionKind.BROADCAST, head + block))
        self.view = view + 1
        return [*actions, self.timer()]

    def leader(self, view: int) -> int:
        schedule = self.start.schedule
        return schedule[view - 1] if view <= len(schedule) else view % self.start.n

    def deliver(self, message: bytes) -> list[Action]:
        if len(message) != 49 or message[0] != PROPOSAL:
            return []
        view, height = struct.unpack_from("<QQ", message, 1)
        if height != self.height + 1 or view + 1 < self.view:
            return []
        self.view = view + 1
        vote = struct.pack("<HBQ", self.leader(view), VOTE, view) + message[17:]
        return [self.commit(message[17:]), Action(ActionKind.SEND, vote), self.timer()]


class FakeGuest:
    """A `Session` that answers from Python."""

    def __init__(self) -> None:
        self.nodes: dict[int, FakeNode] = {}

    def step(self, event: Event) -> bytes:
        outcome, actions = self._handle(event)
        node = self.nodes.get(event.node)
        facts = (node.view, node.height, node.queue) if node else ()
        state = hashlib.sha256(repr((event.node, facts)).encode()).digest()
        return protocol.encode_observation(Observation(outcome, state, tuple(actions)))

    def _handle(self, event: Event) -> tuple[int, list[Action]]:
        if event.kind == EventKind.INIT:
            try:
                self.nodes[event.node] = FakeNode(protocol.parse_init(event.body))
            except protocol.ProtocolError:
                return Outcome.MALFORMED, []
            return Outcome.OK, [self.nodes[event.node].timer()]
        node = self.nodes.get(event.node)
        if node is None:
            return Outcome.UNKNOWN_NODE, []
        return self._at(node, event)

    def _at(self, node: FakeNode, event: Event) -> tuple[int, list[Action]]:
        body = event.body
        if event.kind == EventKind.TIMEOUT and len(body) == 8:
            return Outcome.OK, node.timeout(int.from_bytes(body, "little"))
        if event.kind == EventKind.DELIVER and len(body) >= 2:
            return Outcome.OK, node.deliver(body[2:])
        if event.kind == EventKind.COMMAND and len(body) >= 16:
            node.queue = [*node.queue, body][-4:]
            return Outcome.OK, []
        if event.kind == EventKind.FORGE and len(body) > 10:
            return Outcome.OK, [Action(ActionKind.REPORT, forged(body))]
        return Outcome.MALFORMED, []


def forged(body: bytes) -> bytes:
    """The message of a `forge` body with the byte changed that its mutation speaks of."""
    mutation, choice = struct.unpack_from("<HQ", body)
    message = bytearray(body[10:])
    if mutation == 3:
        message[9] = (message[9] + 1) % 256
    else:
        message[-1 if mutation == 1 else 1] ^= 1 + choice % 255
    return bytes(message)
