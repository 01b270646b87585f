"""A cluster in which one message is about to arrive, for tests to replace by a wrong one."""

from __future__ import annotations

from collections.abc import Sequence

from hotstuff_network import Guest, Network
from hotstuff_signers import VOTE, Signers, block_of, first_block, name_of

F = 3
"""The faulty replica."""
VIEW_MAX = 1 << 48
"""No message may speak of this view, or of a later one."""


class Scene:
    """F leads the next view, and node 0 is yet to hear its proposal."""

    def __init__(self, guest: Guest, n: int = 4) -> None:
        self.network = Network(guest, n)
        self.network.run(60)
        self.letter = self.network.waiting("proposal", F, 0)
        told = self.network.read(self.letter.message)
        self.view, self.height = told["view"], told["height"]
        self.parent, self.parent_view = bytes.fromhex(told["parent"]), told["justify"]["view"]
        self.signers = Signers(1, n)

    def certificate(
        self, view: int = 0, domain: int = VOTE, signers: Sequence[int] | None = None
    ) -> bytes:
        """For the parent, in its view or another."""
        return self.signers.certificate(view or self.parent_view, self.parent, domain, signers)

    def block(self, certificate: bytes = b"", key: int = 0) -> bytes:
        """F's block, with a command that `key` tells from others."""
        certificate = certificate or self.certificate()
        command = (1, 1, bytes([0, key]))
        return block_of(self.view, self.height, F, self.parent, certificate, [command])

    def propose(self, block: bytes, timeout: bytes = b"") -> str:
        """What node 0 makes of it."""
        return self.deliver(self.signers.proposal(block, timeout))

    def deliver(self, message: bytes, sender: int = F) -> str:
        return self.network.deliver(0, sender, message)

    @property
    def view_of_0(self) -> int:
        return int(self.network.inspect(0)["view"])


def genesis(n: int) -> bytes:
    """The certificate of the first block."""
    return bytes(8) + name_of(first_block(1, n)) + b"\0"
