"""Messages that are signed rightly and otherwise wrong in any way, by any number of replicas.

Mutated bytes break signatures, and end at the first check. Here everyone's key is used, as the
cheap authenticators allow, so that nonsense gets to where blocks are kept, voted for and committed.
"""

from __future__ import annotations

import random
import struct

from hotstuff_network import options
from hotstuff_signers import (
    NO_BLOCK,
    TIMEOUT,
    VOTE,
    WORD,
    Signers,
    block_of,
    first_block,
    name_of,
)

from lockstep import protocol
from lockstep.protocol import ActionKind, Event, Init, Observation

EDGES = (0, 1, (1 << 48) - 1, 1 << 48, WORD)
MUTATIONS = 17
"""One more than there are, and 0."""


class Wild:
    """Events for node 0, in which little is as it should be; `seen` says how it took them."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.view = rng, 1
        self.n = rng.choice((4, 4, 4, 5, 7, 31))
        self.signers = Signers(1, self.n)
        self.schedule = tuple(rng.randrange(self.n) for _ in range(rng.randrange(40)))
        self.blocks: dict[bytes, tuple[bytes, int, int]] = {}
        self.tip = self.last = self._keep(first_block(1, self.n), 0, 0)
        self.asked: list[bytes] = []

    def _keep(self, block: bytes, view: int, height: int) -> bytes:
        name = name_of(block)
        self.blocks[name] = block, view, height
        return name

    def start(self) -> Event:
        body = Init(self.rng.randrange(self.n), self.n, 1, self.schedule, options())
        return protocol.init(0, body)

    def seen(self, outcome: str, observation: Observation) -> None:
        if self.rng.random() < (0.9 if outcome == "accepted proposal" else 0.02):
            self.tip = self.last
        for kind, body in observation.actions:
            if kind == ActionKind.SET_TIMER:
                self.view = protocol.parse_timer(body)[0]
            elif kind == ActionKind.SEND and body[2] == 5 and body[4:] in self.blocks:
                self.asked.append(body[4:])

    def event(self) -> Event:
        makers = (self._propose, self._vote, self._give_up, self._show, self._fetch, self._answer)
        (maker,) = self.rng.choices((*makers, self._other), (45, 20, 13, 5, 3, 4, 10))
        return maker()

    def _deliver(self, sender: int, message: bytes) -> Event:
        """The message; at times it is forged once more, or only read."""
        what = self.rng.random()
        if what < 0.08:
            choice = self.rng.getrandbits(self.rng.choice((3, 64)))
            return protocol.forge(0, self.rng.randrange(MUTATIONS), choice, message)
        return protocol.decode(message) if what < 0.12 else protocol.deliver(0, sender, message)

    def _rarely(self, usual: int, *others: int, rate: float = 0.015) -> int:
        return self.rng.choice(others) if self.rng.random() < rate else usual

    def _near(self, view: int) -> int:
        step = self.rng.choice((0, 0, 0, 0, 0, 1, 1, 2, -1, -2, -3, 5))
        return self._rarely(min(max(view + step, 0), WORD), *EDGES)

    def _some_block(self) -> bytes:
        if self.rng.random() < 0.6:
            return self.tip
        return self.rng.choice([*list(self.blocks)[-25:], self.rng.randbytes(32)])

    def _view_of(self, block: bytes) -> int:
        return self._rarely(self.blocks.get(block, (b"", 1, 1))[1], self._near(self.view))

    def _certificate(self, view: int, block: bytes, domain: int = VOTE) -> bytes:
        if domain == VOTE and view == 0:
            return bytes(8) + block + b"\0"
        count = self._rarely(self.signers.quorum, *range(min(self.n, 21)))
        signers = sorted(self.rng.sample(range(self.n), count))
        if signers:
            signers[-1] = self._rarely(signers[-1], *signers)
        made = self.signers.certificate(view, block, domain, signers)
        return made[:-1] + bytes([self._rarely(made[-1], 0, 255)])

    def _block(self) -> bytes:
        rng, parent = self.rng, self._some_block()
        _, view, height = self.blocks.get(parent, (b"", rng.randrange(5), rng.randrange(5)))
        view = max(view + 1, self.view) if rng.random() < 0.7 else self._near(self.view)
        view = min(view, WORD)
        height = self._rarely(min(height + 1, WORD), height, *EDGES)
        scheduled = self.schedule[view - 1 : view] or ((view - 1) % self.n,)
        certified = parent if rng.random() < 0.98 else self._some_block()
        proposer = self._rarely(scheduled[0], *range(self.n))
        certificate = self._certificate(self._view_of(certified), certified)
        commands = [self._command() for _ in range(rng.randrange(5))]
        block = block_of(view, height, proposer, parent, certificate, commands)
        self.last = self._keep(block, view, height)
        return block

    def _command(self) -> tuple[int, int, bytes]:
        rng = self.rng
        client = self._rarely(rng.randrange(4), rng.getrandbits(64), rate=0.1)
        sequence = self._rarely(rng.randrange(100), 0, WORD)
        return client, sequence, rng.randbytes(rng.randrange(65))

    def _timeout_certificate(self, view: int) -> bytes:
        if self.rng.random() < 0.5:
            return b""
        return self._certificate(self._rarely(max(view - 1, 0), *EDGES), NO_BLOCK, TIMEOUT)

    def _propose(self) -> Event:
        block = self._block()
        view, _, proposer = struct.unpack_from("<QQH", block)
        return self._deliver(
            proposer, self.signers.proposal(block, self._timeout_certificate(view))
        )

    def _vote(self) -> Event:
        sender, block = self.rng.randrange(self.n), self._some_block()
        return self._deliver(sender, self.signers.vote(sender, self._view_of(block), block))

    def _give_up(self) -> Event:
        sender, block = self.rng.randrange(self.n), self._some_block()
        high = self._certificate(self._view_of(block), block)
        return self._deliver(sender, self.signers.timeout(sender, self._near(self.view), high))

    def _show(self) -> Event:
        block = self._some_block()
        ended = self._timeout_certificate(self._near(self.view) + 1)
        high = self._certificate(self._view_of(block), block)
        return self._deliver(0, self.signers.new_view(high, ended))

    def _fetch(self) -> Event:
        return self._deliver(self.rng.randrange(self.n + 1), b"\5\0" + self._some_block())

    def _answer(self) -> Event:
        block = self.blocks[self.asked.pop()][0] if self.asked else self._block()
        return self._deliver(self.rng.randrange(self.n), b"\6\0" + block)

    def _other(self) -> Event:
        what = self.rng.randrange(3)
        if what == 0:
            return protocol.timeout(0, self._near(self.view))
        if what == 1:
            return protocol.command(0, *self._command())
        return protocol.inspect(0)
