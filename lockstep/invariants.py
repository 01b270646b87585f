"""What a correct guest never does, whatever happens to it: checked on a trace and its answers.

Who is faulty is read from the trace itself, so that a reduced trace is judged honestly: a replica
on two nodes (twins), one whose node was started twice (amnesia), and one in whose name a message
arrived that none of its nodes had sent before. With more than (n - 1) // 3 of them, or where nodes
were not started alike, nothing is promised and nothing judged.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from lockstep import protocol
from lockstep.errors import ProtocolError
from lockstep.protocol import ActionKind, Commit, Description, Event, EventKind, Outcome
from lockstep.scenario.model import faulty_max

_HEAD = struct.Struct("<BI")
_FIRST_ACTION = protocol.OBSERVATION_SIZE_MIN + 4
_SEND, _BROADCAST = int(ActionKind.SEND), int(ActionKind.BROADCAST)
_COMMIT = int(ActionKind.COMMIT)
_INIT, _DELIVER = int(EventKind.INIT), int(EventKind.DELIVER)
_REFUSED = (Outcome.MALFORMED, Outcome.UNSUPPORTED)


class Violation(msgspec.Struct, frozen=True):
    """An invariant that the answer to event `index` breaks; `name` is which, `text` how."""

    index: int
    name: str
    text: str

    @property
    def fingerprint(self) -> str:
        """What two traces that break the same invariant share."""
        return hashlib.sha256(f"unsafe {self.name}".encode()).hexdigest()[:16]


def check(
    events: Sequence[Event], observations: Sequence[bytes], description: Description
) -> Violation | None:
    """The first invariant that a correct replica breaks; None for none, or without a promise.

    `observations[i]` is the frame for `events[i]`; there may be fewer of them.
    """
    history = _History(description)
    # A garbled answer ends the story, but breaks no promise that was kept before.
    with suppress(ProtocolError, struct.error):
        history.read(events, observations)
    if not history.is_judged():
        return None
    found = [each for each in (history.first_bad_commit(), history.first_double()) if each]
    return min(found, key=lambda violation: violation.index, default=None)


class _History:
    """What a trace tells, in one pass: who was started how, who sent and committed what."""

    def __init__(self, description: Description) -> None:
        self._kinds = {kind.number: kind for kind in description.messages if kind.once}
        self._replicas: dict[int, int] = {}
        self._settings: set[tuple[object, ...]] = set()
        self._n = 0
        self._faulty: set[int] = set()
        self._sent: dict[int, set[bytes]] = {}
        self._once: dict[tuple[int, int, bytes], bytes] = {}
        self._doubles: list[tuple[int, int, str]] = []
        self._commits: list[tuple[int, int, Commit]] = []

    def read(self, events: Sequence[Event], observations: Sequence[bytes]) -> None:
        """Take in a trace; raises `ProtocolError` or `struct.error` at an answer that is none."""
        replicas, sent = self._replicas, self._sent
        for at, ((node, kind, body), frame) in enumerate(zip(events, observations, strict=False)):
            if node in replicas and kind == _DELIVER and len(body) >= 2:
                sender = body[0] | body[1] << 8
                if body[2:] not in sent.get(sender, ()):
                    self._faulty.add(sender)
            elif kind == _INIT:
                self._start(node, body, frame)
            if len(frame) > _FIRST_ACTION and node in replicas:
                self._answer(at, node, frame)

    def _start(self, node: int, body: bytes, frame: bytes) -> None:
        if int.from_bytes(frame[4:6], "little") in _REFUSED:
            return
        init = protocol.parse_init(body)
        if node in self._replicas:
            self._faulty.add(self._replicas[node])
        if init.replica in self._sent:
            self._faulty.add(init.replica)
        self._sent.setdefault(init.replica, set())
        self._replicas[node] = init.replica
        self._n = init.n
        self._settings.add((init.n, init.seed, init.schedule, init.options))

    def _answer(self, at: int, node: int, frame: bytes) -> None:
        offset, end = _FIRST_ACTION, len(frame)
        while offset < end:
            kind, size = _HEAD.unpack_from(frame, offset)
            offset += _HEAD.size
            if kind == _BROADCAST:
                self._message(at, node, frame[offset : offset + size])
            elif kind == _SEND:
                self._message(at, node, frame[offset + 2 : offset + size])
            elif kind == _COMMIT:
                commit = protocol.parse_commit(frame[offset : offset + size])
                self._commits.append((at, node, commit))
            offset += size

    def _message(self, at: int, node: int, message: bytes) -> None:
        replica = self._replicas[node]
        self._sent[replica].add(message)
        kind = self._kinds.get(message[0]) if message else None
        if kind is None or kind.once is None:
            return
        start, end = kind.once
        key = (replica, kind.number, message[start:end])
        if self._once.setdefault(key, message) != message:
            self._doubles.append((at, node, kind.name))

    def is_judged(self) -> bool:
        """Whether the algorithm promises anything for this trace."""
        return len(self._settings) == 1 and len(self._faulty) <= faulty_max(self._n)

    def _is_honest(self, node: int) -> bool:
        return self._replicas[node] not in self._faulty

    def first_double(self) -> Violation | None:
        """The first time that a correct replica sent two messages of which one is allowed."""
        for at, node, name in self._doubles:
            if self._is_honest(node):
                return Violation(at, f"once {name}", f"node {node} sent a second, other {name}")
        return None

    def first_bad_commit(self) -> Violation | None:
        """The first commit of a correct replica that others, or its own past, contradict."""
        ledger = _Ledger()
        for at, node, commit in self._commits:
            if self._is_honest(node):
                broken = ledger.add(node, commit)
                if broken is not None:
                    return Violation(at, *broken)
        return None


class _Ledger:
    """What correct replicas have committed so far."""

    def __init__(self) -> None:
        self._first: dict[int, tuple[int, Commit]] = {}
        self._heights: dict[int, int] = {}
        self._executed: set[tuple[int, int, int]] = set()

    def add(self, node: int, commit: Commit) -> tuple[str, str] | None:
        """Add a commit; name and text of the invariant that it breaks, None for none."""
        height = commit.height
        before = self._heights.get(node, 0)
        self._heights[node] = height
        if height != before + 1:
            return "gap", f"node {node} committed height {height} after {before}"
        other, first = self._first.setdefault(height, (node, commit))
        if first.block != commit.block:
            return "agreement", f"nodes {other} and {node} differ in the block at height {height}"
        if first.application != commit.application:
            return "application", f"nodes {other} and {node} differ in state at height {height}"
        for client, sequence, _ in commit.commands:
            if (node, client, sequence) in self._executed:
                text = f"node {node} executed command {sequence} of client {client} again"
                return "executed once", text
            self._executed.add((node, client, sequence))
        return None
