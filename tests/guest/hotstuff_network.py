"""A network of HotStuff nodes for tests: queues of messages around one native guest process."""

from __future__ import annotations

import json
import struct
import subprocess
from collections import Counter, deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from lockstep import protocol
from lockstep.protocol import ActionKind, Commit, Event, Init, Observation

HMAC, ED25519 = 0, 1
KINDS = {1: "proposal", 2: "vote", 3: "timeout", 4: "new view", 5: "fetch", 6: "block"}


def options(scheme: int = HMAC, batch: int = 4, base_timeout_ms: int = 200) -> bytes:
    """The options of `init`."""
    return struct.pack("<BBH", scheme, batch, base_timeout_ms)


class Guest:
    """A guest process that answers one event at a time."""

    def __init__(self, program: Path) -> None:
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        assert self.process.stdin and self.process.stdout
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        self.description = protocol.parse_description(self.ask(protocol.describe()))

    def answer(self, event: Event) -> bytes:
        """The observation as a frame."""
        self.stdin.write(event.encode())
        head = self._read(4)
        return head + self._read(int.from_bytes(head, "little"))

    def step(self, event: Event) -> Observation:
        return protocol.decode_observation(self.answer(event))

    def ask(self, event: Event) -> bytes:
        return protocol.report_of(self.step(event))

    def close(self) -> None:
        self.stdin.close()
        self.stdout.close()
        self.process.wait(10)

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self.stdout.read(size - len(data))
            assert piece, f"the guest ended: {self.process.wait(10)}"
            data += piece
        return data


class Letter(NamedTuple):
    """A message on its way from one node to another."""

    source: int
    target: int
    message: bytes

    @property
    def kind(self) -> str:
        return KINDS[self.message[0]]


class Network:
    """Nodes and the letters between them; node numbers index `replicas`: twins share an entry."""

    def __init__(
        self,
        guest: Guest,
        n: int = 4,
        replicas: Iterable[int] | None = None,
        schedule: tuple[int, ...] = (),
        seed: int = 1,
        config: bytes = options(),
    ) -> None:
        self.guest = guest
        self.n = n
        self.replicas = list(range(n)) if replicas is None else list(replicas)
        self.letters: deque[Letter] = deque()
        self.timers: dict[int, int] = {}
        self.commits: dict[int, list[Commit]] = {node: [] for node in range(len(self.replicas))}
        self.log: list[Event] = []
        self.answers: list[Observation] = []
        self.outcomes: Counter[str] = Counter()
        self.sent: list[Letter] = []
        self.keep: Callable[[Letter], bool] = lambda _: True
        self.change: Callable[[Letter], Letter | None] = lambda letter: letter
        for node, replica in enumerate(self.replicas):
            body = Init(replica, n, seed, schedule, config)
            self.happen(protocol.init(node, body))

    def happen(self, event: Event) -> str:
        """Let a node handle `event`; take its actions; return the outcome's name."""
        seen = self.guest.step(event)
        self.log.append(event)
        self.answers.append(seen)
        name = self.guest.description.outcome_name(seen.outcome)
        self.outcomes[name] += 1
        for kind, body in seen.actions:
            if kind == ActionKind.SET_TIMER:
                self.timers[event.node] = protocol.parse_timer(body)[0]
            elif kind == ActionKind.COMMIT:
                self.commits[event.node].append(protocol.parse_commit(body))
            elif kind == ActionKind.SEND:
                receiver, message = protocol.parse_send(body)
                self.post(event.node, receiver, message)
            elif kind == ActionKind.BROADCAST:
                for replica in range(self.n):
                    self.post(event.node, replica, body)
        return name

    @property
    def events(self) -> int:
        """How many events happened."""
        return len(self.log)

    def post(self, source: int, replica: int, message: bytes) -> None:
        """Queue letters to all nodes of `replica` but the source, as `change` has it."""
        for target in range(len(self.replicas)):
            if self.replicas[target] == replica and target != source:
                letter = self.change(Letter(source, target, message))
                if letter:
                    self.sent.append(letter)
                    self.letters.append(letter)

    def deliver(self, node: int, sender: int, message: bytes) -> str:
        return self.happen(protocol.deliver(node, sender, message))

    def run(self, events: int) -> None:
        """Deliver letters in order; when there are none, all timers fire."""
        end = self.events + events
        while self.events < end:
            if not self.letters:
                self.expire()
                continue
            letter = self.letters.popleft()
            if self.keep(letter):
                self.deliver(letter.target, self.replicas[letter.source], letter.message)
            else:
                end -= 1

    def waiting(self, kind: str, source: int, target: int) -> Letter:
        """Run until a message of that kind is on its way from `source` to `target`."""
        for _ in range(2000):
            for letter in self.letters:
                if (letter.kind, letter.source, letter.target) == (kind, source, target):
                    return letter
            self.run(1)
        raise AssertionError(f"no {kind} from {source} to {target}")

    def forge(self, letter: Letter, mutation: str, choice: int = 0) -> bytes | None:
        """The message as its source would forge it; None where it cannot."""
        numbers = {found.name: found.number for found in self.guest.description.mutations}
        event = protocol.forge(letter.source, numbers[mutation], choice, letter.message)
        seen = self.guest.step(event)
        return protocol.report_of(seen) if seen.actions else None

    def read(self, message: bytes) -> dict[str, Any]:
        fields: dict[str, Any] = json.loads(self.guest.ask(protocol.decode(message)))
        return fields

    def expire(self) -> None:
        for node, view in sorted(self.timers.items()):
            self.happen(protocol.timeout(node, view))

    def inspect(self, node: int) -> dict[str, Any]:
        fields: dict[str, Any] = json.loads(self.guest.ask(protocol.inspect(node)))
        return fields

    def height(self, node: int) -> int:
        return self.commits[node][-1].height if self.commits[node] else 0

    def disagreement(self, faulty: Iterable[int] = ()) -> str | None:
        """What is broken between the nodes that are not `faulty`, if anything is."""
        blocks: dict[int, bytes] = {}
        for node, commits in self.commits.items():
            if node in faulty:
                continue
            executed = set()
            for place, commit in enumerate(commits, 1):
                if commit.height != place:
                    return f"node {node} commits height {commit.height} as number {place}"
                if blocks.setdefault(commit.height, commit.block) != commit.block:
                    return f"two blocks at height {commit.height}"
                for client, sequence, _ in commit.commands:
                    if (client, sequence) in executed:
                        return f"node {node} executes {client}/{sequence} twice"
                    executed.add((client, sequence))
        return None
