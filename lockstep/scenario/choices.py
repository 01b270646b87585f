"""Where a generator's decisions come from: a counter-based stream, or Hypothesis."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")

_BLOCK = struct.Struct("<64Q")


class Choices(Protocol):
    """A source of decisions. Whoever writes against it knows nothing of seeds."""

    def integer(self, low: int, high: int) -> int:
        """A number of low..high, both included; the span is 64 bits at most."""

    def chance(self, numerator: int, denominator: int) -> bool:
        """True in `numerator` of `denominator` cases."""

    def pick(self, options: Sequence[T]) -> T:
        """One of `options`, of which there is at least one."""

    def data(self, size: int) -> bytes:
        """`size` bytes."""


class Stream:
    """Decisions as a pure function of (seed, index, label) and of how many were made before.

    Block k of 64 numbers is SHAKE-128 of "seed/index/label/k", so that any machine and any version
    of Python makes the same decisions.
    """

    def __init__(self, seed: int, index: int, label: str) -> None:
        self._key = f"{seed}/{index}/{label}/"
        self._block = 0
        self._numbers: list[int] = []

    def _next(self) -> int:
        if not self._numbers:
            text = f"{self._key}{self._block}".encode()
            self._block += 1
            self._numbers = list(_BLOCK.unpack(hashlib.shake_128(text).digest(_BLOCK.size)))
        return self._numbers.pop()

    def integer(self, low: int, high: int) -> int:
        """See `Choices`. Multiply and shift: the bias is below 2^-32 for spans of 32 bits."""
        return low + (self._next() * (high - low + 1) >> 64)

    def chance(self, numerator: int, denominator: int) -> bool:
        """See `Choices`."""
        return self._next() * denominator >> 64 < numerator

    def pick(self, options: Sequence[T]) -> T:
        """See `Choices`."""
        return options[self._next() * len(options) >> 64]

    def data(self, size: int) -> bytes:
        """See `Choices`."""
        words = [self._next() for _ in range((size + 7) // 8)]
        return struct.pack(f"<{len(words)}Q", *words)[:size]


def weighted(choices: Choices, options: Sequence[tuple[T, int]]) -> T:
    """One of `options`, each with its weight."""
    return choices.pick([option for option, weight in options for _ in range(weight)])
