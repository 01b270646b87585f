"""All keys of a HotStuff cluster with cheap authenticators, and messages made with them.

What is signed here is signed rightly, whoever it says it is from: a test can be wrong in one
thing alone.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence

PROPOSAL, VOTE, TIMEOUT = 1, 2, 3
"""What a signature is for."""
NO_BLOCK = bytes(32)
WORD = (1 << 64) - 1


def siphash(key: bytes, data: bytes) -> bytes:
    """SipHash-2-4 with 64 bits (Aumasson and Bernstein 2012)."""
    words = struct.unpack("<QQ", key) * 2
    magic = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    v = [word ^ constant for word, constant in zip(words, magic, strict=True)]
    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 255])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        _rounds(v, 2)
        v[0] ^= word
    v[2] ^= 255
    _rounds(v, 4)
    return struct.pack("<Q", v[0] ^ v[1] ^ v[2] ^ v[3])


def _rounds(v: list[int], count: int) -> None:
    a, b, c, d = v
    for _ in range(count):
        a, c = (a + b) & WORD, (c + d) & WORD
        b, d, a = _turn(b, 13) ^ a, _turn(d, 16) ^ c, _turn(a, 32)
        c, a = (c + b) & WORD, (a + d) & WORD
        b, d, c = _turn(b, 17) ^ c, _turn(d, 21) ^ a, _turn(c, 32)
    v[:] = a, b, c, d


def _turn(word: int, by: int) -> int:
    return (word << by | word >> (64 - by)) & WORD


class Signers:
    """The keys of a cluster with cheap authenticators, and what can be made with them."""

    def __init__(self, seed: int, n: int) -> None:
        self.n, self.quorum = n, n - (n - 1) // 3
        names = (struct.pack("<QH", seed, replica) for replica in range(n))
        self._keys = [
            hashlib.sha256(b"lockstep hotstuff key" + name).digest()[:16] for name in names
        ]

    def sign(self, replica: int, domain: int, view: int, block: bytes = NO_BLOCK) -> bytes:
        return siphash(self._keys[replica], struct.pack("<BQ", domain, view) + block)

    def vote(self, replica: int, view: int, block: bytes, domain: int = VOTE) -> bytes:
        head = b"\2\0" + struct.pack("<QH", view, replica)
        return head + block + self.sign(replica, domain, view, block)

    def timeout(self, replica: int, view: int, high: bytes) -> bytes:
        head = b"\3\0" + struct.pack("<QH", view, replica)
        return head + high + self.sign(replica, TIMEOUT, view)

    def certificate(
        self,
        view: int,
        block: bytes = NO_BLOCK,
        domain: int = VOTE,
        signers: Sequence[int] | None = None,
    ) -> bytes:
        """Of the first `quorum` replicas, or of just these signers."""
        if signers is None:
            signers = range(self.quorum)
        shares = [bytes([who]) + self.sign(who, domain, view, block) for who in signers]
        return struct.pack("<Q", view) + block + bytes([len(shares)]) + b"".join(shares)

    def proposal(self, block: bytes, timeout: bytes = b"") -> bytes:
        view, _, proposer = struct.unpack_from("<QQH", block)
        signature = self.sign(proposer, PROPOSAL, view, name_of(block))
        return b"\1\0" + block + _optional(timeout) + signature

    def new_view(self, high: bytes, timeout: bytes = b"") -> bytes:
        return b"\4\0" + high + _optional(timeout)


def _optional(certificate: bytes) -> bytes:
    return b"\1" + certificate if certificate else b"\0"


def block_of(
    view: int,
    height: int,
    proposer: int,
    parent: bytes,
    certificate: bytes,
    commands: Sequence[tuple[int, int, bytes]] = (),
) -> bytes:
    """The encoding of a block; a command is client, sequence, data."""
    head = struct.pack("<QQH", view, height, proposer) + parent + certificate
    return (
        head
        + bytes([len(commands)])
        + b"".join(
            struct.pack("<QQB", client, sequence, len(data)) + data
            for client, sequence, data in commands
        )
    )


def name_of(block: bytes) -> bytes:
    """The hash that certificates and children call the block by."""
    return hashlib.sha256(block).digest()


def first_block(seed: int, n: int) -> bytes:
    """The encoding of the block that a cluster starts from."""
    cluster = struct.pack("<QH22x", seed, n)
    return block_of(0, 0, 0, cluster, bytes(8) + cluster + b"\0")
