"""Vectors of 128 bits: what is done with their lanes; lane 0 is in the lowest bits.

What a lane computes comes from `integer`, `floats` and `conversions`.
Source: WebAssembly Core Specification 2.0, section 4.3.5.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable

MASK = (1 << 128) - 1

Unary = Callable[[int], int]
Binary = Callable[[int, int], int]
_CODES = {8: "B", 16: "H", 32: "I", 64: "Q"}


class Shape:
    """A vector as lanes of one width."""

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.count = 128 // bits
        self.ones = (1 << bits) - 1
        self._lanes = struct.Struct(f"<{self.count}{_CODES[bits]}")

    def split(self, v: int) -> tuple[int, ...]:
        """The lanes of `v`."""
        return self._lanes.unpack(v.to_bytes(16, "little"))

    def join(self, lanes: Iterable[int]) -> int:
        """The vector of all `lanes`."""
        return int.from_bytes(self._lanes.pack(*lanes), "little")

    def splat(self, a: int) -> int:
        """All lanes alike; the low bits of `a`."""
        return self.join([a & self.ones] * self.count)

    def extract(self, v: int, lane: int) -> int:
        """A lane as it is."""
        return v >> lane * self.bits & self.ones

    def extract_s(self, v: int, lane: int) -> int:
        """A lane as a signed number of 32 bits."""
        a = self.extract(v, lane)
        return (a - (a << 1 & self.ones + 1)) & 0xFFFFFFFF

    def replace(self, v: int, a: int, lane: int) -> int:
        """`v` with the low bits of `a` as one lane."""
        at = lane * self.bits
        return v & ~(self.ones << at) | (a & self.ones) << at

    def unary(self, run: Unary) -> Unary:
        """Each lane by itself."""
        return lambda v: self.join(map(run, self.split(v)))

    def binary(self, run: Binary) -> Binary:
        """Each pair of lanes by itself."""
        return lambda v, w: self.join(map(run, self.split(v), self.split(w)))

    def compare(self, run: Binary) -> Binary:
        """Ones where `run` says 1, else zeros."""
        return self.binary(lambda a, b: run(a, b) * self.ones)

    def shift(self, run: Binary) -> Binary:
        """Each lane by the same count."""
        return lambda v, count: self.join([run(a, count) for a in self.split(v)])

    def all_true(self, v: int) -> int:
        """1 where no lane is zero."""
        return int(all(self.split(v)))

    def bitmask(self, v: int) -> int:
        """The top bit of each lane."""
        top = self.bits - 1
        return sum(a >> top << i for i, a in enumerate(self.split(v)))


I8X16, I16X8, I32X4, I64X2 = Shape(8), Shape(16), Shape(32), Shape(64)


def low(of: Shape, to: Shape, run: Unary) -> Unary:
    """The first lanes, as many as `to` has."""
    return lambda v: to.join(map(run, of.split(v)[: to.count]))


def high(of: Shape, to: Shape, run: Unary) -> Unary:
    """The last lanes, as many as `to` has."""
    return lambda v: to.join(map(run, of.split(v)[-to.count :]))


def zero(of: Shape, to: Shape, run: Unary) -> Unary:
    """All lanes become the first ones of more lanes; the others are zero."""
    rest = (0,) * (to.count - of.count)
    return lambda v: to.join((*map(run, of.split(v)), *rest))


def narrow(of: Shape, to: Shape, run: Unary) -> Binary:
    """The lanes of two vectors, one behind the other."""
    return lambda v, w: to.join(map(run, of.split(v) + of.split(w)))


def product(
    half: Callable[[Shape, Shape, Unary], Unary], of: Shape, to: Shape, run: Unary
) -> Binary:
    """Products of lanes that `half`, which is `low` or `high`, extends by `run`."""
    wide = half(of, to, run)
    times = to.binary(lambda a, b: a * b & to.ones)
    return lambda v, w: times(wide(v), wide(w))


def pairwise(of: Shape, to: Shape, run: Unary) -> Unary:
    """Sums of neighbours, extended by `run` before."""
    return lambda v: to.join(_neighbours(to, map(run, of.split(v))))


def dot(of: Shape, to: Shape, run: Unary) -> Binary:
    """Sums of neighbouring products, extended by `run` before."""

    def added(v: int, w: int) -> int:
        products = [run(a) * run(b) for a, b in zip(of.split(v), of.split(w), strict=True)]
        return to.join(_neighbours(to, products))

    return added


def _neighbours(to: Shape, numbers: Iterable[int]) -> Iterable[int]:
    every = iter(numbers)
    return [(a + b) & to.ones for a, b in zip(every, every, strict=True)]


def shuffle(v: int, w: int, *lanes: int) -> int:
    """Bytes of `v`, numbered from 0, and of `w`, from 16."""
    every = I8X16.split(v) + I8X16.split(w)
    return I8X16.join(every[lane] for lane in lanes)


def swizzle(v: int, w: int) -> int:
    """Bytes of `v` by the numbers in `w`; 0 for a number of 16 and more."""
    every = I8X16.split(v)
    return I8X16.join(every[lane] if lane < 16 else 0 for lane in I8X16.split(w))


def not_(v: int) -> int:
    """Bit by bit."""
    return v ^ MASK


def andnot(v: int, w: int) -> int:
    """`v` where `w` has zeros."""
    return v & ~w


def bitselect(v: int, w: int, mask: int) -> int:
    """`v` where the mask has ones, `w` where it has zeros."""
    return v & mask | w & ~mask


def any_true(v: int) -> int:
    """1 for any one."""
    return int(v != 0)


def load_extended(of_bits: int, to: Shape, run: Unary) -> Unary:
    """64 bits of memory as lanes of `of_bits`, each extended by `run`."""
    ones = (1 << of_bits) - 1
    return lambda data: to.join(run(data >> at & ones) for at in range(0, 64, of_bits))
